"""Who may ask: the right host name, the page's own origin, the token; and the headers that every response carries.

A page on another site can make a browser send requests here (its name may even lead to 127.0.0.1, by DNS rebinding).
So the Host header must name this server, and whatever changes something must come from this server's own page or from
a program, which sends no Origin.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders
from starlette.responses import JSONResponse

from dyag_core.serving.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

COOKIE = "dyag_session"
#: A question with its history is some kilobytes.
LARGEST_BODY, LARGEST_HEAD = 1_000_000, 16_384
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


class Guard:
    """Refuses what isn't for this server.

    Args:
        hosts: names that the Host header may have, besides those of the loopback address. Addresses that are numbers
            pass where a token is asked for: DNS rebinding needs a name.
        token: None where only this machine can ask.
        free: paths that are open to everybody: what the page needs before anybody has said the token.
    """

    def __init__(self, *, hosts: Iterable[str] = (), token: str | None = None, free: Iterable[str] = ()) -> None:
        self._free = frozenset(free)
        self._hosts = {*_LOOPBACK, *(host.casefold() for host in hosts)}
        self._token = token.encode() if token is not None else None

    async def pass_on(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        """Check a request, then let `app` answer it."""

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.setdefault("Content-Security-Policy", _POLICY)
                headers.setdefault("Cache-Control", "no-store")
                for name, value in _HEADERS.items():
                    headers[name] = value
            await send(message)

        try:
            self._check(scope)
            await app(scope, _bounded(receive), guarded)
        except ApiError as error:
            await JSONResponse(error.body, error.status, error.headers)(scope, receive, guarded)

    def session(self) -> str:
        """What the page's cookie holds: not the token itself."""
        assert self._token is not None
        return hmac.new(self._token, b"page", hashlib.sha256).hexdigest()

    def is_token(self, given: str) -> bool:
        """Whether `given` is the token, in a time that tells nothing of how near it is."""
        return self._token is not None and hmac.compare_digest(given.encode(), self._token)

    def _check(self, scope: Scope) -> None:
        if sum(len(name) + len(value) for name, value in scope["headers"]) > LARGEST_HEAD:
            raise ApiError(431, f"the header lines are longer than {LARGEST_HEAD} bytes", code="request_too_large")
        host = self._host(_values(scope, b"host"))
        origins = _values(scope, b"origin")
        changes = scope["method"] not in ("GET", "HEAD")
        if len(origins) > 1 or (changes and origins and urlsplit(origins[0]).netloc.casefold() != host):
            raise ApiError(403, "requests from other sites' pages are refused", code="foreign_origin")
        lengths = _values(scope, b"content-length")
        if lengths and lengths[0].isdigit() and int(lengths[0]) > LARGEST_BODY:
            raise _too_large()
        if self._token is not None and scope["path"] not in self._free and not self._let_in(scope):
            raise ApiError(
                401,
                "this server asks for its token: Authorization: Bearer TOKEN",
                code="invalid_api_key",
                headers={"WWW-Authenticate": "Bearer"},
            )

    def _host(self, values: list[str]) -> str:
        """The one Host header, if it names this server."""
        given = values[0].casefold() if len(values) == 1 else ""
        try:
            name = urlsplit(f"//{given}").hostname or ""
            known = name in self._hosts or (self._token is not None and _is_address(name))
            clean = "@" not in given and "/" not in given
        except ValueError:
            known = clean = False
        if not (known and clean):
            raise ApiError(403, "this server isn't known by that Host name", code="unknown_host")
        return given

    def _let_in(self, scope: Scope) -> bool:
        given = _values(scope, b"authorization")
        if len(given) == 1 and given[0][:7].casefold() == "bearer ":
            return self.is_token(given[0][7:].strip())
        cookies: SimpleCookie = SimpleCookie()
        try:
            cookies.load("; ".join(_values(scope, b"cookie")))
        except CookieError:
            return False
        return COOKIE in cookies and hmac.compare_digest(cookies[COOKIE].value.encode(), self.session().encode())


def _values(scope: Scope, name: bytes) -> list[str]:
    return [value.decode("latin-1").strip() for key, value in scope["headers"] if key == name]


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _bounded(receive: Receive) -> Receive:
    """`receive` until the body is too long: its length may not have been told, or wrongly."""
    size = 0

    async def counting() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        if size > LARGEST_BODY:
            raise _too_large()
        return message

    return counting


def _too_large() -> ApiError:
    return ApiError(413, f"the body is longer than {LARGEST_BODY} bytes", code="request_too_large")
