"""`dyag finetune`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from dyag_core.cli.common import FilePath, json_option, plugin_options, seed_option, session, shell_path

if TYPE_CHECKING:
    from dyag_core.records.training import ResumePolicy


@click.command("finetune", short_help="Fine-tune a base model on training data.")
@click.option("--dataset", type=FilePath, required=True, help="Chat JSONL; NAME_val.jsonl beside it validates.")
@click.option("--output", type=FilePath, required=True, help="The run's folder; the model ends up in OUTPUT/final.")
@click.option("--base-model", default="qwen2.5:1.5b", show_default=True, help="Preset, ORG/NAME or folder.")
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
@click.option("--trainer", default="lora", show_default=True, help="Trainer plugin.")
@plugin_options("trainer")
@seed_option
@json_option
def command(
    dataset: Path,
    output: Path,
    base_model: str,
    epochs: float,
    resume: str,
    validation: Path | None,
    trainer: str,
    option: tuple[str, ...],
    seed: int,
    as_json: bool,
) -> None:
    """Fine-tune a base model with LoRA on the machine at hand: CUDA, Apple or plain CPU.

    The same command again goes on where it stopped. Ctrl-C keeps what was done.
    """
    from dyag_core.cli.terminal import hint, result
    from dyag_core.options import parse_pairs

    trained = session(seed).finetune(
        dataset,
        base_model=base_model,
        epochs=epochs,
        output=output,
        resume=cast("ResumePolicy", resume),
        trainer=trainer,
        options=parse_pairs(option),
        validation=validation,
    )
    result(trained.model_dump(mode="json"), as_json=as_json, text=str(trained.folder))
    hint(*trained.summary_lines())
    hint(
        "Next:",
        f'  dyag query-finetuned "..." --model {shell_path(trained.folder)}',
        f"  dyag evaluate-finetuned TEST.jsonl --model {shell_path(trained.folder)} --output results_ft.json",
    )
