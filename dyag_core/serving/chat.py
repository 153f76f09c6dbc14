"""`POST /v1/chat/completions`: one answer, whole or as a stream of server-sent events.

A stream is, in this order: the role; pieces of text; the annotations, where there are sources; the finish reason; the
usage, only where it was asked for; `[DONE]`. Whatever can be refused is refused before the first byte.
"""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response, StreamingResponse

from dyag_core.records import Reply
from dyag_core.serving.answered import Answered
from dyag_core.serving.errors import ApiError, unavailable, unexpected
from dyag_core.serving.requests import ChatRequest, body_of, read_chat
from dyag_core.serving.shown import Shown
from dyag_core.serving.sources import as_text, citations, sources

if TYPE_CHECKING:
    from starlette.requests import Request

    from dyag_core.retrieval.prompting import Prompt
    from dyag_core.serving.arms import Model
    from dyag_core.serving.line import Writing
    from dyag_core.serving.state import State

T = TypeVar("T")

#: What nginx writes where the client has gone: nobody reads it but the log.
CLIENT_GONE = 499


async def chat(request: Request, state: State) -> Response:
    """Answer a request.

    Raises:
        ApiError: the request doesn't fit, too many wait, or the engine failed before the first piece of text.
    """
    asked = read_chat(await body_of(request))
    system, turns = asked.conversation()
    model = state.served.model(asked.model)
    decoding = asked.decoding(state.decoding)
    prompt, length = await run_in_threadpool(state.served.prompt, model, system, turns, decoding)
    try:
        starting = state.line.start(state.served.engine(model.arm), prompt.messages, decoding)
        writing = await _unless_gone(request, starting)
        answer = Answering(state, asked, model, prompt, length, turns[-1].content, _address(request), writing)
        text = answer.text(request)
        if not asked.stream:
            return JSONResponse(answer.completion(await _unless_gone(request, _joined(text))))
        first = await _unless_gone(request, _next(text))
    except ClientGone:
        return Response(status_code=CLIENT_GONE)
    events = answer.events(first, text)
    return StreamingResponse(events, media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})


@dataclass(eq=False)
class Answering:
    """One answer from the engine's first piece to its last."""

    state: State
    asked: ChatRequest
    model: Model
    prompt: Prompt
    prompt_tokens: int
    question: str
    address: str
    writing: Writing
    id: str = field(default_factory=lambda: f"chatcmpl-{uuid.uuid4().hex}")
    created: int = field(default_factory=lambda: int(time.time()))
    first: float | None = None
    pieces: int = 0
    reply: Reply | None = None

    def __post_init__(self) -> None:
        self.shown = Shown(self.asked.stops)
        self.sources = sources(self.prompt.hits, self.address)

    async def text(self, request: Request) -> AsyncGenerator[str]:
        """The answer's text as it comes, the sources under it where the model's name asks for them.

        Raises:
            ApiError: the engine failed, or the time ran out before anything came.
        """
        outcome: Literal["answered", "failed", "left"] = "left"
        try:
            async for piece in self._shown_pieces():
                if piece:
                    yield piece
            outcome = "answered"
        except ApiError:
            outcome = "failed"
            raise
        finally:
            self.writing.stop()
            request.scope["dyag_answered"] = answered = self._answered(outcome)
            self.state.answered(answered)

    def _answered(self, outcome: Literal["answered", "failed", "left"]) -> Answered:
        return Answered(
            model=self.model.name,
            arm=self.model.arm.name,
            question=self.question,
            answer=self.shown.text,
            outcome=outcome,
            sources=tuple(hit.chunk.id for hit in self.prompt.hits),
            prompt_tokens=self.usage["prompt_tokens"],
            completion_tokens=self.usage["completion_tokens"],
            seconds=self.writing.elapsed,
            first=self.first,
            created=self.created,
        )

    async def _shown_pieces(self) -> AsyncIterator[str]:
        while not self.shown.stopped and (event := await self._event()) is not None:
            if isinstance(event, Reply):
                self.reply = event
                break
            self.first = self.first or self.writing.elapsed
            self.pieces += 1
            yield self.shown.add(event)
        if self.writing.late and not self.shown.text:
            raise unavailable("the request's time ran out before an answer came", "timeout")
        yield self.shown.end()
        if self.model.sources:
            yield as_text(self.sources, self.state.served.lang(self.question))

    async def _event(self) -> str | Reply | None:
        try:
            event = await self.writing.next()
        except Exception as error:  # an engine is somebody's plugin and raises what it likes
            self.state.fault(f"{type(error).__name__}: {error}")
            raise unexpected() from error
        if isinstance(event, Reply) and event.error is not None:  # it may quote a path, an address or a key
            self.state.fault(event.error)
            raise unexpected()
        return event

    @property
    def finish_reason(self) -> str:
        """Whether the answer came to its end, or to a limit."""
        cut = self.writing.late or (self.reply is not None and self.reply.truncated)
        return "length" if cut and not self.shown.stopped else "stop"

    @property
    def usage(self) -> dict[str, int]:
        """Tokens read and written. An answer that was ended from outside is counted by its pieces."""
        prompt = (self.reply.prompt_tokens if self.reply else 0) or self.prompt_tokens
        written = self.reply.completion_tokens if self.reply else self.pieces
        return {"prompt_tokens": prompt, "completion_tokens": written, "total_tokens": prompt + written}

    @property
    def about(self) -> dict[str, Any]:
        """What DYAG adds to OpenAI's shape."""
        return {
            "arm": self.model.arm.name,
            "k": self.model.k if self.model.arm.retrieval else None,
            "sources": self.sources,
            "passages_cut": self.prompt.cut,
            "seconds": round(self.writing.elapsed, 3),
            "first_token_seconds": round(self.first, 3) if self.first is not None else None,
            "retrieval_seconds": self.prompt.retrieval_seconds,
            "time_ran_out": self.writing.late,
            "ignored": self.asked.ignored,
        }

    def completion(self, text: str) -> dict[str, Any]:
        """The whole answer."""
        message: dict[str, Any] = {"role": "assistant", "content": text, "refusal": None}
        if self.sources:
            message["annotations"] = citations(self.sources, len(text))
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": self.finish_reason}
        return self._envelope("chat.completion", [choice]) | {"usage": self.usage, "dyag": self.about}

    async def events(self, first: str, rest: AsyncIterator[str]) -> AsyncIterator[bytes]:
        """The answer as a stream; a fault on the way is told in the stream, since the status has gone out."""
        yield self._chunk({"role": "assistant", "content": "", "refusal": None})
        length = 0
        try:
            if first:
                length += len(first)
                yield self._chunk({"content": first})
            async for piece in rest:
                length += len(piece)
                yield self._chunk({"content": piece})
        except ApiError as error:
            yield _event(error.body)
            return
        if self.sources:
            yield self._chunk({"annotations": citations(self.sources, length)})
        yield self._chunk({}, self.finish_reason, dyag=self.about)
        if self.asked.with_usage:
            yield _event(self._envelope("chat.completion.chunk", []) | {"usage": self.usage})
        yield b"data: [DONE]\n\n"

    def _chunk(self, delta: dict[str, Any], finish_reason: str | None = None, **more: Any) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        return _event(self._envelope("chat.completion.chunk", [choice]) | more)

    def _envelope(self, kind: str, choices: list[dict[str, Any]]) -> dict[str, Any]:
        return {
            "id": self.id,
            "object": kind,
            "created": self.created,
            "model": self.model.name,
            "system_fingerprint": self.state.served.fingerprint(self.model),
            "choices": choices,
        }


class ClientGone(Exception):
    """The client closed its connection before it had its answer."""


async def _unless_gone(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """What `work` brings. ClientGone: the client left meanwhile, and `work` was cancelled."""
    doing, leaving = asyncio.ensure_future(work), asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait({doing, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if doing.done():
            return doing.result()
        raise ClientGone
    finally:
        leaving.cancel()
        doing.cancel()
        with suppress(asyncio.CancelledError, ApiError):
            await doing


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _joined(text: AsyncIterator[str]) -> str:
    return "".join([piece async for piece in text])


async def _next(text: AsyncIterator[str]) -> str:
    return await anext(text, "")


def _address(request: Request) -> str:
    """This server as the client wrote it."""
    return f"{request.url.scheme}://{request.headers['host']}"


def _event(value: dict[str, Any]) -> bytes:
    return f"data: {json.dumps(value, ensure_ascii=False)}\n\n".encode()
