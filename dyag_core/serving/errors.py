"""Errors as OpenAI's API tells them: a status and `{"error": {"message", "type", "param", "code"}}`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_KINDS = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error", 503: "unavailable_error"}


class ApiError(Exception):
    """What a client is told. The message holds nothing of this machine: no path, no key, no line of code.

    Args:
        status: of the response.
        code: what a program tells the error by ("model_not_found"); None where there is no word for it.
        param: the field of the request that is at fault.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.headers = status, dict(headers or {})
        kind = _KINDS.get(status, "server_error" if status >= 500 else "invalid_request_error")
        self.body: dict[str, Any] = {"error": {"message": message, "type": kind, "param": param, "code": code}}


def unexpected() -> ApiError:
    """What a client is told of a fault that isn't its own; the server's log says the rest."""
    return ApiError(500, "the server failed at this request; its log says how", code="internal_error")


def unavailable(message: str, code: str) -> ApiError:
    """The server can't answer now, and may later."""
    return ApiError(503, message, code=code, headers={"Retry-After": "5"})
