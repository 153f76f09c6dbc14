"""What keeps many workers off a server that asks for rest or is down: one pace and one count of failures for all."""

from __future__ import annotations

import random
import threading
import time

from dyag_core import DyagError, EndpointError
from dyag_plugins.engines.openai.endpoint import KEY_VARIABLES
from dyag_plugins.engines.openai.faults import ABOUT_THE_PROMPT, TOO_MANY_REQUESTS, Fault

#: So many failures in a row, over all workers, and the run stops.
FAILURES_IN_A_ROW = 20
#: The longest wait between two attempts, in seconds, where the server names none.
_LONGEST_BACKOFF = 30.0
#: Before anything worked, these mean that the key, the address or the model's name is wrong.
_HOPELESS = {301, 302, 303, 307, 308, 401, 403, 404}


class Stopped(Exception):
    """Nobody wants the answer any more."""


class Pace:
    """Lets requests go at most `per_minute`, and none while the server has asked everybody to wait."""

    def __init__(self, per_minute: float | None) -> None:
        self._interval = 60.0 / per_minute if per_minute else 0.0
        self._lock = threading.Lock()
        self._next = 0.0

    def wait(self, stop: threading.Event) -> None:
        """Return when the next request may go out. Stopped: `stop` was set."""
        while True:
            with self._lock:
                now = time.monotonic()
                if now >= self._next:
                    self._next = now + self._interval
                    return
                left = self._next - now
            if stop.wait(left):
                raise Stopped

    def hold(self, seconds: float) -> None:
        """No request for so long."""
        with self._lock:
            self._next = max(self._next, time.monotonic() + seconds)


def backoff(attempt: int, first: float) -> float:
    """Seconds to wait after the `attempt`-th failure: doubling, and scattered so that workers don't return together."""
    return random.uniform(0.5, 1.0) * min(_LONGEST_BACKOFF, first * 2.0 ** (attempt - 1))


class Row:
    """Failures since the last success, over all workers. Too many, or a hopeless one at the start, end the run."""

    def __init__(self, base_url: str) -> None:
        self._base_url = base_url
        self._lock = threading.Lock()
        self._failures = 0
        self._worked = False
        self._last: Fault | None = None

    def succeeded(self) -> None:
        """The server answered."""
        with self._lock:
            self._failures, self._worked = 0, True

    def failed(self, fault: Fault, *, given_up: bool) -> None:
        """Count a failed attempt. DyagError: there is no sense in going on; EndpointError where a later run may do it.

        "Too many requests" counts only where its prompt is given up: a busy server is not a dead one. A refused prompt
        says nothing about the next one, once another was answered.
        """
        with self._lock:
            self._last = fault
            if fault.spent:
                raise EndpointError(
                    f"{self._base_url}: the account's quota is used up: {fault}",
                    "what was answered is kept; when the account has quota again, run the same command again",
                )
            if fault.status in _HOPELESS and not self._worked:
                raise EndpointError(f"{self._base_url}: {fault}", _advice(fault.status))
            about_the_prompt = fault.status in ABOUT_THE_PROMPT
            if (fault.status == TOO_MANY_REQUESTS and not given_up) or (about_the_prompt and self._worked):
                return
            self._failures += 1
            if self._failures < FAILURES_IN_A_ROW:
                return
            failed = f"{self._base_url} failed {self._failures} times in a row, last: {fault}"
            if about_the_prompt:
                raise DyagError(failed, fault.hint)
            raise EndpointError(
                failed, "what was answered is kept; when the server is well, run the same command again"
            )

    def check_that_something_worked(self) -> None:
        """EndpointError: every prompt so far has failed, and not for what it asks; then it is the server."""
        with self._lock:
            last = self._last
            if last is not None and not self._worked and last.status not in ABOUT_THE_PROMPT:
                raise EndpointError(
                    f"{self._base_url} answered nothing: {last}",
                    "is the server up, and base_url its address?"
                    if last.status is None
                    else "the server is there and can't answer now: run the same command again when it is well",
                )


def _advice(status: int | None) -> str:
    if status in (401, 403):
        return f"set the key in {KEY_VARIABLES[0]} or name a file with api_key_file, then run the same command again"
    if status == 404:
        return "is the model's name the server's own, and does base_url end as it should (mostly /v1)?"
    return "give the address that the server redirects to as base_url, if you trust it"
