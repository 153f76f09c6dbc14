"""What can be wrong with a request: said in one line, with what the server said, and whether asking again can help."""

from __future__ import annotations

import email.utils
import json
import re
import time
from typing import Any

#: A server that wants us to come back later than this (in seconds) is not waited for.
LONGEST_WAIT = 120.0
#: Statuses that say "not this prompt": another may well be answered. 200 is an answer that holds no text.
ABOUT_THE_PROMPT = {200, 400, 413, 422}
TOO_MANY_REQUESTS = 429
_RETRIED_STATUS = {408, 409, 425, TOO_MANY_REQUESTS}
_QUOTA = ("insufficient_quota", "exceeded your current quota", "billing_hard_limit_reached")
_TOO_LONG = ("context_length_exceeded", "context length", "context window", "context size", "prompt is too long")


class Fault(Exception):
    """A request that brought no answer.

    Args:
        message: what happened, free of the key.
        retry: whether the same request may succeed later.
        after: seconds that the server wants us to wait, where it says so.
        status: of the HTTP response; 200 where the answer came and holds nothing to use, None where none came.
        hint: what to do about it, where that is known.
        spent: the account has nothing left, so no other prompt will be answered either.
    """

    def __init__(
        self,
        message: str,
        *,
        retry: bool = True,
        after: float | None = None,
        status: int | None = None,
        hint: str | None = None,
        spent: bool = False,
    ) -> None:
        super().__init__(message)
        self.retry, self.after, self.status, self.hint, self.spent = retry, after, status, hint, spent


def status_fault(status: int, said: str, headers: Any) -> Fault:
    """A response that is none of the 2xx; `said` is what `error_text` found in it, in one short line."""
    message = f"HTTP {status}" + (f": {said}" if said else "")
    if status == TOO_MANY_REQUESTS and any(word in said for word in _QUOTA):
        return Fault(message, retry=False, status=status, spent=True)
    if status in ABOUT_THE_PROMPT:
        return Fault(message, retry=False, status=status, hint=_hint(said))
    after = _retry_after(headers)
    if after is not None and after > LONGEST_WAIT:
        return Fault(f"{message} (come back in {after:.0f} seconds)", retry=False, status=status)
    return Fault(message, retry=status in _RETRIED_STATUS or status >= 500, after=after, status=status)


def _hint(said: str) -> str:
    if any(word in said.lower() for word in _TOO_LONG):
        return "lower -k or --max-new-tokens, and give the server's own limit as -o context_length=N"
    return "the server refuses the request as it is: its message says what to change"


def error_text(body: bytes) -> str:
    """What an error's body says: the message and code of its JSON, else its text without tags."""
    text = body.decode("utf-8", "replace")
    try:
        error = json.loads(text)["error"]
        if isinstance(error, str):
            return error
        return " ".join(str(error[name]) for name in ("message", "code") if error.get(name))
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError):
        return re.sub(r"<[^>]*>", " ", text[:10_000])


def refused_parameter(body: bytes) -> str | None:
    """The parameter that an error names under `param`, as OpenAI's API does."""
    try:
        named = json.loads(body)["error"]["param"]
    except (ValueError, RecursionError, KeyError, TypeError):
        return None
    return named if isinstance(named, str) else None


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
