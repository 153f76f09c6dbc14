"""One request to an OpenAI-compatible server: what is sent and how much is read of what comes back.

`Endpoint` answers or raises a `Fault` that says whether trying again can help; it asks again by itself only where the
server wants the request in other words. The client's own retries are off, redirects are not followed (they would carry
the key elsewhere), and every message loses the key. What an answer holds is read in `replies.py`.
"""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from dyag_core import Decoding, Message, Reply, UsageError
from dyag_core.api import writable
from dyag_plugins.engines.openai import system_turn
from dyag_plugins.engines.openai.faults import Fault, error_text, refused_parameter, status_fault
from dyag_plugins.engines.openai.replies import count, read_reply, refuse_unanswered, short, text_of

KEY_VARIABLES = ("DYAG_OPENAI_API_KEY", "OPENAI_API_KEY")
#: The largest body that is read. A chat reply has some kilobytes; a server that sends more is broken.
LARGEST_BODY = 8_000_000
_CONNECT_SECONDS = 10.0
#: Keys of hosted services are longer.
_SHORTEST_SECRET = 12
#: What a server may refuse to be told; it then decides by itself.
_LEFT_OUT = ("temperature", "top_p", "seed", "stream_options")


def checked_url(base_url: str) -> str:
    """`base_url` without its last slash.

    Raises:
        UsageError: no http(s) address, or one that holds a password or a query: addresses are written to manifests.
    """
    try:
        parts = urlsplit(base_url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        usable = False
    if not usable:
        raise UsageError("base_url is no http address", "write it as http://localhost:11434/v1")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise UsageError(
            "base_url holds more than an address (a user, a password or a query)",
            f"put the key into {KEY_VARIABLES[0]} or into a file named by api_key_file",
        )
    return base_url.rstrip("/")


def read_key(file: str | None) -> str | None:
    """The key from `file`, else from the environment; None where there is none (a local server needs none)."""
    if file is not None:
        try:
            key = Path(file).expanduser().read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"api_key_file {file} can't be read: {type(error).__name__}") from error
    else:
        key = next((os.environ[name] for name in KEY_VARIABLES if os.environ.get(name)), "").strip()
    if not key.isascii() or not key.isprintable() or " " in key:
        where = f"the file {file}" if file is not None else "the environment"
        raise UsageError(f"the API key in {where} holds characters that no key has")
    return key or None


class Endpoint:
    """A server and how it likes to be asked; what it refuses is found out once and remembered.

    Args:
        timeout: seconds for one request, from its start to the last byte of the answer.
        warn: where one line goes when the server is asked in another way from now on.
    """

    def __init__(self, base_url: str, model: str, key: str | None, timeout: float, warn: Callable[[str], None]) -> None:
        import httpx2
        import openai

        self._openai, self._httpx = openai, httpx2
        self._model, self._key, self._timeout, self._warn = model, key, timeout, warn
        self._limit_name = "max_tokens"
        self._refused: set[str] = set()
        self._takes_system = True
        self._takes_schema: bool | None = None
        self._tried = False
        self._first = threading.Lock()
        http = httpx2.Client(
            timeout=httpx2.Timeout(timeout, connect=min(timeout, _CONNECT_SECONDS)),
            limits=httpx2.Limits(max_connections=None, max_keepalive_connections=None),
            follow_redirects=False,
            event_hooks={"request": [self._prepare], "response": [self._bound]},
        )
        self._client = openai.OpenAI(
            base_url=base_url,
            api_key=key or "none",  # the client insists on one
            max_retries=0,
            http_client=http,
            default_headers={"Accept-Encoding": "identity"},
        )

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()

    def chat(self, messages: Sequence[Message], decoding: Decoding) -> Reply:
        """One reply. Raises Fault.

        The first request goes alone and finds out how the server wants to be asked; the others wait for that.
        """
        schema = decoding.json_schema is not None
        if self._unsure(schema):
            with self._first:
                if self._unsure(schema):
                    try:
                        return self._with_schema(messages, decoding) if schema else self._chat(messages, decoding)
                    finally:
                        self._tried = True
        return self._chat(messages, decoding, schema=schema and self._takes_schema is True)

    def _unsure(self, schema: bool) -> bool:
        """Whether the next request of this kind may find out something."""
        return not self._tried or (schema and self._takes_schema is None)

    def stream(self, messages: Sequence[Message], decoding: Decoding) -> Iterator[str | Reply]:
        """Pieces of one reply as they come; the last thing is the whole Reply. Raises Fault."""
        yield from self._stream(self._body(messages, decoding))

    # -- one request ---------------------------------------------------------------------------------------------------

    def _with_schema(self, messages: Sequence[Message], decoding: Decoding) -> Reply:
        """Ask with a schema, and without where the server refuses it."""
        try:
            reply = self._chat(messages, decoding, schema=True)
            self._takes_schema = True
        except Fault as fault:
            if fault.status not in (400, 422):
                raise
            reply = self._chat(messages, decoding)
            self._takes_schema = False
            self._warn(f"the server takes no JSON schema ({fault}); the prompt alone asks for JSON")
        return reply

    def _body(self, messages: Sequence[Message], decoding: Decoding, *, schema: bool = False) -> dict[str, Any]:
        turns = [message.model_dump() for message in messages]
        body: dict[str, Any] = {
            "model": self._model,
            "messages": turns if self._takes_system else system_turn.folded(turns),
            "temperature": decoding.temperature,
            self._limit_name: decoding.max_new_tokens,
        }
        if decoding.temperature > 0:  # greedy decoding needs neither, and not every server knows `seed`
            body |= {"top_p": decoding.top_p, "seed": decoding.seed}
        if schema:
            wanted = {"name": "reply", "strict": True, "schema": decoding.json_schema}
            body["response_format"] = {"type": "json_schema", "json_schema": wanted}
        return {name: value for name, value in body.items() if name not in self._refused}

    def _chat(self, messages: Sequence[Message], decoding: Decoding, *, schema: bool = False) -> Reply:
        started = time.perf_counter()
        body = self._body(messages, decoding, schema=schema)
        response = self._sent(lambda body: self._client.chat.completions.with_raw_response.create(**body), body)
        reply = read_reply(response.http_response.content, self._scrub)
        return reply.model_copy(update={"seconds": time.perf_counter() - started})

    def _stream(self, body: dict[str, Any]) -> Iterator[str | Reply]:
        started = time.perf_counter()
        body |= {"stream": True, "stream_options": {"include_usage": True}}
        text, thoughts, refusal, tools, reason, usage = "", "", "", False, None, None
        try:
            with self._sent(lambda body: self._client.chat.completions.create(**body), body) as events:
                for event in events:
                    usage = getattr(event, "usage", None) or usage
                    for choice in (getattr(event, "choices", None) or [])[:1]:
                        reason = choice.finish_reason or reason
                        delta = choice.delta.to_dict()
                        said, thought = text_of(delta)
                        thoughts += self._scrub(writable(thought))
                        refusal += delta.get("refusal") or ""
                        tools = tools or bool(delta.get("tool_calls"))
                        piece = self._scrub(writable(said or ""))
                        text += piece
                        if piece:
                            yield piece
        except Fault:
            raise
        except Exception as error:  # the client lets pass whatever its reader met
            raise self._fault(error) from error
        if reason is None:
            if text:
                raise Fault("the answer broke off before its end", hint="the server or the line stopped: ask again")
            raise Fault("the server sent no answer")
        refuse_unanswered(text, reason, {"refusal": refusal, "tool_calls": tools}, self._scrub)
        yield Reply(
            text=text,
            reasoning=thoughts.strip(),
            prompt_tokens=count(getattr(usage, "prompt_tokens", 0)),
            completion_tokens=count(getattr(usage, "completion_tokens", 0)),
            seconds=time.perf_counter() - started,
            truncated=reason == "length",
        )

    def _sent(self, send: Callable[[dict[str, Any]], Any], body: dict[str, Any]) -> Any:
        """What `send` brings; a server that wants the request in other words gets it in those."""
        try:
            return send(body)
        except (self._openai.OpenAIError, self._httpx.HTTPError, ValueError) as error:
            fault = self._fault(error)
            other = self._reworded(body, fault, error) if fault.status in (400, 422) else None
            if other is None:
                raise fault from None
        return self._sent(send, other)

    def _reworded(self, body: dict[str, Any], fault: Fault, error: Any) -> dict[str, Any] | None:
        """The request without what the server refuses, noted for later requests too; None: that is not its trouble.

        What decides is this request, not what is known by now: several may be under way when the first is refused.
        """
        named, said = refused_parameter(error.response.content), str(fault)
        if "max_tokens" in body and "max_completion_tokens" in said:
            self._limit_name = "max_completion_tokens"  # newer hosted models know the limit by this name alone
            return {self._limit_name if name == "max_tokens" else name: value for name, value in body.items()}
        if system_turn.is_refused(said, body["messages"]):
            if self._takes_system:
                self._takes_system = False
                self._warn(f"the server takes no system turn ({fault}): its text begins the user's turn")
            return body | {"messages": system_turn.folded(body["messages"])}
        refused = named if named in _LEFT_OUT else min((n for n in _LEFT_OUT if n in said), key=said.find, default=None)
        if refused is None or refused not in body:
            return None
        if refused not in self._refused:
            self._refused.add(refused)
            self._warn(f"the server takes no {refused} ({fault}): answers come with its own")
        return {name: value for name, value in body.items() if name != refused}

    # -- what went wrong -----------------------------------------------------------------------------------------------

    def _fault(self, error: Exception) -> Fault:
        """What the client raised, told in one line."""
        if isinstance(error, self._openai.APIStatusError):
            return self._status_fault(error.response)
        if isinstance(error, self._openai.APITimeoutError | self._httpx.TimeoutException):
            return Fault(f"no answer within {self._timeout:g} seconds")
        cause = error.__cause__ if isinstance(error, self._openai.APIConnectionError) and error.__cause__ else error
        if isinstance(cause, self._httpx.ConnectError):
            return Fault(f"no connection: {self._short(str(cause))}")
        if type(cause) is self._openai.APIError:  # an error that came as an event of a stream
            return Fault(f"the server broke off: {self._short(str(cause))}", hint="see what it says, then ask again")
        return Fault(
            f"the answer broke off or can't be read: {type(cause).__name__}: {self._short(str(cause))}",
            hint="the server or the line stopped: ask again",
        )

    def _status_fault(self, response: Any) -> Fault:
        status: int = response.status_code
        if 300 <= status < 400:
            elsewhere = self._short(response.headers.get("location", "an unnamed place"))
            return Fault(f"the server redirects to {elsewhere}, which is not followed", retry=False, status=status)
        return status_fault(status, self._short(error_text(response.content)), response.headers)

    def _scrub(self, text: str) -> str:
        """A text without the key. Local servers take any key: a short one ("x", "none") is a part of other words."""
        if not self._key:
            return text
        edge = r"\b" if len(self._key) < _SHORTEST_SECRET and self._key.isalnum() else ""
        return re.sub(f"{edge}{re.escape(self._key)}{edge}", "***", text)

    def _short(self, text: str) -> str:
        return short(text, self._scrub)

    # -- how much is read ----------------------------------------------------------------------------------------------

    def _prepare(self, request: Any) -> None:
        if self._key is None:
            del request.headers["Authorization"]
        request.extensions = {**request.extensions, "dyag_deadline": time.monotonic() + self._timeout}

    def _bound(self, response: Any) -> None:
        encoding = response.headers.get("content-encoding", "identity")
        if encoding != "identity":  # a few kilobytes could unpack to gigabytes
            raise self._httpx.RemoteProtocolError(f"a body in {encoding!r}, which was not asked for", request=None)
        deadline = response.request.extensions["dyag_deadline"]
        response.stream = _bounded_stream(self._httpx, response.stream, deadline)


def _bounded_stream(httpx: Any, stream: Any, deadline: float) -> Any:
    """`stream` until it is too long or too late: a body that drips in never meets the timeout of a single read."""

    class Bounded(httpx.SyncByteStream):  # type: ignore[misc, name-defined]
        def __iter__(self) -> Iterator[bytes]:
            size = 0
            for piece in stream:
                size += len(piece)
                if size > LARGEST_BODY:
                    raise httpx.RemoteProtocolError(f"more than {LARGEST_BODY // 1_000_000} MB", request=None)
                if time.monotonic() > deadline:
                    raise httpx.ReadTimeout("the body took too long", request=None)
                yield piece

        def close(self) -> None:
            stream.close()

    return Bounded()
