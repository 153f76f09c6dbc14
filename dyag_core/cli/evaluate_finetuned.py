"""`dyag evaluate-finetuned`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from dyag_core.cli.common import FilePath, base_model_option
from dyag_core.cli.evaluate_shared import measuring_options
from dyag_core.cli.plugin_parameters import PluginCommand


@click.command("evaluate-finetuned", cls=PluginCommand, short_help="Measure a fine-tuned model on test questions.")
@click.argument("questions", type=FilePath)
@click.option("--model", type=FilePath, required=True, help="The fine-tuned model: OUTPUT/final.")
@base_model_option(help="Only needed where the passport's base can't be found.")
@click.option("--output", type=FilePath, required=True, help="The results file to write, FILE.json.")
@measuring_options
def command(questions: Path, model: Path, base_model: str | None, output: Path, **rest: Any) -> None:
    """Ask a fine-tuned model the QUESTIONS of a test file and score its answers.

    QUESTIONS is JSONL with {"question", "expected_answer"}, or rows of any shape that training takes.
    """
    from dyag_core.cli.evaluate_shared import measure

    measure(questions, ["finetuned"], output, model=model, base_model=base_model, index=None, **rest)
