"""`dyag evaluate-finetuned`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from dyag_core.cli.common import FilePath, json_option, seed_option
from dyag_core.cli.plugin_parameters import PluginCommand
from dyag_core.cli.stage_options import stage_options
from dyag_core.records.options import EvaluateOptions


@click.command("evaluate-finetuned", cls=PluginCommand, short_help="Measure a fine-tuned model on test questions.")
@click.argument("questions", type=FilePath)
@stage_options(
    EvaluateOptions,
    leave_out=("arms", "index", "k", "few_shot", "validation"),
    model={"required": True, "help": "The fine-tuned model: OUTPUT/final, or a PEFT adapter."},
    base_model={"help": "Only needed where the base that the model names can't be found."},
    output={"required": True, "help": "The results file to write, FILE.json."},
)
@seed_option
@json_option
def command(questions: Path, given: dict[str, Any], seed: int, as_json: bool) -> None:
    """Ask a fine-tuned model the QUESTIONS of a test file and score its answers.

    QUESTIONS is JSONL with {"question", "expected_answer"}, or rows of any shape that training takes.
    """
    from dyag_core.cli.evaluate_shared import measure

    measure(questions, given | {"arms": ["finetuned"]}, seed, as_json)
