"""`dyag ingest`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from dyag_core.cli.common import FilePath, json_option, session, shell_path
from dyag_core.cli.plugin_parameters import StageCommand
from dyag_core.cli.stage_options import stage_options
from dyag_core.records.options import IngestOptions


@click.command("ingest", cls=StageCommand, short_help="Read documents of any kind into one file of chunks.")
@click.argument("sources", metavar="INPUT...", type=FilePath, nargs=-1, required=True)
@stage_options(IngestOptions, output={"required": True})
@json_option
def command(
    sources: tuple[Path, ...],
    given: dict[str, Any],
    as_json: bool,
) -> None:
    """Read INPUT into one file of chunks: JSONL, JSON, CSV, TSV, Parquet, Markdown, text, HTML, PDF, Word, or folders.

    Texts are cut at headings, then at sentences. Chunks of a JSONL file and rows of a table stay as they are unless
    they are longer than the limit. The same text has the same id in every run.
    """
    from dyag_core.cli.terminal import hint, result

    made = session().ingest(*sources, **given)
    result(made.model_dump(mode="json"), as_json=as_json, text=str(made.output))
    hint(*made.summary_lines())
    made_from, training = shell_path(made.output), shell_path(made.output.with_name("training.jsonl"))
    hint("Next:", f"  dyag generate-training {made_from} --method augmented --split --output {training}")
