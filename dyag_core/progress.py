"""How long work says how far it is: what a progress looks like, the silent one, and one that draws seldom."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType
    from typing import Self


class Task(Protocol):
    """One progress bar."""

    def advance(self, steps: float = 1, **shown: object) -> None:
        """Go on by `steps`; `shown` are values to display beside the bar (loss=1.23)."""


class Progress(Protocol):
    """Where long work reports how far it is. The command line draws it on stderr, a program may ignore it."""

    def task(self, description: str, total: float | None = None) -> AbstractContextManager[Task]:
        """Open a bar; closing the context takes it away."""

    def message(self, text: str) -> None:
        """One line for the user, above the bars."""


class _SilentTask:
    def advance(self, steps: float = 1, **shown: object) -> None:
        """Nothing to draw."""


class SilentProgress:
    """The progress of a program that didn't ask for any."""

    @contextmanager
    def task(self, description: str, total: float | None = None) -> Iterator[Task]:
        """A bar that isn't drawn."""
        yield _SilentTask()

    def message(self, text: str) -> None:
        """A line that isn't printed."""


_SECONDS = 0.25


class Throttled:
    """A task that draws four times a second at the most, with its rate; drawing each row would cost as much as the row.

    Open it as a context manager: what was not drawn yet is drawn at the end.
    """

    def __init__(self, task: Task, unit: str) -> None:
        self._task, self._unit = task, f"{unit}/s"
        self._done = self._waiting = 0.0
        self._shown: dict[str, object] = {}
        self._started = self._drawn = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._draw(time.monotonic())

    def advance(self, steps: float = 1, **shown: object) -> None:
        """Count `steps`, and draw them with the latest values when it is time."""
        self._waiting += steps
        self._shown |= shown
        now = time.monotonic()
        if now - self._drawn >= _SECONDS:
            self._draw(now)

    def _draw(self, now: float) -> None:
        self._done += self._waiting
        rate = round(self._done / max(now - self._started, 1e-9))
        self._task.advance(self._waiting, **{self._unit: rate, **self._shown})
        self._waiting, self._drawn = 0.0, now
