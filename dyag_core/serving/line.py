"""The waiting line: as many answers at once as the engine can write, so many more that wait, and no more than that.

An engine is asked with `stream`, each answer in a thread of its own; what it does with answers that are written at the
same time (batches, slots) is its own affair. A client that leaves, and a request that has had its time, end an answer
at its next piece.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from dyag_core.records import Reply
from dyag_core.serving.errors import ApiError, unavailable

if TYPE_CHECKING:
    from dyag_core.plugin.protocols import Engine
    from dyag_core.records import Decoding, Message


class Line:
    """Who answers now and who waits. Lives in one event loop.

    Args:
        at_once: answers that are written at the same time.
        longest: requests that may wait besides; the next is refused.
        seconds: that a request may take, waiting included.
    """

    def __init__(self, at_once: int, longest: int, seconds: float) -> None:
        self.seconds = seconds
        self.waiting = 0
        self.running = 0
        self._at_once, self._longest = at_once, longest
        self._slots = asyncio.Semaphore(at_once)
        self._mean = 1.0  # seconds an answer takes, lately

    async def start(self, engine: Engine, messages: Sequence[Message], decoding: Decoding) -> Writing:
        """An answer that is being written, when it is this request's turn.

        Raises:
            ApiError: too many wait (429), or the time ran out before the turn came (503).
        """
        came = time.monotonic()
        if self._slots.locked() and self.waiting >= self._longest:
            after = min(60, max(1, round(self._mean * self.waiting / self._at_once)))
            raise ApiError(
                429, "too many requests wait already", code="queue_full", headers={"Retry-After": str(after)}
            )
        self.waiting += 1
        try:
            async with asyncio.timeout(self.seconds):
                await self._slots.acquire()
        except TimeoutError as error:
            raise unavailable("the request's time ran out before its turn came", "timeout") from error
        finally:
            self.waiting -= 1
        self.running += 1
        return Writing(engine, messages, decoding, came, self.seconds, self._leave)

    def _leave(self, seconds: float) -> None:
        self.running -= 1
        self._mean += 0.2 * (seconds - self._mean)
        self._slots.release()


class Writing:
    """One answer that an engine writes in a thread.

    The place in the line is free again when the engine has really stopped, not when the client has gone.
    """

    def __init__(
        self,
        engine: Engine,
        messages: Sequence[Message],
        decoding: Decoding,
        came: float,
        limit: float,
        leave: Callable[[float], None],
    ) -> None:
        self._events: asyncio.Queue[str | Reply | BaseException | None] = asyncio.Queue()
        self._loop = asyncio.get_running_loop()
        self._stop = threading.Event()
        self._came, self._until = came, came + limit
        self.late = False

        def work() -> None:
            started = time.monotonic()
            try:
                self._tell(self._written(engine, messages, decoding))
            except BaseException as error:  # noqa: BLE001 - carried to whoever waits for the answer
                self._tell(error)
            finally:
                self._call(leave, time.monotonic() - started)

        threading.Thread(target=work, name="dyag-answer", daemon=True).start()

    async def next(self) -> str | Reply | None:
        """The next piece, at the end the whole reply; None where the time ran out (`late`) or `stop` was called.

        Raises what the engine raises.
        """
        if self.late:
            return None
        try:
            async with asyncio.timeout(max(0.0, self._until - time.monotonic())):
                event = await self._events.get()
        except TimeoutError:
            self.late = True
            self.stop()
            return None
        if isinstance(event, BaseException):
            raise event
        return event

    @property
    def elapsed(self) -> float:
        """Seconds since the request came."""
        return time.monotonic() - self._came

    def stop(self) -> None:
        """Nobody wants the rest."""
        self._stop.set()

    def _written(self, engine: Engine, messages: Sequence[Message], decoding: Decoding) -> Reply | None:
        stream = engine.stream(messages, decoding)
        try:
            while not self._stop.is_set():
                try:
                    self._tell(next(stream))
                except StopIteration as end:
                    reply: Reply = end.value
                    return reply
            return None
        finally:
            stream.close()

    def _tell(self, event: str | Reply | BaseException | None) -> None:
        self._call(self._events.put_nowait, event)

    def _call(self, function: Callable[..., object], value: object) -> None:
        with suppress(RuntimeError):  # the server has ended meanwhile
            self._loop.call_soon_threadsafe(function, value)
