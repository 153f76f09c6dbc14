"""Engine `llamacpp`: answers on CPU with llama.cpp, from a GGUF file made once of base model and adapter.

Prompts go in as the token ids that `dyag_core.chat` renders for every engine, never through the GGUF's own template:
text in a message can't become a control token. llama.cpp decodes several answers at once (continuous batching) and
keeps the beginning that consecutive prompts share.
"""

from __future__ import annotations

import importlib.metadata
import queue
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, Field, JsonValue

from dyag_core import Decoding, DyagError, GateError, Message, Reply, Run, hookimpl
from dyag_core.api import prompt_ids, stop_texts
from dyag_plugins.engines.llamacpp import cache
from dyag_plugins.engines.llamacpp.cache import GGUF
from dyag_plugins.engines.llamacpp.server import Server
from dyag_plugins.engines.rendering import answerable, rendered, seed_for, tell_of_system_turn
from dyag_plugins.engines.transformers import loading
from dyag_plugins.engines.transformers.merging import Merged

_FREE: dict[str, JsonValue] = {"changes_result": False}


class LlamaCppOptions(BaseModel, extra="forbid"):
    """How exact, how many at once, on how many cores."""

    quantization: Literal["auto", "f16", "q8_0"] = Field(
        "auto", description="auto: q8_0 where it answers like the unquantised model, else f16"
    )
    parity: Literal["check", "off"] = Field(
        "check", description="check: refuse a file that answers fewer than 95 % of 20 prompts as transformers does"
    )
    threads: int | None = Field(None, ge=1, description="by default every core it may use", json_schema_extra=_FREE)
    parallel: int = Field(4, ge=1, le=64, description="answers decoded at once", json_schema_extra=_FREE)
    context: int = Field(
        4096, ge=256, description="tokens for prompt and answer together, at most the model's own; memory grows with it"
    )


class LlamaCppEngines:
    """Opens models with llama.cpp, after converting them."""

    dyag_api = 1
    requires = ("xllamacpp", "transformers")
    Options = LlamaCppOptions

    @hookimpl
    def dyag_open_engine(
        self, base_path: str, adapter: Path | None, options: LlamaCppOptions, run: Run, chat_template: str | None
    ) -> LlamaCpp:
        """Convert if need be, compare with transformers, open."""

        def opener(path: Path, tokenizer: Any) -> LlamaCpp:
            return LlamaCpp(path, tokenizer, context_length(base_path, tokenizer, options), options)

        source = Merged(base_path, adapter, chat_template)
        gguf = _chosen(source, options, opener, run)
        if options.parity == "check":
            _check(gguf)
        tokenizer = loading.tokenizer_of(base_path, adapter, chat_template)
        tell_of_system_turn(tokenizer, run)
        engine = opener(gguf.path, tokenizer)
        compared = {"same": gguf.parity.same, "asked": gguf.parity.asked}
        engine.about |= {"quantization": gguf.quantization, "parity": compared}
        return engine


def context_length(base_path: str, tokenizer: Any, options: LlamaCppOptions) -> int:
    """Tokens that prompt and answer share: what the options say, at most what the model holds."""
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(base_path, trust_remote_code=False)
    return min(options.context, loading.context_length(config, tokenizer))


def _chosen(source: Merged, options: LlamaCppOptions, opener: cache.Opener, run: Run) -> GGUF:
    """The file in the wanted quantisation; for auto the smallest that answers like the model it was made from."""
    kinds = ("q8_0", "f16") if options.quantization == "auto" else (options.quantization,)
    for kind in kinds:
        gguf = cache.cached(source, kind, opener, run)
        if gguf.parity.holds:
            break
    return gguf


def _check(gguf: GGUF) -> None:
    if not gguf.parity.holds:
        different = gguf.parity.asked - gguf.parity.same
        finer = "-o quantization=f16, or " if gguf.quantization != "f16" else ""
        raise GateError(
            f"llama.cpp ({gguf.quantization}) answers {different} of {gguf.parity.asked} test prompts otherwise than "
            "transformers: what it measures would not be this model",
            f"use {finer}--engine transformers; to go on all the same: -o parity=off",
        )


@dataclass(frozen=True)
class _Row:
    """One prompt to be answered."""

    index: int
    prompt: list[int]
    limit: int


class LlamaCpp:
    """A loaded GGUF file. See `dyag_core.plugin.protocols.Engine`."""

    def __init__(self, path: Path, tokenizer: Any, context: int, options: LlamaCppOptions) -> None:
        self._tokenizer = tokenizer
        self._stops = list(stop_texts(tokenizer))
        self._parallel = options.parallel
        self._server = Server(path, context, options.parallel, options.threads)
        self.context_length, self.concurrent = context, options.parallel
        self.about = {"device": "cpu", "library": f"xllamacpp {importlib.metadata.version('xllamacpp')}"}

    def answer(self, prompts: Sequence[Sequence[Message]], decoding: Decoding) -> Iterator[tuple[int, Reply]]:
        """Answer all prompts, `parallel` at a time; neighbours share as much of their beginning as can be."""
        rows = yield from answerable(prompts, lambda index, prompt: self._row(index, prompt, decoding))
        if not rows:
            return
        rows.sort(key=lambda row: row.prompt)
        workers, stop = min(self._parallel, len(rows)), threading.Event()

        def ask(row: _Row) -> tuple[int, Reply]:
            reply = self._ask(row, decoding, lambda _piece: stop.is_set())
            return row.index, reply.model_copy(update={"seconds": reply.seconds / workers})

        with ThreadPoolExecutor(workers, thread_name_prefix="dyag-llamacpp") as pool:
            try:
                for done in as_completed([pool.submit(ask, row) for row in rows]):
                    yield done.result()
            finally:
                stop.set()
                pool.shutdown(cancel_futures=True)

    def stream(self, prompt: Sequence[Message], decoding: Decoding) -> Generator[str, None, Reply]:
        """Answer one prompt in pieces that together are the reply's text."""
        row = self._row(0, prompt, decoding)
        if isinstance(row, Reply):
            return row
        pieces: queue.SimpleQueue[str | Reply | BaseException] = queue.SimpleQueue()
        stop = threading.Event()

        def show(piece: str) -> bool:
            pieces.put(piece)
            return stop.is_set()

        def work() -> None:
            try:
                pieces.put(self._ask(row, decoding, show))
            except BaseException as error:  # noqa: BLE001 - carried to the caller's thread
                pieces.put(error)

        thread = threading.Thread(target=work, name="dyag-llamacpp", daemon=True)
        thread.start()
        whole, sent = "", ""
        try:
            while isinstance(piece := pieces.get(), str):
                whole += piece
                text = whole.strip()  # white space at the end may turn out to be the end
                if len(text) > len(sent):
                    yield text[len(sent) :]
                    sent = text
        finally:
            stop.set()
            thread.join()
        if isinstance(piece, BaseException):
            raise piece
        return piece

    def count_tokens(self, prompt: Sequence[Message]) -> int:
        """Length of the rendered prompt in tokens."""
        return len(prompt_ids(self._tokenizer, prompt))

    def close(self) -> None:
        """Free the model's memory."""
        self._server.close()

    def _row(self, index: int, prompt: Sequence[Message], decoding: Decoding) -> _Row | Reply:
        ids = rendered(self._tokenizer, prompt, self.context_length)
        if isinstance(ids, Reply):
            return ids
        return _Row(index, ids, min(decoding.max_new_tokens, self.context_length - len(ids)))

    def _ask(self, row: _Row, decoding: Decoding, stopped: Callable[[str], bool]) -> Reply:
        """One request. `stopped` gets each piece of text, and says whether to give up."""
        text, last = "", {}

        def take(chunk: dict[str, Any]) -> bool:
            nonlocal text, last
            last = chunk
            piece = chunk["choices"][0]["text"] if chunk.get("choices") else ""
            text += piece
            return stopped(piece)

        started = time.perf_counter()
        request = _request(row, decoding) | ({"stop": self._stops} if self._stops else {})
        self._server.handle.handle_completions(request, take)
        seconds = time.perf_counter() - started
        if "usage" not in last:
            told = last.get("error", {}).get("message", "the answer was broken off")
            return Reply(text="", prompt_tokens=len(row.prompt), seconds=seconds, error=f"llama.cpp: {told}")
        if last["usage"]["prompt_tokens"] != len(row.prompt):
            raise DyagError("llama.cpp changed the prompt's tokens", "use --engine transformers")
        return Reply(
            text=text.strip(),
            prompt_tokens=len(row.prompt),
            completion_tokens=last["usage"]["completion_tokens"],
            seconds=seconds,
            truncated=last["choices"][0]["finish_reason"] == "length",
        )


def _request(row: _Row, decoding: Decoding) -> dict[str, Any]:
    """What llama.cpp is asked; its own defaults (top-k 40, min-p 0.05) are left out of the sampling."""
    request: dict[str, Any] = {
        "prompt": row.prompt,
        "max_tokens": row.limit,
        "stream": True,
        "stream_options": {"include_usage": True},
        "return_progress": True,  # so that `stopped` is asked while a long prompt is read, too
        "cache_prompt": True,
        "temperature": decoding.temperature,
    }
    if decoding.temperature == 0:
        request |= {"samplers": ["top_k"], "top_k": 1}
    else:
        request |= {"samplers": ["temperature", "top_p"], "top_p": decoding.top_p}
        request |= {"seed": seed_for(row.prompt, decoding) % 2**32}
    if decoding.json_schema is not None:
        request["json_schema"] = decoding.json_schema
    return request
