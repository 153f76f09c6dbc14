"""`dyag index-rag`."""

from __future__ import annotations

from pathlib import Path

import click

from dyag_core.cli.common import FilePath, field_options, fields_of, json_option, plugin_options, session, shell_path
from dyag_core.cli.plugin_parameters import PluginCommand, PluginName


@click.command("index-rag", cls=PluginCommand, short_help="Build a search index over documents.")
@click.argument("documents", metavar="INPUT", type=FilePath)
@click.option("--output", type=FilePath, required=True, help="The index's folder, NAME.index.")
@click.option(
    "--retriever", cls=PluginName, family="retrievers", default="bm25", show_default=True, help="Retriever plugin."
)
@plugin_options("retriever")
@field_options
@json_option
def command(
    documents: Path,
    output: Path,
    retriever: str,
    option: tuple[str, ...],
    mapped: tuple[str, ...],
    title: str | None,
    as_json: bool,
) -> None:
    """Build a search index over INPUT: a file of documents, or a folder of texts (see `dyag ingest --help`)."""
    from dyag_core.cli.terminal import hint, result
    from dyag_core.plugin.options import parse_pairs

    made = session().index(
        documents, output=output, retriever=retriever, options=parse_pairs(option), fields=fields_of(mapped, title)
    )
    result(made.model_dump(mode="json"), as_json=as_json, text=str(made.folder))
    hint(f"indexed {made.chunks} chunks with {retriever}")
    hint("Next:", f'  dyag query-rag "..." --index {shell_path(made.folder)} --base-model smollm2:135m')
