"""`dyag query-finetuned`."""

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


@click.command("query-finetuned", cls=PluginCommand, short_help="Ask a fine-tuned model.")
@click.argument("question", required=False)
@click.option("--model", type=FilePath, required=True, help="The fine-tuned model: OUTPUT/final.")
@base_model_option(help="Only needed where the passport's base can't be found.")
@click.option("--index", type=FilePath, help="Give it what a search finds, too (the hybrid arm).")
@click.option("-k", default=3, show_default=True, type=click.IntRange(min=1), help="Passages to retrieve.")
@engine_options
@decoding_options
@seed_option
@json_option
def command(question: str | None, model: Path, base_model: str | None, index: Path | None, k: int, **rest: Any) -> None:
    """Answer QUESTION with a fine-tuned model; without QUESTION, talk with it."""
    from dyag_core.cli.query_shared import ask

    ask(question, model=model, base_model=base_model, index=index, k=k, **rest)
