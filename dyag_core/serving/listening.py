"""How uvicorn is asked to listen: one protocol, little memory for strangers, no log of its own."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    from starlette.types import ASGIApp

#: Header lines of one request, in bytes, and seconds that an idle connection is kept.
_LARGEST_HEAD, _KEPT = 32_768, 30
#: Seconds in which a client must have sent its first request's header lines.
_PATIENCE = 20.0


class _Patient(H11Protocol):
    """Closes connections that say nothing, or a byte now and then: uvicorn waits for ever for a first request."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the clock."""
        super().connection_made(transport)
        self.loop.call_later(_PATIENCE, self._close_if_silent)

    def _close_if_silent(self) -> None:
        if self.cycle is None:
            self.transport.close()


def listener(app: ASGIApp, grace: float) -> uvicorn.Server:
    """A server of uvicorn's that gives running answers `grace` seconds when it is asked to end."""
    return uvicorn.Server(
        uvicorn.Config(
            app,
            http=_Patient,
            ws="none",
            loop="asyncio",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=_KEPT,
            timeout_graceful_shutdown=round(grace),
            h11_max_incomplete_event_size=_LARGEST_HEAD,
        )
    )
