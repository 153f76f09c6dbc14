"""`dyag query-rag`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from dyag_core.cli.common import (
    FilePath,
    base_model_option,
    decoding_options,
    engine_options,
    json_option,
    seed_option,
)
from dyag_core.cli.plugin_parameters import PluginCommand


@click.command("query-rag", cls=PluginCommand, short_help="Ask a base model that is given what a search finds.")
@click.argument("question", required=False)
@click.option("--index", type=FilePath, required=True, help="The index that `dyag index-rag` made.")
@base_model_option(help="Preset, ORG/NAME or folder.", default="qwen2.5:1.5b", show_default=True)
@click.option("-k", default=3, show_default=True, type=click.IntRange(min=1), help="Passages to retrieve.")
@engine_options
@decoding_options
@seed_option
@json_option
def command(question: str | None, index: Path, base_model: str, k: int, **rest: Any) -> None:
    """Answer QUESTION from retrieved passages with a base model; without QUESTION, talk with it."""
    from dyag_core.cli.query_shared import ask

    ask(question, model=None, base_model=base_model, index=index, k=k, **rest)
