"""`dyag evaluate-rag`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from dyag_core.cli.common import FilePath, json_option, seed_option
from dyag_core.cli.plugin_parameters import PluginCommand
from dyag_core.cli.stage_options import stage_options
from dyag_core.records.options import EvaluateOptions


@click.command("evaluate-rag", cls=PluginCommand, short_help="Measure retrieval with a base model on test questions.")
@click.argument("questions", type=FilePath)
@stage_options(
    EvaluateOptions,
    leave_out=("arms", "model"),
    index={
        "required": True,
        "help": "The index; where it isn't there yet it is built from the documents that the questions were made from.",
    },
    base_model={"default": "qwen2.5:1.5b", "show_default": True, "help": "Preset, ORG/NAME or folder."},
    output={"required": True, "help": "The results file to write, FILE.json."},
)
@seed_option
@json_option
def command(questions: Path, given: dict[str, Any], seed: int, as_json: bool) -> None:
    """Ask a base model, given what a search finds, the QUESTIONS of a test file and score its answers."""
    from dyag_core.cli.evaluate_shared import measure

    measure(questions, given | {"arms": ["rag"]}, seed, as_json)
