"""`dyag serve`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from dyag_core.cli.common import FilePath, session
from dyag_core.cli.plugin_parameters import PluginCommand
from dyag_core.cli.stage_options import stage_options
from dyag_core.records.options import ServeOptions


@click.command("serve", cls=PluginCommand, short_help="A page and an API for the people who ask.")
@click.argument("folder", required=False, type=FilePath)
@stage_options(ServeOptions)
def command(folder: Path | None, given: dict[str, Any]) -> None:
    """Answer over HTTP with what FOLDER holds (as `dyag quickstart` makes it), or with --model and --index."""
    from dyag_core.cli.terminal import hint

    with session().serve(folder, **given) as server:
        hint(
            f"{server.url}/v1  (OpenAI's API; models: {', '.join(server.models)})",
            f"{server.url}/    (the page)",
            "Ctrl-C ends it, and lets running answers come to their end.",
        )
        server.wait()
