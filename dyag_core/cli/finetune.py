"""`dyag finetune`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dyag_core.cli.common import FilePath, json_option, seed_option, session, shell_path
from dyag_core.cli.plugin_parameters import PluginCommand
from dyag_core.cli.stage_options import stage_options
from dyag_core.records.options import FinetuneOptions

if TYPE_CHECKING:
    from dyag_core.records.training import TrainingEstimate


@click.command("finetune", cls=PluginCommand, short_help="Fine-tune a base model on training data.")
@click.option("--dataset", type=FilePath, required=True, help="Chat JSONL; NAME_val.jsonl beside it validates.")
@stage_options(FinetuneOptions, output={"required": True})
@click.option("--estimate", "only_estimate", is_flag=True, help="Say what it would take, and train nothing.")
@seed_option
@json_option
def command(
    dataset: Path,
    given: dict[str, Any],
    only_estimate: bool,
    seed: int,
    as_json: bool,
) -> None:
    """Fine-tune a base model with LoRA on the machine at hand: CUDA, Apple or plain CPU.

    The same command again goes on where it stopped. Ctrl-C keeps what was done.
    """
    from dyag_core.cli.terminal import hint, result

    if only_estimate:
        looked_at = {name: value for name, value in given.items() if name not in ("resume", "old_test")}
        found = session(seed).estimate(dataset, **looked_at)
        result(found.model_dump(mode="json"), as_json=as_json, text=_estimate_table(found))
        hint("Nothing was trained. Leave out --estimate to start.")
        return
    trained = session(seed).finetune(dataset, **given)
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
