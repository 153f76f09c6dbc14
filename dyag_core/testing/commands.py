"""What a command keeps to."""

from __future__ import annotations

from typing import ClassVar

import click
import pytest
from click.testing import CliRunner

from dyag_core.testing.contract import Contract


class CommandContract(Contract):
    """A click command that says what it does and refuses what it doesn't know."""

    section: ClassVar[str] = "Commands"

    @pytest.fixture
    def command(self) -> click.Command:
        """The plugin, which must be a `click.Command`."""
        command = self.instance()
        if not isinstance(command, click.Command):
            self.wants(False, f"a plugin of dyag.commands is a click.Command, not {type(command).__name__}")
        assert isinstance(command, click.Command)
        return command

    def test_it_is_a_command_that_says_what_it_does(self, command: click.Command) -> None:
        """The docstring of its function is its help."""
        self.wants((command.help or "").strip(), "the command has no help: write a docstring under @click.command")

    def test_every_option_is_described(self, command: click.Command) -> None:
        """`--help` is the manual."""
        for each in _with_subcommands(command):
            bare = [
                p.opts[0]
                for p in each.params
                if isinstance(p, click.Option) and not p.hidden and not (p.help or "").strip()
            ]
            self.wants(not bare, f"options of {each.name} without help: {', '.join(bare)}")

    def test_its_help_can_be_shown(self, command: click.Command) -> None:
        """`--help` works, of each subcommand too, and does nothing else."""
        for arguments in [[], *([name] for name in getattr(command, "commands", {}))]:
            done = CliRunner().invoke(command, [*arguments, "--help"], prog_name="dyag")
            self.wants(
                done.exit_code == 0 and "Usage:" in done.output,
                f"`{' '.join([*arguments, '--help'])}` exits {done.exit_code}: {done.output}{done.exception or ''}",
            )

    def test_an_unknown_option_is_refused(self, command: click.Command) -> None:
        """Exit 2, before anything was done."""
        done = CliRunner().invoke(command, ["--no-such-option-of-anybody"], prog_name="dyag")
        self.wants(done.exit_code == 2, f"an unknown option exits {done.exit_code}, not 2")


def _with_subcommands(command: click.Command) -> list[click.Command]:
    return [command, *getattr(command, "commands", {}).values()]
