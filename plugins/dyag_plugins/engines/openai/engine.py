"""Engine `openai`: asks any server that speaks OpenAI's chat API (Ollama, vLLM, llama-server, hosted ones).

A request is made in `endpoint.py`, its answer read in `replies.py`; `faults.py` tells what went wrong, `rate_limit.py`
when to send.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator, Iterator, Sequence
from itertools import count
from pathlib import Path

from pydantic import BaseModel, Field, JsonValue

from dyag_core import Decoding, Message, Reply, Run, UsageError, hookimpl
from dyag_core.api import guessed_tokens
from dyag_plugins.engines.openai.endpoint import Endpoint, checked_url, read_key
from dyag_plugins.engines.openai.faults import Fault
from dyag_plugins.engines.openai.rate_limit import Pace, Row, Stopped, backoff

#: Marks options that may change between a run and its resumption: what was answered stays answered.
_FREE: dict[str, JsonValue] = {"changes_result": False}


class OpenAIOptions(BaseModel, extra="forbid"):
    """Which server, how hard it is asked, how patiently."""

    base_url: str = Field("http://localhost:11434/v1", description="address of the API; the default is Ollama's")
    api_key_file: str | None = Field(
        None, exclude=True, description="file that holds the key; by default DYAG_OPENAI_API_KEY or OPENAI_API_KEY"
    )
    concurrency: int = Field(8, ge=1, le=256, description="requests at the same time", json_schema_extra=_FREE)
    requests_per_minute: float | None = Field(
        None, gt=0, description="at most so many; by default no limit", json_schema_extra=_FREE
    )
    timeout: float = Field(
        120, gt=0, description="seconds for one request, up to the last byte of its answer", json_schema_extra=_FREE
    )
    max_attempts: int = Field(
        5, ge=1, description="how often a prompt is sent before it is given up", json_schema_extra=_FREE
    )
    retry_wait: float = Field(
        0.5, gt=0, description="seconds before the second attempt; doubles with each", json_schema_extra=_FREE
    )
    context_length: int = Field(4096, ge=256, description="tokens that the server gives to prompt and answer together")


class OpenAIEngines:
    """Opens models that a server holds; `base_path` is the name by which the server knows the model."""

    dyag_api = 1
    remote = True
    Options = OpenAIOptions

    @hookimpl
    def dyag_open_engine(self, base_path: str, adapter: Path | None, options: OpenAIOptions, run: Run) -> OpenAIEngine:
        """Nothing is loaded and nothing is sent before the first prompt."""
        if adapter is not None:
            raise UsageError(
                "the engine openai can't apply an adapter: the server has the weights",
                "serve the fine-tuned model and give its name as --base-model, or use --engine transformers",
            )
        base_url = checked_url(options.base_url)
        endpoint = Endpoint(base_url, base_path, read_key(options.api_key_file), options.timeout, run.warn)
        return OpenAIEngine(endpoint, options, Row(base_url))


class OpenAIEngine:
    """A model behind an address. See `dyag_core.plugin.protocols.Engine`."""

    def __init__(self, endpoint: Endpoint, options: OpenAIOptions, row: Row) -> None:
        self._endpoint = endpoint
        self._options = options
        self._row = row
        self._pace = Pace(options.requests_per_minute)
        self.context_length, self.concurrent = options.context_length, options.concurrency

    def answer(self, prompts: Sequence[Sequence[Message]], decoding: Decoding) -> Iterator[tuple[int, Reply]]:
        """Ask for all, `concurrency` at a time.

        A worker takes a new prompt only when the caller has come back for more, which is after it has kept the reply:
        however the process ends, no more than `concurrency` answers are lost.
        """
        if not prompts:
            return
        todo, taking = iter(enumerate(prompts)), threading.Lock()
        ready: queue.SimpleQueue[tuple[int, Reply] | BaseException] = queue.SimpleQueue()
        workers = min(self._options.concurrency, len(prompts))
        slots, stop = threading.Semaphore(workers), threading.Event()

        def work() -> None:
            while True:
                slots.acquire()
                with taking:
                    index, prompt = next(todo, (-1, None))
                if prompt is None or stop.is_set():
                    return
                try:
                    ready.put((index, self._ask(prompt, decoding, stop)))
                except BaseException as error:  # noqa: BLE001 - carried to the caller's thread
                    ready.put(error)
                    return

        for _ in range(workers):
            # daemons: a request that hangs must not keep the process from ending
            threading.Thread(target=work, name="dyag-openai", daemon=True).start()
        try:
            for _ in range(len(prompts)):
                item = ready.get()
                if isinstance(item, BaseException):
                    raise item
                yield item
                slots.release()
            self._row.check_that_something_worked()
        finally:
            stop.set()
            slots.release(workers)

    def stream(self, prompt: Sequence[Message], decoding: Decoding) -> Generator[str, None, Reply]:
        """Answer one prompt in pieces. What has been shown can't be taken back: a fault after that ends the reply."""
        stop = threading.Event()
        for attempt in count(1):
            self._pace.wait(stop)
            shown = ""
            try:
                for piece in self._endpoint.stream(prompt, decoding):
                    if isinstance(piece, Reply):
                        self._row.succeeded()
                        return piece
                    shown += piece
                    yield piece
            except Fault as fault:
                if shown or self._gives_up(fault, attempt, stop):
                    if not shown:
                        self._row.check_that_something_worked()
                    return Reply(text=shown, error=str(fault), hint=fault.hint)
        raise AssertionError("unreachable")

    def count_tokens(self, prompt: Sequence[Message]) -> int:
        """About how many tokens the prompt has: the tokenizer is the server's, so this is a guess, rather too high."""
        return guessed_tokens(prompt)

    def close(self) -> None:
        """Let go of the connections."""
        self._endpoint.close()

    def _ask(self, prompt: Sequence[Message], decoding: Decoding, stop: threading.Event) -> Reply:
        for attempt in count(1):
            self._pace.wait(stop)
            try:
                reply = self._endpoint.chat(prompt, decoding)
            except Fault as fault:
                if self._gives_up(fault, attempt, stop):
                    tried = f" ({attempt} attempts)" if attempt > 1 else ""
                    return Reply(text="", error=f"{fault}{tried}", hint=fault.hint)
            else:
                self._row.succeeded()
                return reply
        raise AssertionError("unreachable")

    def _gives_up(self, fault: Fault, attempt: int, stop: threading.Event) -> bool:
        """Whether a prompt is given up after `fault`; if not, waits until it may be sent again."""
        given_up = not fault.retry or attempt >= self._options.max_attempts
        self._row.failed(fault, given_up=given_up)
        if given_up:
            return True
        wait = backoff(attempt, self._options.retry_wait)
        if fault.after is not None:
            self._pace.hold(fault.after)  # the server means everybody
            wait += fault.after
        if stop.wait(wait):
            raise Stopped
        return False
