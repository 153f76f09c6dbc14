"""Commands that each break one check; the good one breaks none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import ClassVar

import click

from dyag_core.testing import (
    CommandContract,
)


@click.command("count")
@click.argument("file")
@click.option("--words", is_flag=True, help="Count words.")
def good_command(file, words):
    """Count the lines of FILE."""
    click.echo(len(Path(file).read_text(encoding="utf-8").split()) if words else json.dumps(file))


class TestGoodCommand(CommandContract):
    plugin = good_command


class TestAFunction(CommandContract):
    breaks, says = "test_it_is_a_command_that_says_what_it_does", "is a click.Command"
    plugin: ClassVar = [good_command.callback]


class TestNoHelp(CommandContract):
    breaks, says = "test_it_is_a_command_that_says_what_it_does", "the command has no help"
    plugin = click.Command("count", callback=print)


class TestBareSwitch(CommandContract):
    breaks, says = "test_every_option_is_described", "--words"
    plugin = click.Command("count", callback=print, params=[click.Option(["--words"])])


class TestHelpTaken(CommandContract):
    breaks, says = "test_its_help_can_be_shown", "`--help` exits 2"
    plugin = click.Command("count", callback=print, add_help_option=False)


class TestTakesAnyOption(CommandContract):
    breaks, says = "test_an_unknown_option_is_refused", "exits 0, not 2"
    plugin = click.Command(
        "count", callback=lambda: None, context_settings={"ignore_unknown_options": True, "allow_extra_args": True}
    )
