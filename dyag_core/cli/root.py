"""The root of the command line: finds commands by entry point, runs the one typed, turns errors into exits."""

from __future__ import annotations

import errno
import os
import signal
import sys
from typing import TYPE_CHECKING, Any

import click

from dyag_core.cli.config import settings_for
from dyag_core.errors import EXIT_CODES, DyagError, ResourceError, UsageError, nearest
from dyag_core.plugin import discovery
from dyag_core.plugin.disabling import NO_PLUGINS
from dyag_core.plugin.families import COMMANDS
from dyag_core.version import __version__

if TYPE_CHECKING:
    from types import FrameType

    from click.shell_completion import CompletionItem

#: What `dyag --help` says of each built-in, so that it needs to import none. A test holds these against the commands.
SUMMARIES = {
    "quickstart": "The whole chain on a sample catalogue, in minutes.",
    "ingest": "Read documents of any kind into one file of chunks.",
    "generate-training": "Make training data from documents.",
    "validate": "Say what is wrong with a training file, and mend it.",
    "review": "Read rows beside their sources, and say which are wrong.",
    "finetune": "Fine-tune a base model on training data.",
    "query-finetuned": "Ask a fine-tuned model.",
    "evaluate-finetuned": "Measure a fine-tuned model on test questions.",
    "index-rag": "Build a search index over documents.",
    "query-rag": "Ask a base model that is given what a search finds.",
    "evaluate-rag": "Measure retrieval with a base model on test questions.",
    "evaluate": "Measure several arms on the same questions.",
    "compare-models": "Say which arm to use, with intervals.",
    "serve": "A page and an API for the people who ask.",
    "export": "Write training data, or a model, for another tool.",
    "models": "List, show and fetch base models.",
    "plugins": "List, show and check plugins.",
    "doctor": "Say what this machine can run.",
    "completion": "Print a script that completes commands in your shell.",
}


class LazyGroup(click.Group):
    """Commands come from the entry-point group `dyag.commands`; listing them imports none of them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Built-ins in the order of the work, then everybody else's by name."""
        installed = {entry.name for entry in discovery.entries(COMMANDS)}
        return [name for name in SUMMARIES if name in installed] + sorted(installed - set(SUMMARIES))

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """Import the command of that name, and no other."""
        installed = {entry.name for entry in discovery.entries(COMMANDS)}
        if name not in installed:
            return None
        return discovery.load_command(discovery.find(COMMANDS, name))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, but an unknown command gets the nearest names; reads the command's settings."""
        name = args[0]
        if name not in self.list_commands(ctx) and not name.startswith("-") and not ctx.resilient_parsing:
            raise UsageError(f"no command is named {name!r}", nearest(name, self.list_commands(ctx)))
        resolved = super().resolve_command(ctx, args)
        if resolved[1] is not None and not ctx.resilient_parsing:
            ctx.default_map = {name: _settings(ctx, name, resolved[1])}
        return resolved

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands from metadata alone."""
        with formatter.section("Commands"):
            formatter.write_dl(self._summaries(ctx))

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Commands and options that begin with `incomplete`, from metadata alone."""
        from click.shell_completion import CompletionItem

        commands = [(name, text) for name, text in self._summaries(ctx) if name.startswith(incomplete)]
        items = [CompletionItem(name, help=text) for name, text in commands]
        return items + click.Command.shell_complete(self, ctx, incomplete)

    def _summaries(self, ctx: click.Context) -> list[tuple[str, str]]:
        others = {
            entry.name: f"(from {entry.distribution} {entry.version})"
            for entry in discovery.entries(COMMANDS)
            if entry.name not in SUMMARIES
        }
        return [(name, SUMMARIES.get(name) or others.get(name, "")) for name in self.list_commands(ctx)]


def _settings(ctx: click.Context, name: str, command: click.Command) -> dict[str, Any]:
    """The settings of a command. One that has flags of plugins looks for the keys among them that it doesn't know."""
    from dyag_core.cli.plugin_parameters import UNKNOWN_SETTINGS, PluginCommand

    settings, unknown = settings_for(name, command, [entry.name for entry in discovery.installed(COMMANDS)])
    if isinstance(command, PluginCommand):
        ctx.meta[UNKNOWN_SETTINGS] = unknown
        return settings
    for key, where in unknown.items():
        raise UsageError(f"{where}: unknown key {key!r}", nearest(key, [str(p.name) for p in command.params]))
    return settings


def _leave_plugins_out(ctx: click.Context, _parameter: click.Parameter, chosen: bool) -> None:
    """Said in the environment, for this command and what it starts."""
    if chosen and not ctx.resilient_parsing:
        before = os.environ.get(NO_PLUGINS)
        os.environ[NO_PLUGINS] = "1"
        ctx.call_on_close(lambda: _restore(NO_PLUGINS, before))


def _restore(variable: str, value: str | None) -> None:
    if value is None:
        os.environ.pop(variable, None)
    else:
        os.environ[variable] = value


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "auto_envvar_prefix": "DYAG", "max_content_width": 100},
    epilog="Start here: dyag quickstart. Every option can also stand in ./dyag.toml or in DYAG_COMMAND_OPTION.\n\n"
    f"Exit codes: {' · '.join(f'{code} {meaning}' for code, meaning in EXIT_CODES.items())}.",
)
@click.version_option(__version__, prog_name="dyag")
@click.option("--traceback", is_flag=True, help="On an error, show where in the code it happened.")
@click.option(
    "--no-plugins",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_leave_plugins_out,
    help="Only what comes with DYAG takes part, nobody else's plugins.",
)
def root(traceback: bool) -> None:
    """Should you retrieve, fine-tune, or both? Measure it on your own documents."""


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit with its code."""
    if sys.stdout is None:  # closed by who started this (`>&-`): the work is done all the same
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - for as long as the process lives
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    signal.signal(signal.SIGTERM, _terminated)
    arguments = sys.argv[1:] if arguments is None else arguments
    show_traceback = "--traceback" in arguments
    arguments = [argument for argument in arguments if argument != "--traceback"]
    try:
        code = _run(arguments, show_traceback)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader went away (`dyag ... | head`): no traceback, and none from the interpreter's own flush either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 1
    sys.exit(code)


def _run(arguments: list[str], show_traceback: bool) -> int:
    try:
        result: Any = root.main(args=arguments, prog_name="dyag", standalone_mode=False)
        return result if isinstance(result, int) else 0
    except click.exceptions.Abort:
        return _say_error("interrupted", "run the same command again to go on", 130)
    except KeyboardInterrupt:
        return _say_error("interrupted", "run the same command again to go on", 130)
    except click.NoSuchOption as error:
        options = [name for p in (error.ctx.command.params if error.ctx else []) for name in p.opts]
        hint = getattr(error, "hint", None) or nearest(error.option_name, options)
        return _say_error(f"no option {error.option_name}", hint, 2)
    except click.UsageError as error:
        where = error.ctx.command_path if error.ctx else "dyag"
        return _say_error(error.format_message(), f"see: {where} --help", 2)
    except click.ClickException as error:
        return _say_error(error.format_message(), None, error.exit_code)
    except DyagError as error:
        if show_traceback:
            raise
        return _say_error(error.message, error.hint, error.exit_code)
    except BrokenPipeError:
        raise
    except MemoryError:
        return _say_error("out of memory", "use a smaller base model, batch or context", ResourceError.exit_code)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            return _say_error(f"no room on the disk: {error}", "free some space and run the same command again", 5)
        if show_traceback:
            raise
        return _say_error(str(error), "run again with --traceback for details", 1)
    except Exception as error:
        if show_traceback:
            raise
        return _say_error(
            f"unexpected {type(error).__name__}: {error}",
            "this is a fault in DYAG or a plugin; run again with --traceback and report it",
            1,
        )


def _say_error(message: str, hint: str | None, code: int) -> int:
    click.echo(f"error: {message}", err=True)
    if hint:
        click.echo(f"       {hint}", err=True)
    return code


def _terminated(_signal: int, _frame: FrameType | None) -> None:
    sys.exit(143)
