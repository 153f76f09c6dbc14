"""`dyag query-rag`."""

from __future__ import annotations

from typing import Any

import click

from dyag_core.cli.common import json_option, seed_option
from dyag_core.cli.plugin_parameters import PluginCommand
from dyag_core.cli.stage_options import stage_options
from dyag_core.records.options import QueryOptions


@click.command("query-rag", cls=PluginCommand, short_help="Ask a base model that is given what a search finds.")
@click.argument("question", required=False)
@stage_options(
    QueryOptions,
    leave_out=("model",),
    index={"required": True, "help": "The index that `dyag index-rag` made."},
    base_model={"default": "qwen2.5:1.5b", "show_default": True, "help": "Preset, ORG/NAME or folder."},
)
@seed_option
@json_option
def command(question: str | None, **rest: Any) -> None:
    """Answer QUESTION from retrieved passages with a base model; without QUESTION, talk with it."""
    from dyag_core.cli.query_shared import ask

    ask(question, **rest)
