"""`dyag query-finetuned`."""

from __future__ import annotations

from typing import Any

import click

from dyag_core.cli.common import json_option, seed_option
from dyag_core.cli.plugin_parameters import PluginCommand
from dyag_core.cli.stage_options import stage_options
from dyag_core.records.options import QueryOptions


@click.command("query-finetuned", cls=PluginCommand, short_help="Ask a fine-tuned model.")
@click.argument("question", required=False)
@stage_options(
    QueryOptions,
    model={"required": True},
    base_model={"help": "Only needed where the base that the model names can't be found."},
    index={"help": "Give it what a search finds, too (the hybrid arm)."},
)
@seed_option
@json_option
def command(question: str | None, **rest: Any) -> None:
    """Answer QUESTION with a fine-tuned model; without QUESTION, talk with it."""
    from dyag_core.cli.query_shared import ask

    ask(question, **rest)
