"""`dyag plugins new`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from dyag_core.cli.common import FilePath, json_option


@click.command("new", short_help="Write a plugin package to start from.")
@click.argument("family")
@click.argument("name")
@click.option("--output", type=FilePath, metavar="DIR", help="The folder to write; by default NAME.")
@json_option
def new(family: str, name: str, output: Path | None, as_json: bool) -> None:
    """Write a package with a small plugin NAME of FAMILY that works, passes its tests and is yours to change.

    Families: generator, base-model, trainer, metric, reporter, retriever, engine, exporter, hook, command.
    """
    from dyag_core.cli.terminal import hint, result
    from dyag_core.plugin.scaffold import new_plugin

    made = new_plugin(family, name, output)
    result(asdict(made), as_json=as_json, text=made.folder)
    hint(*(f"  {file}" for file in made.files), "Next:", *(f"  {command}" for command in made.next))
