"""What a person at a terminal sees: bars and hints on stderr, results on stdout, no control sequences from outside."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager, redirect_stdout, suppress
from contextvars import ContextVar
from typing import IO, TYPE_CHECKING, Any

import click

from dyag_core.text.sanitize import plain

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.progress import Progress as RichBars
    from rich.progress import TaskID

    from dyag_core.progress import Task

_HALF_A_MINUTE = 30.0
#: The real stdout inside `results_alone`; None outside, where it is sys.stdout.
_STDOUT: ContextVar[IO[str] | None] = ContextVar("stdout", default=None)


def _values(shown: dict[str, object]) -> str:
    """What stands beside a bar: "loss 1.234  left 3 min"."""
    return "  ".join(
        f"{key} {value:.4g}" if isinstance(value, float) else f"{key} {value}" for key, value in shown.items()
    )


class _Bar:
    def __init__(self, bars: RichBars, task: TaskID) -> None:
        self._bars = bars
        self._task = task

    def advance(self, steps: float = 1, **shown: object) -> None:
        """Move the bar and show the latest values beside it."""
        values = _values(shown)
        if values:
            self._bars.update(self._task, advance=steps, values=values)
        else:
            self._bars.update(self._task, advance=steps)


class TerminalProgress:
    """Progress drawn by rich on stderr; where stderr is no terminal, a plain line now and then."""

    def __init__(self) -> None:
        from rich.console import Console

        self._console = Console(stderr=True, highlight=False, soft_wrap=True)

    @contextmanager
    def task(self, description: str, total: float | None = None) -> Iterator[Task]:
        """A bar for the length of the block."""
        if not self._console.is_terminal:
            yield _PlainBar(description, total)
            return
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )

        with Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[values]}"),
            console=self._console,
            transient=True,
        ) as bars:
            yield _Bar(bars, bars.add_task(description, total=total, values=""))

    def message(self, text: str) -> None:
        """One line on stderr."""
        self._console.print(plain(text), markup=False)


class _PlainBar:
    """For logs: ten lines a task at the most, or one every half minute where nobody knows how much there is to do."""

    def __init__(self, description: str, total: float | None) -> None:
        self._description = description
        self._total = total
        self._done = 0.0
        self._next = 0.1
        self._told = time.monotonic()

    def advance(self, steps: float = 1, **shown: object) -> None:
        """Print when another tenth is done, or another half minute has gone."""
        self._done += steps
        if self._total is None and time.monotonic() - self._told >= _HALF_A_MINUTE:
            self._told = time.monotonic()
            click.echo(f"{self._description}: {self._done:g} {_values(shown)}".rstrip(), err=True)
        if self._total and self._done / self._total >= self._next:
            self._next = self._done / self._total + 0.1
            click.echo(f"{self._description}: {self._done:g}/{self._total:g} {_values(shown)}".rstrip(), err=True)


@contextmanager
def results_alone() -> Iterator[None]:
    """Inside, stdout is for `write` and `result`: what a plugin or a library prints goes to stderr."""
    token = _STDOUT.set(sys.stdout)
    try:
        with redirect_stdout(sys.stderr):
            yield
    finally:
        _STDOUT.reset(token)


def write(text: str, *, ends: bool = True) -> None:
    """Text of a result on stdout; `ends` its line."""
    click.echo(text, nl=ends, file=_STDOUT.get())


def read_line(prompt: str) -> str:
    """What the user types. At a terminal the line can be edited, and earlier ones called back with the arrow keys."""
    if is_interactive():
        with suppress(ImportError):  # Windows edits lines by itself
            import readline  # noqa: F401 - `input` uses it once it is there, and only on the real stdout
    with redirect_stdout(_STDOUT.get() or sys.stdout):
        return input(prompt)


def result(value: Any, *, as_json: bool, text: str) -> None:
    """The command's result on stdout: one JSON document, or text for people."""
    if not as_json:
        write(plain(text))
        return
    from dyag_core.artifacts import to_json  # with all records behind it: `dyag plugins list` needs none

    write(to_json(value, indent=2))


def hint(*lines: str) -> None:
    """What was made, what it means and what to type next: on stderr, for people."""
    for line in lines:
        click.echo(plain(line), err=True)


def table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A plain aligned table; the first column is left-aligned, the others right."""
    widths = [max(len(str(row[i])) for row in [headers, *rows]) for i in range(len(headers))]

    def line(cells: Sequence[str]) -> str:
        return "  ".join(
            str(cell).ljust(width) if i == 0 else str(cell).rjust(width)
            for i, (cell, width) in enumerate(zip(cells, widths, strict=True))
        ).rstrip()

    return "\n".join([line(headers), line(["-" * width for width in widths]), *map(line, rows)])


def is_interactive() -> bool:
    """True where a person can type."""
    return sys.stdin.isatty()
