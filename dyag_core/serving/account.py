"""What the server has done: figures in Prometheus' text format, and a line of log for each request."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from dyag_core.text.sanitize import plain

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from dyag_core.serving.answered import Answered
    from dyag_core.serving.line import Line

_SECONDS = (0.05, 0.1, 0.2, 0.3, 0.5, 1, 2, 3, 5, 10, 20, 30, 60, 120, 300)


class Account:
    """Counts by arm. An outcome is `answered`, `failed`, or `left` where the client went."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        here: dict[str, Any] = {"registry": self._registry}
        self._requests = Counter("dyag_http_requests", "Requests by status.", ["status"], **here)
        self._answers = Counter("dyag_answers", "Answers by arm and outcome.", ["arm", "outcome"], **here)
        self._tokens = Counter("dyag_tokens", "Tokens by arm, read and written.", ["arm", "kind"], **here)
        self._seconds = Histogram(
            "dyag_answer_seconds", "From request to last token.", ["arm"], buckets=_SECONDS, **here
        )
        self._first = Histogram(
            "dyag_first_token_seconds", "From request to first token.", ["arm"], buckets=_SECONDS, **here
        )
        self._waiting = Gauge("dyag_requests_waiting", "Requests that wait for their turn.", **here)
        self._running = Gauge("dyag_requests_running", "Answers that are being written.", **here)

    def watch(self, line: Line) -> None:
        """Tell the length of this line."""
        self._waiting.set_function(lambda: line.waiting)
        self._running.set_function(lambda: line.running)

    def answered(self, answer: Answered) -> None:
        """Count an answer."""
        arm = answer.arm
        self._answers.labels(arm, answer.outcome).inc()
        self._tokens.labels(arm, "prompt").inc(answer.prompt_tokens)
        self._tokens.labels(arm, "completion").inc(answer.completion_tokens)
        self._seconds.labels(arm).observe(answer.seconds)
        if answer.first is not None:
            self._first.labels(arm).observe(answer.first)

    def request(self, status: int) -> None:
        """Count a request."""
        self._requests.labels(str(status)).inc()

    def text(self) -> bytes:
        """Prometheus' text format, version 0.0.4."""
        return generate_latest(self._registry)


class Logged:
    """ASGI: a line of log when a request has ended. What was asked and answered stands in it only if `content`."""

    def __init__(self, app: ASGIApp, *, account: Account, log: Callable[[str], None], content: bool) -> None:
        self._app, self._account, self._log, self._content = app, account, log, content

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and note how it ended."""
        started, status = time.monotonic(), 500

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noting)
        except Exception as error:  # noqa: BLE001 - the client has had its answer, with no word of this in it
            self._log(plain(f"fault: {type(error).__name__}: {error}"))
        finally:
            self._account.request(status)
            self._log(plain(self._line(scope, status, time.monotonic() - started)))

    def _line(self, scope: Scope, status: int, seconds: float) -> str:
        client = (scope.get("client") or ("-",))[0]
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        line = f"{now} {client} {scope['method']} {scope['path'][:80]} {status} {seconds:.3f}s"
        answer: Answered | None = scope.get("dyag_answered")
        if answer is None:
            return line
        line += f" {answer.model} {answer.outcome} {answer.prompt_tokens}+{answer.completion_tokens} tokens"
        if self._content:
            line += " " + json.dumps({"question": answer.question, "answer": answer.answer}, ensure_ascii=False)
        return line
