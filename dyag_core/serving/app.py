"""The routes of the server."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from dyag_core.serving.account import Logged
from dyag_core.serving.chat import chat
from dyag_core.serving.errors import ApiError, unexpected
from dyag_core.serving.guard import Guard
from dyag_core.serving.pages import FILES, page_routes

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.requests import Request
    from starlette.types import ASGIApp, Receive, Scope, Send

    from dyag_core.serving.state import State


def build_app(
    state: State, *, hosts: Iterable[str] = (), token: str | None = None, log_content: bool = False
) -> ASGIApp:
    """The server as an ASGI application: log, guard, routes."""
    created = int(time.time())
    guard = Guard(hosts=hosts, token=token, free=("/health", "/login", "/favicon.ico", *FILES))

    def model(name: str) -> dict[str, Any]:
        return {"id": name, "object": "model", "created": created, "owned_by": "dyag"}

    async def models(_request: Request) -> Response:
        return JSONResponse({"object": "list", "data": [model(name) for name in state.served.arms]})

    async def one_model(request: Request) -> Response:
        return JSONResponse(model(state.served.model(request.path_params["name"]).name))

    async def completions(request: Request) -> Response:
        return await chat(request, state)

    async def health(_request: Request) -> Response:
        return JSONResponse({"status": "ok", "models": list(state.served.arms)})

    async def about(_request: Request) -> Response:
        return JSONResponse({"object": "api", "paths": ["/v1/models", "/v1/chat/completions", "/health", "/metrics"]})

    async def metrics(_request: Request) -> Response:
        return Response(state.account.text(), media_type="text/plain; version=0.0.4; charset=utf-8")

    async def refused(_request: Request, error: Exception) -> Response:
        if isinstance(error, HTTPException):
            error = ApiError(error.status_code, error.detail, headers=error.headers)
        if not isinstance(error, ApiError):
            error = unexpected()
        return JSONResponse(error.body, error.status, error.headers)

    routes = [
        Route("/v1", about),
        Route("/v1/models", models),
        Route("/v1/models/{name}", one_model),
        Route("/v1/chat/completions", completions, methods=["POST"]),
        Route("/health", health),
        Route("/metrics", metrics),
        *page_routes(state, guard),
    ]
    handlers: dict[Any, Any] = {ApiError: refused, HTTPException: refused, Exception: refused}
    app = Starlette(routes=routes, exception_handlers=handlers)

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        await guard.pass_on(app, scope, receive, send)

    return Logged(guarded, account=state.account, log=state.log, content=log_content)
