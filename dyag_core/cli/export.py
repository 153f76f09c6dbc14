"""`dyag export`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from dyag_core.cli.common import FilePath, json_option, session, shell_path
from dyag_core.cli.plugin_parameters import PluginCommand
from dyag_core.cli.stage_options import stage_options
from dyag_core.records.options import ExportOptions


@click.command("export", cls=PluginCommand, short_help="Write training data, or a model, for another tool.")
@click.argument("source", metavar="INPUT", type=FilePath)
@stage_options(ExportOptions)
@json_option
def command(source: Path, given: dict[str, Any], as_json: bool) -> None:
    """Write INPUT, a training file or the folder of a fine-tuned model, as another tool takes it.

    Training files (openai, alpaca, sharegpt): NAME.jsonl holds one row a line; NAME.json one array, for the formats
    that know both. What a format can't hold is counted, with its reason.

    Models (merged, gguf, ollama, adapter, hub): --output is a folder. The files are asked the same questions as the
    model they were made from; where too many answers differ, the command ends with exit code 3.
    """
    from dyag_core.cli.terminal import hint, result

    made = session().export(source, **given)
    result(made.model_dump(mode="json"), as_json=as_json, text="\n".join(map(str, made.files)))
    hint(*made.summary_lines())
    hint("Next:", f"  {made.next or f'head -n 2 {shell_path(made.files[0])}'}")
