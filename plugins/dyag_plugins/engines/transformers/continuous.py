"""Answers to prompts that come at any time: one thread computes one batch, which rows join and leave as they come."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator

from dyag_core import DyagError
from dyag_plugins.engines.transformers.batch import Batch, Row

#: How many tokens an answer has, and whether that is all of it.
News = tuple[int, bool]


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
        batch = self._batch()
        listeners: dict[Row, queue.SimpleQueue[News | BaseException]] = {}
        while True:
            room = self._at_once - len(batch.rows) if batch.joinable else 0
            joining: list[Row] = []
            while len(joining) < room and (self._coming.qsize() or not (batch.rows or joining)):
                came = self._coming.get()
                if came is None:
                    for news in listeners.values():
                        news.put(DyagError("the model was closed"))
                    return
                joining.append(came[0])
                listeners[came[0]] = came[1]
            try:
                joining = [row for row in joining if not row.left]
                if joining:
                    batch.join(joining)
                elif batch.rows:
                    batch.step()
            except BaseException as error:  # noqa: BLE001 - carried to whoever waits for these rows
                for news in listeners.values():
                    news.put(error)
                listeners, batch = {}, self._batch()
            for row in list(listeners):
                listeners[row].put((len(row.answer), row.done))
                if row.done:
                    del listeners[row]
