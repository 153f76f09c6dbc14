"""`dyag evaluate`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from dyag_core.cli.common import FilePath, json_option, seed_option
from dyag_core.cli.plugin_parameters import PluginCommand
from dyag_core.cli.stage_options import stage_options
from dyag_core.records.options import EvaluateOptions


@click.command("evaluate", cls=PluginCommand, short_help="Measure several arms on the same questions.")
@click.argument("questions", type=FilePath)
@stage_options(EvaluateOptions, output={"required": True})
@seed_option
@json_option
def command(questions: Path, given: dict[str, Any], seed: int, as_json: bool) -> None:
    """Ask every arm the same QUESTIONS, with the same base model and decoding, and score the answers."""
    from dyag_core.cli.evaluate_shared import measure

    measure(questions, given, seed, as_json)
