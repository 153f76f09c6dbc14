"""`dyag index-rag`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from dyag_core.cli.common import FilePath, json_option, session, shell_path
from dyag_core.cli.plugin_parameters import PluginCommand
from dyag_core.cli.stage_options import stage_options
from dyag_core.records.options import IndexOptions


@click.command("index-rag", cls=PluginCommand, short_help="Build a search index over documents.")
@click.argument("documents", metavar="INPUT", type=FilePath)
@stage_options(IndexOptions, output={"required": True})
@json_option
def command(documents: Path, given: dict[str, Any], as_json: bool) -> None:
    """Build a search index over INPUT: a file of documents, or a folder of texts (see `dyag ingest --help`)."""
    from dyag_core.cli.terminal import hint, result

    made = session().index(documents, **given)
    result(made.model_dump(mode="json"), as_json=as_json, text=str(made.folder))
    changed = f": {made.added} new, {made.gone} gone" if made.added is not None else ""
    hint(f"indexed {made.chunks} chunks with {made.retriever}{changed}")
    hint("Next:", f'  dyag query-rag "..." --index {shell_path(made.folder)} --base-model smollm2:135m')
