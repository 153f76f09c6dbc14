"""What people see: the page, a passage whole, the comparison report; and what the page asks the server for itself."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from dyag_core.serving.errors import ApiError
from dyag_core.serving.guard import COOKIE, Guard
from dyag_core.serving.requests import body_of, read_json
from dyag_core.serving.sources import document_url, title_of
from dyag_core.serving.votes import read_vote

if TYPE_CHECKING:
    from starlette.requests import Request

    from dyag_core.serving.state import State

_HERE = Path(__file__).parent / "page"
#: The page's own files by the path they are asked for.
FILES = {"/": _HERE / "index.html"} | {
    f"/{file.name}": file for file in _HERE.iterdir() if file.suffix in (".js", ".css")
}
#: A report is one file with its own styles and scripts: it runs apart from the page, and reaches nothing.
_REPORT_POLICY = (
    "sandbox allow-scripts allow-popups; default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
    "img-src data:; frame-ancestors 'none'; base-uri 'none'"
)
_WORDS = {
    "en": {"document": "The document", "passage": "Passage", "index": "indexed"},
    "fr": {"document": "Le document", "passage": "Passage", "index": "indexé le"},
}


def page_routes(state: State, guard: Guard) -> list[Route]:
    """The routes for people."""

    async def file(request: Request) -> Response:
        return FileResponse(FILES[request.url.path])

    async def about(_request: Request) -> Response:
        return JSONResponse(_about(state))

    async def passage(request: Request) -> Response:
        index = state.served.index
        chunk = index.chunk(request.query_params.get("id", "")) if index is not None else None
        if index is None or chunk is None:
            raise ApiError(404, "there is no such passage here")
        lang = "fr" if request.headers.get("accept-language", "").casefold().startswith("fr") else "en"
        page = _template().render(
            lang=lang,
            words=_WORDS[lang],
            title=title_of(chunk),
            text=chunk.text,
            text_lang=index.lang,
            id=chunk.id,
            url=document_url(chunk),
            date=time.strftime("%Y-%m-%d %H:%M", time.localtime(index.built)),
        )
        return HTMLResponse(page)

    async def report(_request: Request) -> Response:
        if state.report is None or not state.report.page.is_file():
            raise ApiError(404, "there is no comparison report here")
        return FileResponse(
            state.report.page, media_type="text/html", headers={"Content-Security-Policy": _REPORT_POLICY}
        )

    async def login(request: Request) -> Response:
        given = read_json(await body_of(request)).get("token")
        if not isinstance(given, str) or not guard.is_token(given.strip()):
            raise ApiError(401, "that is not the token", code="invalid_api_key")
        response = JSONResponse({"status": "ok"})
        secure = request.url.scheme == "https"
        response.set_cookie(COOKIE, guard.session(), httponly=True, samesite="strict", secure=secure)
        return response

    async def vote(request: Request) -> Response:
        if state.votes is None:
            raise ApiError(404, "this server takes no votes")
        cast = read_vote(read_json(await body_of(request)), list(state.served.arms))
        number = await run_in_threadpool(state.votes.add, cast)
        return JSONResponse({"status": "kept", "votes": number}, 201)

    async def icon(_request: Request) -> Response:
        return Response(status_code=204)

    return [
        *(Route(path, file) for path in FILES),
        Route("/favicon.ico", icon),
        Route("/passage", passage),
        Route("/report", report),
        Route("/login", login, methods=["POST"]),
        Route("/api/about", about),
        Route("/api/votes", vote, methods=["POST"]),
    ]


def _about(state: State) -> dict[str, Any]:
    """What the page shows before anybody has asked."""
    index, report = state.served.index, state.report
    return {
        "arms": list(state.served.arms),
        "lang": index.lang if index is not None else None,
        "index": {"date": index.built, "passages": len(index.chunks)} if index is not None else None,
        "leader": report.comparison.leader if report is not None else None,
        "recommendation": report.comparison.recommendations[0].text if report is not None else None,
        "report": report is not None and report.page.is_file(),
        "votes": state.votes is not None,
    }


def _template() -> Any:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined)
    return environment.get_template("passage.html.jinja")
