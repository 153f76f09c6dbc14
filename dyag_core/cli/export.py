"""`dyag export`."""

from __future__ import annotations

from pathlib import Path

import click

from dyag_core.cli.common import FilePath, json_option, plugin_options, session, shell_path
from dyag_core.cli.plugin_parameters import PluginCommand, PluginName


@click.command("export", cls=PluginCommand, short_help="Write training data in the format of another tool.")
@click.argument("source", metavar="INPUT", type=FilePath)
@click.option(
    "--format",
    "format_",
    cls=PluginName,
    family="exporters",
    required=True,
    help="Exporter plugin: openai, alpaca, sharegpt, ...",
)
@click.option("--output", type=FilePath, required=True, help="The file to write.")
@plugin_options("exporter")
@json_option
def command(source: Path, format_: str, output: Path, option: tuple[str, ...], as_json: bool) -> None:
    """Write INPUT, a training file, as another tool takes it. What a format can't hold is counted, with its reason.

    NAME.jsonl holds one row a line; NAME.json one array, for the formats that know both.
    """
    from dyag_core.cli.terminal import hint, result
    from dyag_core.plugin.options import parse_pairs

    made = session().export(source, format=format_, output=output, options=parse_pairs(option))
    result(made.model_dump(mode="json"), as_json=as_json, text="\n".join(map(str, made.files)))
    hint(*made.summary_lines())
    hint("Next:", f"  head -n 2 {shell_path(made.files[0])}")
