"""Work that is done thousands of times a second: in batches, its progress, and the garbage it makes."""

from __future__ import annotations

import gc
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import TracebackType
    from typing import Self

    from dyag_core.protocols import Task

_SECONDS = 0.25
_NEW_OBJECTS = 100_000
_BATCH_SECONDS = 0.05

T = TypeVar("T")


def batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Items in lists of up to `size`, or of as many as came within a twentieth of a second.

    One step of a chain after the other, each on many items, finds its code and its data in the processor's cache: that
    takes a seventh off the time of a chain through which items go one by one. What comes slowly goes on at once.
    """
    batch: list[T] = []
    until = time.monotonic() + _BATCH_SECONDS
    for item in items:
        batch.append(item)
        if len(batch) >= size or time.monotonic() > until:
            yield batch
            batch, until = [], time.monotonic() + _BATCH_SECONDS
    if batch:
        yield batch


@contextmanager
def rare_collections() -> Iterator[None]:
    """Look for reference cycles less often than after each 700 new objects: rows and records hold none.

    Python's default takes a tenth of the time of making rows.
    """
    before = gc.get_threshold()
    gc.set_threshold(_NEW_OBJECTS, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


class Paced:
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
