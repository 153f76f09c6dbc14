"""`dyag evaluate-rag`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from dyag_core.cli.common import FilePath, base_model_option
from dyag_core.cli.evaluate_shared import measuring_options, retrieval_options
from dyag_core.cli.plugin_parameters import PluginCommand


@click.command("evaluate-rag", cls=PluginCommand, short_help="Measure retrieval with a base model on test questions.")
@click.argument("questions", type=FilePath)
@click.option(
    "--index",
    type=FilePath,
    required=True,
    help="The index; where it isn't there yet it is built from the documents that the questions were made from.",
)
@base_model_option(help="Preset, ORG/NAME or folder.", default="qwen2.5:1.5b", show_default=True)
@click.option("--output", type=FilePath, required=True, help="The results file to write, FILE.json.")
@retrieval_options
@measuring_options
def command(questions: Path, index: Path, base_model: str, output: Path, **rest: Any) -> None:
    """Ask a base model, given what a search finds, the QUESTIONS of a test file and score its answers."""
    from dyag_core.cli.evaluate_shared import measure

    measure(questions, ["rag"], output, model=None, base_model=base_model, index=index, **rest)
