"""What a client asks: the body of `POST /v1/chat/completions`, read and checked.

Fields that OpenAI's API has and DYAG hasn't are ignored, as other servers of that API do, and named in the answer
(`dyag.ignored`). A field that is known and doesn't fit is refused before anything is generated.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from typing import TYPE_CHECKING, Any, Literal, NoReturn

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from dyag_core.records import Decoding, Message
from dyag_core.serving.errors import ApiError

if TYPE_CHECKING:
    from starlette.requests import Request

#: Seconds in which a body must have come.
_PATIENCE = 20.0
#: The smallest share of probability that is sampled from; OpenAI's API takes 0, which means the likeliest token.
_SMALLEST_TOP_P = 1e-6


class _Part(BaseModel):
    type: Literal["text"]
    text: str


class _Turn(BaseModel):
    role: Literal["system", "developer", "user", "assistant"]
    content: str | list[_Part] | None = None

    @property
    def text(self) -> str:
        if isinstance(self.content, list):
            return "\n".join(part.text for part in self.content)
        return self.content or ""


class _StreamOptions(BaseModel):
    include_usage: bool | None = None


class ChatRequest(BaseModel):
    """A request for an answer. `model` is an arm's name, see `dyag_core.serving.arms`."""

    model_config = ConfigDict(extra="allow", allow_inf_nan=False)

    model: str
    messages: list[_Turn] = Field(min_length=1)
    stream: bool | None = None
    stream_options: _StreamOptions | None = None
    temperature: float | None = Field(None, ge=0, le=2)
    top_p: float | None = Field(None, ge=0, le=1)
    max_tokens: int | None = Field(None, ge=1)
    max_completion_tokens: int | None = Field(None, ge=1)
    stop: str | list[str] | None = None
    seed: int | None = None
    n: Literal[1] | None = None
    logprobs: Literal[False] | None = None

    @field_validator("stop")
    @classmethod
    def _few(cls, value: str | list[str] | None) -> str | list[str] | None:
        if isinstance(value, list) and len(value) > 4:
            raise ValueError("at most 4 sequences")
        return value

    @property
    def ignored(self) -> list[str]:
        """Names of the fields that change nothing here."""
        return sorted(self.model_extra or {})

    @property
    def stops(self) -> tuple[str, ...]:
        """Texts at which the answer ends."""
        given = [self.stop] if isinstance(self.stop, str) else self.stop or []
        return tuple(stop for stop in given if stop)

    @property
    def with_usage(self) -> bool:
        """Whether a stream ends with what it cost."""
        return bool(self.stream_options and self.stream_options.include_usage)

    def decoding(self, default: Decoding) -> Decoding:
        """How the answer is decoded: as asked, else as the server does; without a seed, sampled anew each time."""
        limit = self.max_completion_tokens or self.max_tokens or default.max_new_tokens
        temperature = default.temperature if self.temperature is None else self.temperature
        top_p = default.top_p if self.top_p is None else max(self.top_p, _SMALLEST_TOP_P)
        seed = secrets.randbits(31) if self.seed is None else self.seed
        return Decoding(max_new_tokens=limit, temperature=temperature, top_p=top_p, seed=seed)

    def conversation(self) -> tuple[str | None, list[Message]]:
        """The system turn (None: the client sent none) and the other turns, ending with the user's.

        Many chat templates take one system turn, at the front, and turns that alternate: turns of one role that follow
        each other become one.
        """
        system = [turn.text for turn in self.messages if turn.role in ("system", "developer")]
        turns: list[Message] = []
        for turn in self.messages:
            if turn.role not in ("user", "assistant"):
                continue
            if turns and turns[-1].role == turn.role:
                turns[-1] = Message(role=turn.role, content=f"{turns[-1].content}\n\n{turn.text}")
            else:
                turns.append(Message(role=turn.role, content=turn.text))
        if not turns or turns[-1].role != "user" or not turns[-1].content.strip():
            raise ApiError(400, "the last message must be a question of the user's", param="messages")
        return ("\n\n".join(system) if system else None), turns


def read_chat(body: bytes) -> ChatRequest:
    """The request in `body`. ApiError: it isn't JSON, or a field doesn't fit."""
    try:
        return ChatRequest.model_validate(read_json(body))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = [part for part in first["loc"] if isinstance(part, int) or part in _FIELDS]
        named = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place).lstrip(".")
        raise ApiError(400, f"{named}: {first['msg']}", param=named or None, code="invalid_value") from error


_FIELDS = {*ChatRequest.model_fields, *_Turn.model_fields, *_Part.model_fields, *_StreamOptions.model_fields}


async def body_of(request: Request) -> bytes:
    """The whole body. ApiError: it doesn't come."""
    try:
        async with asyncio.timeout(_PATIENCE):
            return await request.body()
    except TimeoutError as error:
        raise ApiError(408, "the body did not come in time", code="timeout") from error


def read_json(body: bytes) -> Any:
    """A JSON object with nothing in it that can't be written again (lone surrogates, NaN). ApiError: it is none."""
    try:
        found = json.loads(body.decode("utf-8"), parse_constant=_no_number)
        json.dumps(found, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise ApiError(400, "the body is not JSON in UTF-8", code="invalid_json") from error
    if not isinstance(found, dict):
        raise ApiError(400, "the body must be a JSON object", code="invalid_json")
    return found


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
