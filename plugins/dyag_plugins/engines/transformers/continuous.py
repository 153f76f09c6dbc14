"""Answers to prompts that come at any time: one thread computes one batch, which rows join and leave as they come."""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable, Iterator

from dyag_core import DyagError
from dyag_plugins.engines.transformers.batch import Batch, Row

#: How many tokens an answer has, and whether that is all of it.
News = tuple[int, bool]
#: Tokens of prompts, padding included, that are read between two steps: about a second on two slow cores.
_READ_AT_ONCE = 512


class Continuous:
    """Decodes whatever rows there are, at most `at_once` together.

    Args:
        batch: makes an empty batch.
    """

    def __init__(self, batch: Callable[[], Batch], at_once: int) -> None:
        self._batch, self._at_once = batch, at_once
        self._coming: queue.SimpleQueue[tuple[Row, queue.SimpleQueue[News | BaseException]] | None]
        self._coming = queue.SimpleQueue()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None

    def answer(self, row: Row) -> Iterator[News]:
        """Tells of every token of `row`'s answer. Closed early, it takes the row out of the batch.

        Raises what computing raised.
        """
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(target=self._compute, name="dyag-transformers", daemon=True)
                self._thread.start()
        news: queue.SimpleQueue[News | BaseException] = queue.SimpleQueue()
        self._coming.put((row, news))
        try:
            while True:
                told = news.get()
                if isinstance(told, BaseException):
                    raise told
                yield told
                if told[1]:
                    return
        finally:
            row.left = True

    def close(self) -> None:
        """End the thread, after what it is computing."""
        with self._starting:
            thread, self._thread = self._thread, None
        if thread is not None:
            self._coming.put(None)
            thread.join()

    def _compute(self) -> None:
        batch, waiting = self._batch(), deque[Row]()
        listeners: dict[Row, queue.SimpleQueue[News | BaseException]] = {}
        while True:
            while self._coming.qsize() or not (batch.rows or waiting):
                came = self._coming.get()
                if came is None:
                    for news in listeners.values():
                        news.put(DyagError("the model was closed"))
                    return
                waiting.append(came[0])
                listeners[came[0]] = came[1]
            try:
                if joining := self._joining(batch, waiting):
                    batch.join(joining)
                    _tell(listeners)
                if batch.rows:
                    batch.step()
            except BaseException as error:  # noqa: BLE001 - carried to whoever waits for these rows
                for news in listeners.values():
                    news.put(error)
                listeners, batch, waiting = {}, self._batch(), deque()
            _tell(listeners)

    def _joining(self, batch: Batch, waiting: deque[Row]) -> list[Row]:
        """The rows whose prompts are read now. Those that are being answered wait for it: so not too much at once."""
        room = self._at_once - len(batch.rows) if batch.joinable else 0
        joining: list[Row] = []
        while waiting and len(joining) < room:
            longest = max(len(row.prompt) for row in (*joining, waiting[0]))
            if joining and batch.grows and longest * (len(joining) + 1) > _READ_AT_ONCE:
                break
            row = waiting.popleft()
            if not row.left:
                joining.append(row)
        return joining


def _tell(listeners: dict[Row, queue.SimpleQueue[News | BaseException]]) -> None:
    for row in list(listeners):
        if row.answer or row.left:
            listeners[row].put((len(row.answer), row.done))
        if row.done:
            del listeners[row]
