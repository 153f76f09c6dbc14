"""`dyag finetune`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from dyag_core.cli.common import (
    FilePath,
    base_model_option,
    json_option,
    plugin_options,
    seed_option,
    session,
    shell_path,
)
from dyag_core.cli.plugin_parameters import PluginCommand, PluginName

if TYPE_CHECKING:
    from dyag_core.records.training import ResumePolicy, TrainingEstimate


@click.command("finetune", cls=PluginCommand, short_help="Fine-tune a base model on training data.")
@click.option("--dataset", type=FilePath, required=True, help="Chat JSONL; NAME_val.jsonl beside it validates.")
@click.option("--output", type=FilePath, required=True, help="The run's folder; the model ends up in OUTPUT/final.")
@base_model_option(help="Preset, ORG/NAME or folder.  [default: qwen2.5:1.5b, or the older adapter's]")
@click.option("--epochs", default=3.0, show_default=True, help="Passes over the data.")
@click.option(
    "--resume",
    is_flag=False,
    flag_value="auto",
    default="auto",
    show_default=True,
    type=click.Choice(["auto", "require", "never"]),
    help="Go on where this run stopped: if it can, or else fail, or start anew.",
)
@click.option("--validation", type=FilePath, help="Validation file, where it doesn't stand beside the data.")
@click.option("--trainer", cls=PluginName, family="trainers", default="lora", show_default=True, help="Trainer plugin.")
@click.option("--quantization", type=click.Choice(["none", "nf4", "auto"]), help="Same as -o quantization=...")
@click.option("--from-adapter", type=FilePath, help="Go on from this fine-tuned model, with new data.")
@click.option(
    "--replay", type=FilePath, help="With --from-adapter: its old training file, to mix rows of into the new."
)
@click.option("--replay-share", default=0.2, show_default=True, help="Share of old rows among all rows.")
@click.option("--old-test", type=FilePath, help="With --from-adapter: old questions, asked before and after.")
@click.option("--estimate", "only_estimate", is_flag=True, help="Say what it would take, and train nothing.")
@plugin_options("trainer")
@seed_option
@json_option
def command(
    dataset: Path,
    output: Path,
    base_model: str | None,
    epochs: float,
    resume: str,
    validation: Path | None,
    trainer: str,
    quantization: str | None,
    from_adapter: Path | None,
    replay: Path | None,
    replay_share: float,
    old_test: Path | None,
    only_estimate: bool,
    option: tuple[str, ...],
    seed: int,
    as_json: bool,
) -> None:
    """Fine-tune a base model with LoRA on the machine at hand: CUDA, Apple or plain CPU.

    The same command again goes on where it stopped. Ctrl-C keeps what was done.
    """
    from dyag_core.cli.terminal import hint, result
    from dyag_core.plugin.options import parse_pairs

    asked: dict[str, Any] = {
        "base_model": base_model,
        "epochs": epochs,
        "output": output,
        "trainer": trainer,
        "options": parse_pairs(option) | ({"quantization": quantization} if quantization else {}),
        "validation": validation,
        "from_adapter": from_adapter,
        "replay": replay,
        "replay_share": replay_share,
    }
    if only_estimate:
        found = session(seed).estimate(dataset, **asked)
        result(found.model_dump(mode="json"), as_json=as_json, text=_estimate_table(found))
        hint("Nothing was trained. Leave out --estimate to start.")
        return
    trained = session(seed).finetune(dataset, resume=cast("ResumePolicy", resume), old_test=old_test, **asked)
    result(trained.model_dump(mode="json"), as_json=as_json, text=str(trained.folder))
    hint(*trained.summary_lines())
    hint(
        "Next:",
        f'  dyag query-finetuned "..." --model {shell_path(trained.folder)}',
        f"  dyag evaluate-finetuned TEST.jsonl --model {shell_path(trained.folder)} --output results_ft.json",
    )


def _estimate_table(found: TrainingEstimate) -> str:
    """Memory by what takes it, then disk, data and time."""
    from dyag_core.cli.terminal import table
    from dyag_core.text.sanitize import bytes_text

    def known(value: int | None) -> str:
        return "unknown" if value is None else bytes_text(value)

    kind = found.dtype if found.quantization == "none" else f"{found.quantization}, {found.dtype}"
    rows = []
    if found.memory:
        rows += [(f"memory: {part}", bytes_text(value)) for part, value in found.memory.parts().items() if value]
        rows.append(("memory: estimate", bytes_text(found.memory.total)))
    rows += [
        ("memory: measured peak", known(found.memory_measured)),
        (f"memory: there ({found.device})", known(found.memory_room)),
        ("disk: needed", bytes_text(found.disk_needed)),
        ("disk: free", bytes_text(found.disk_free)),
        ("examples", f"{found.examples}"),
        ("tokens (trained)", f"{found.tokens} ({found.trained_tokens})"),
        ("steps", f"{found.steps} in {found.epochs:g} epochs"),
        (f"a step (mean of {found.measured_steps})", f"{found.seconds_a_step:.2f} s"),
        ("the whole run", f"{found.seconds / 60:.0f} min" if found.seconds >= 100 else f"{found.seconds:.0f} s"),
    ]
    return table((f"{found.base_model}, {kind}", ""), rows)
