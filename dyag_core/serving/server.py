"""A server in a thread of its own, from its socket to its graceful end."""

from __future__ import annotations

import socket
import threading
import time
from typing import TYPE_CHECKING, Self

from dyag_core.errors import DyagError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from starlette.types import ASGIApp


class Server:
    """Listens from the start; `url` is where. Use it as a context manager, or close it.

    Closing takes no new requests, lets running answers come to their end for `grace` seconds, and frees the models.
    """

    def __init__(self, app: ASGIApp, host: str, port: int, grace: float) -> None:
        """Raises UsageError where the address can't be had."""
        from dyag_core.serving.listening import listener

        self._socket = _bound(host, port)
        shown = f"[{host}]" if ":" in host else host
        self.url = f"http://{shown}:{self._socket.getsockname()[1]}"
        self._server = listener(app, grace)
        self._ended = threading.Event()
        self.models: tuple[str, ...] = ()
        self._free: Callable[[], None] = lambda: None
        threading.Thread(target=self._run, name="dyag-serve", daemon=True).start()
        while not self._server.started:
            if self._ended.is_set():
                raise DyagError("the server could not start")
            time.sleep(0.01)

    def answers_as(self, models: Iterable[str], close: Callable[[], None]) -> None:
        """The names of the models, and what to close when no answer is being written any more."""
        self.models, self._free = tuple(models), close

    def wait(self) -> None:
        """Return when the server has ended, which it does when somebody closes it."""
        # Not Thread.join: where a signal's handler raises in it, Python 3.11 takes the thread for ended.
        while not self._ended.wait(1.0):
            pass

    def close(self) -> None:
        """End, gracefully. A second signal while this waits ends at once."""
        self._server.should_exit = True
        self.wait()
        self._socket.close()
        free, self._free = self._free, lambda: None
        free()

    def _run(self) -> None:
        try:
            self._server.run(sockets=[self._socket])
        finally:
            self._ended.set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _bound(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((host, port))
    except OSError as error:
        made.close()
        raise UsageError(
            f"{host}:{port} can't be listened on: {error.strerror or error}", "is it taken? give another --port"
        ) from error
    return made
