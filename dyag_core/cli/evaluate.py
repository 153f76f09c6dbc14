"""`dyag evaluate`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from dyag_core.cli.common import FilePath, base_model_option
from dyag_core.cli.evaluate_shared import measuring_options, retrieval_options
from dyag_core.cli.plugin_parameters import PluginCommand


@click.command("evaluate", cls=PluginCommand, short_help="Measure several arms on the same questions.")
@click.argument("questions", type=FilePath)
@click.option(
    "--arms",
    default="base,rag,finetuned,hybrid",
    show_default=True,
    help="Which arms, with commas between; oracle, the ceiling of retrieval, may be added.",
)
@click.option("--model", type=FilePath, help="The fine-tuned model, for finetuned and hybrid.")
@base_model_option(help="Preset, ORG/NAME or folder; by default the fine-tuned model's own base.")
@click.option("--index", type=FilePath, help="The index, for rag, hybrid and oracle; built where it isn't there yet.")
@click.option("--output", type=FilePath, required=True, help="Prefix of the results files: PREFIX_ARM.json.")
@retrieval_options
@measuring_options
def command(
    questions: Path,
    arms: str,
    model: Path | None,
    base_model: str | None,
    index: Path | None,
    output: Path,
    **rest: Any,
) -> None:
    """Ask every arm the same QUESTIONS, with the same base model and decoding, and score the answers."""
    from dyag_core.cli.evaluate_shared import measure

    chosen = [arm.strip() for arm in arms.split(",") if arm.strip()]
    measure(questions, chosen, output, model=model, base_model=base_model, index=index, **rest)
