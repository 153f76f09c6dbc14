"""One request to an OpenAI-compatible server: what is sent, how much is read, what is wrong with what came back.

Nothing here retries: `Endpoint` answers or raises a `Fault` that says whether trying again can help. The client's own
retries are off, redirects are not followed (they would carry the key elsewhere), and every message loses the key.
"""

from __future__ import annotations

import email.utils
import json
import os
import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from dyag_core import Decoding, Message, Reply, UsageError
from dyag_core.api import plain, writable

KEY_VARIABLES = ("DYAG_OPENAI_API_KEY", "OPENAI_API_KEY")
#: The largest body that is read. A chat reply has some kilobytes; a server that sends more is broken.
LARGEST_BODY = 8_000_000
#: A server that wants us to come back later than this (in seconds) is not waited for.
LONGEST_WAIT = 120.0
_CONNECT_SECONDS = 10.0
_RETRIED_STATUS = {408, 409, 425, 429}
_SHOWN = 200


class Fault(Exception):
    """A request that brought no answer.

    Args:
        message: what happened, free of the key.
        retry: whether the same request may succeed later.
        after: seconds that the server wants us to wait, where it says so.
        status: of the HTTP response, None where there was none.
    """

    def __init__(
        self, message: str, *, retry: bool = True, after: float | None = None, status: int | None = None
    ) -> None:
        super().__init__(message)
        self.retry, self.after, self.status = retry, after, status


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
        self._takes_schema: bool | None = None
        self._schema_probe = threading.Lock()
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
        """One reply. Raises Fault."""
        if decoding.json_schema is None or self._takes_schema is False:
            return self._chat(self._body(messages, decoding))
        if self._takes_schema:
            return self._chat(self._body(messages, decoding, schema=True))
        return self._chat_finding_out(messages, decoding)

    def stream(self, messages: Sequence[Message], decoding: Decoding) -> Iterator[str | Reply]:
        """Pieces of one reply as they come; the last thing is the whole Reply. Raises Fault."""
        yield from self._stream(self._body(messages, decoding))

    # -- one request ---------------------------------------------------------------------------------------------------

    def _chat_finding_out(self, messages: Sequence[Message], decoding: Decoding) -> Reply:
        """Ask with a schema, and without where the server refuses it. One request finds out, the others wait."""
        with self._schema_probe:
            if self._takes_schema is None:
                try:
                    reply = self._chat(self._body(messages, decoding, schema=True))
                    self._takes_schema = True
                except Fault as fault:
                    if fault.status not in (400, 422):
                        raise
                    reply = self._chat(self._body(messages, decoding))
                    self._takes_schema = False
                    self._warn(f"the server takes no JSON schema ({fault}); the prompt alone asks for JSON")
                return reply
        return self.chat(messages, decoding)

    def _body(self, messages: Sequence[Message], decoding: Decoding, *, schema: bool = False) -> dict[str, Any]:
        body: dict[str, Any] = {
            "model": self._model,
            "messages": [message.model_dump() for message in messages],
            "temperature": decoding.temperature,
            self._limit_name: decoding.max_new_tokens,
        }
        if decoding.temperature > 0:  # greedy decoding needs neither, and not every server knows `seed`
            body |= {"top_p": decoding.top_p, "seed": decoding.seed}
        if schema:
            wanted = {"name": "reply", "strict": True, "schema": decoding.json_schema}
            body["response_format"] = {"type": "json_schema", "json_schema": wanted}
        return body

    def _chat(self, body: dict[str, Any]) -> Reply:
        started = time.perf_counter()
        response = self._sent(lambda body: self._client.chat.completions.with_raw_response.create(**body), body)
        reply = read_reply(response.http_response.content, self._scrub)
        return reply.model_copy(update={"seconds": time.perf_counter() - started})

    def _stream(self, body: dict[str, Any]) -> Iterator[str | Reply]:
        started = time.perf_counter()
        body |= {"stream": True, "stream_options": {"include_usage": True}}
        text, reason, usage = "", None, None
        try:
            with self._sent(lambda body: self._client.chat.completions.create(**body), body) as events:
                for event in events:
                    usage = getattr(event, "usage", None) or usage
                    for choice in (getattr(event, "choices", None) or [])[:1]:
                        reason = choice.finish_reason or reason
                        piece = self._scrub(writable(choice.delta.content or ""))
                        text += piece
                        if piece:
                            yield piece
        except Fault:
            raise
        except Exception as error:  # the client lets pass whatever its reader met
            raise self._fault(error) from error
        if reason is None:
            raise Fault("the answer broke off" if text else "the server sent no answer")
        yield Reply(
            text=text,
            prompt_tokens=_count(getattr(usage, "prompt_tokens", 0)),
            completion_tokens=_count(getattr(usage, "completion_tokens", 0)),
            seconds=time.perf_counter() - started,
            truncated=reason == "length",
        )

    def _sent(self, send: Callable[[dict[str, Any]], Any], body: dict[str, Any]) -> Any:
        try:
            return send(body)
        except (self._openai.OpenAIError, self._httpx.HTTPError, ValueError) as error:
            fault = self._fault(error)
            if fault.status == 400 and "max_completion_tokens" in str(fault) and self._limit_name in body:
                limit = body.pop(self._limit_name)
                self._limit_name = "max_completion_tokens"  # newer hosted models know the limit by this name alone
                return self._sent(send, body | {self._limit_name: limit})
            raise fault from None

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
        return Fault(f"the answer broke off or can't be read: {type(cause).__name__}: {self._short(str(cause))}")

    def _status_fault(self, response: Any) -> Fault:
        status: int = response.status_code
        said = self._short(_error_text(response.content))
        if 300 <= status < 400:
            elsewhere = self._short(response.headers.get("location", "an unnamed place"))
            return Fault(f"the server redirects to {elsewhere}, which is not followed", retry=False, status=status)
        message = f"HTTP {status}" + (f": {said}" if said else "")
        after = _retry_after(response.headers)
        retry = (status in _RETRIED_STATUS or status >= 500) and "insufficient_quota" not in said
        if after is not None and after > LONGEST_WAIT:
            return Fault(f"{message} (come back in {after:.0f} seconds)", retry=False, status=status)
        return Fault(message, retry=retry, after=after, status=status)

    def _scrub(self, text: str) -> str:
        return text.replace(self._key, "***") if self._key else text

    def _short(self, text: str) -> str:
        return " ".join(plain(self._scrub(text)).split())[:_SHOWN]

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


def read_reply(body: bytes, scrub: Callable[[str], str]) -> Reply:
    """The reply that a chat completion holds. Raises Fault, saying what is wrong with it."""
    try:
        answer = json.loads(body.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise Fault("the answer is not UTF-8") from error
    except (ValueError, RecursionError) as error:
        kind = "a web page" if body.lstrip()[:1] == b"<" else "no JSON"
        raise Fault(f"the answer is {kind}: is base_url right? It mostly ends in /v1") from error
    choices = answer.get("choices") if isinstance(answer, dict) else None
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        said = " ".join(plain(scrub(_error_text(body))).split())[:_SHOWN] if isinstance(answer, dict) else ""
        raise Fault("the answer holds no choices" + (f": {said}" if said else ""))
    message, reason = choices[0].get("message"), choices[0].get("finish_reason")
    text = message.get("content") if isinstance(message, dict) else None
    if not isinstance(text, str):
        if reason == "length":
            raise Fault("all tokens were used up before an answer began; raise max_new_tokens", retry=False)
        raise Fault("the answer has no text")
    usage = answer.get("usage")
    usage = usage if isinstance(usage, dict) else {}
    return Reply(
        text=scrub(writable(text)).strip(),
        prompt_tokens=_count(usage.get("prompt_tokens")),
        completion_tokens=_count(usage.get("completion_tokens")),
        truncated=reason == "length",
    )


def _error_text(body: bytes) -> str:
    """What an error's body says: the message of its JSON, else its text without tags."""
    text = body.decode("utf-8", "replace")
    try:
        error = json.loads(text)["error"]
        if isinstance(error, str):
            return error
        return " ".join(str(error[name]) for name in ("message", "code") if error.get(name))
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError):
        return re.sub(r"<[^>]*>", " ", text[:10_000])


def _retry_after(headers: Any) -> float | None:
    """Seconds, from `Retry-After` (RFC 9110: seconds or a date) or `retry-after-ms`."""
    milliseconds, seconds = headers.get("retry-after-ms", ""), headers.get("retry-after", "")
    if _is_number(milliseconds):
        return max(0.0, float(milliseconds) / 1000)
    if _is_number(seconds):
        return max(0.0, float(seconds))
    try:
        return max(0.0, email.utils.parsedate_to_datetime(seconds).timestamp() - time.time())
    except ValueError:
        return None


def _is_number(text: str) -> bool:
    return re.fullmatch(r"\s*\d+(\.\d*)?\s*", text) is not None


def _count(value: Any) -> int:
    return value if isinstance(value, int) and value > 0 else 0
