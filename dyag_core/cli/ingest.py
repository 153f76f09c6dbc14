"""`dyag ingest`."""

from __future__ import annotations

from pathlib import Path

import click

from dyag_core.cli.common import FilePath, base_model_option, field_options, fields_of, json_option, session, shell_path
from dyag_core.cli.plugin_parameters import StageCommand


@click.command("ingest", cls=StageCommand, short_help="Read documents of any kind into one file of chunks.")
@click.argument("sources", metavar="INPUT...", type=FilePath, nargs=-1, required=True)
@click.option("--output", type=FilePath, required=True, help="The file to write, documents.jsonl.")
@click.option("--chunk-size", type=int, help="The longest chunk; by default 2000 characters or 400 tokens.")
@click.option(
    "--chunk-unit",
    type=click.Choice(["characters", "tokens"]),
    default="characters",
    show_default=True,
    help="What a chunk is measured in.",
)
@base_model_option(help="The model whose tokens are counted.")
@click.option("--overlap", default=0, show_default=True, help="Sentences repeated from one chunk to the next.")
@click.option("--strict", is_flag=True, help="Stop at the first bad line or file.")
@field_options
@json_option
def command(
    sources: tuple[Path, ...],
    output: Path,
    chunk_size: int | None,
    chunk_unit: str,
    base_model: str | None,
    overlap: int,
    strict: bool,
    mapped: tuple[str, ...],
    title: str | None,
    as_json: bool,
) -> None:
    """Read INPUT into one file of chunks: JSONL, JSON, CSV, TSV, Parquet, Markdown, text, HTML, PDF, Word, or folders.

    Texts are cut at headings, then at sentences. Chunks of a JSONL file and rows of a table stay as they are unless
    they are longer than the limit. The same text has the same id in every run.
    """
    from dyag_core.cli.terminal import hint, result

    made = session().ingest(
        *sources,
        output=output,
        chunk_size=chunk_size,
        chunk_unit=chunk_unit,
        base_model=base_model,
        overlap=overlap,
        strict=strict,
        fields=fields_of(mapped, title),
    )
    result(made.model_dump(mode="json"), as_json=as_json, text=str(made.output))
    hint(*made.summary_lines())
    made_from, training = shell_path(made.output), shell_path(made.output.with_name("training.jsonl"))
    hint("Next:", f"  dyag generate-training {made_from} --method augmented --split --output {training}")
