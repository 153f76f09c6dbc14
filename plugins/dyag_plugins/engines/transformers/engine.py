"""Engine `transformers`: answers on CPU, CUDA or MPS, with the adapter merged into the base model in memory.

Loading (what is refused, how an adapter is checked) is in `loading.py`, decoding in `batch.py`. Streams of several
callers are decoded together (`continuous.py`), on one base model also where only some of them want an adapter.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, Field

from dyag_core import Decoding, Message, Reply, Run, hookimpl
from dyag_core.api import end_of_turn_ids, prompt_ids
from dyag_plugins.engines.rendering import answerable, rendered, tell_of_system_turn
from dyag_plugins.engines.transformers import loading
from dyag_plugins.engines.transformers.batch import BASE, Batch, Row
from dyag_plugins.engines.transformers.continuous import Continuous
from dyag_plugins.engines.transformers.stops import Stops


class TransformersEngines:
    """Opens models with transformers and PEFT."""

    dyag_api = 1

    class Options(BaseModel, extra="forbid"):
        """How to load and how many to answer at once."""

        batch_size: int = Field(16, ge=1, description="prompts answered together; lower it if memory runs out")
        device: Literal["auto", "cpu", "cuda", "mps"] = Field("auto", description="where the model runs")
        dtype: Literal["auto", "float32", "bfloat16", "float16"] = Field(
            "auto", description="auto: float32 on CPU and MPS, bfloat16 (or float16) on CUDA"
        )

    @hookimpl
    def dyag_open_engine(
        self, base_path: str, adapter: Path | None, options: Options, run: Run, chat_template: str | None
    ) -> TransformersEngine:
        """Load, merge, check, warm up."""
        with run.progress.task(f"loading {Path(base_path).name}"):
            model, tokenizer = loading.load(base_path, adapter, options.device, options.dtype, chat_template)
        tell_of_system_turn(tokenizer, run)
        engine = TransformersEngine(model, tokenizer, options.batch_size)
        if adapter is None:
            engine.source = base_path, chat_template
        return engine


class Shared:
    """A model in memory, and what answers with it at the same time. `mixed`: an adapter stands beside its weights."""

    def __init__(self, model: Any, batch_size: int) -> None:
        self.model, self.batch_size, self.mixed = model, batch_size, False
        self.continuous = Continuous(self.batch, batch_size)

    def batch(self) -> Batch:
        """An empty batch."""
        return Batch(self.model, mixed=self.mixed)


class TransformersEngine:
    """A loaded model. See `dyag_core.plugin.protocols.Engine`.

    `source` is the path and the given chat template of a base model that an adapter may be put beside, else None.
    """

    def __init__(
        self, model: Any, tokenizer: Any, batch_size: int, *, shared: Shared | None = None, adapter: str = BASE
    ) -> None:
        self._shared = shared = shared or Shared(model, batch_size)
        self.source: tuple[str, str | None] | None = None
        self._tokenizer = tokenizer
        self._adapter = adapter
        self._ends = end_of_turn_ids(tokenizer)
        self._stops = Stops(tokenizer)
        self.about = _about(shared.model)
        self.context_length = loading.context_length(shared.model.config, tokenizer)
        self.concurrent = shared.batch_size
        self._warm_up()

    @property
    def _model(self) -> Any:
        return self._shared.model

    def with_adapter(self, adapter: Path) -> TransformersEngine | None:
        """The same weights with `adapter` beside them; None where this kind of adapter has to be merged.

        Answers are those of the merged model but for rounding.
        """
        if self.source is None or not loading.stands_beside(adapter):
            return None
        shared, (base_path, chat_template) = self._shared, self.source
        tokenizer = loading.tokenizer_of(base_path, adapter, chat_template)
        loading.check_tokenizer(tokenizer, shared.model, base_path)
        shared.model, shared.mixed = loading.beside(shared.model, adapter), True
        self.source = None  # one is enough for every arm
        return TransformersEngine(shared.model, tokenizer, shared.batch_size, shared=shared, adapter=loading.BESIDE)

    def answer(self, prompts: Sequence[Sequence[Message]], decoding: Decoding) -> Iterator[tuple[int, Reply]]:
        """Answer all prompts, the shortest first, so that a batch holds prompts of like length and pads little."""
        rows = yield from answerable(prompts, lambda index, prompt: self._row(index, prompt, decoding))
        rows.sort(key=lambda row: (len(row.prompt), row.index))
        for start in range(0, len(rows), self._shared.batch_size):
            part = rows[start : start + self._shared.batch_size]
            started = time.perf_counter()
            batch = self._shared.batch()
            batch.join(part)
            while batch.rows:
                batch.step()
            seconds = (time.perf_counter() - started) / len(part)
            for row in part:
                yield row.index, self._reply(row, seconds)

    def stream(self, prompt: Sequence[Message], decoding: Decoding) -> Generator[str, None, Reply]:
        """Answer one prompt in pieces that together are the reply's text. Several may be streamed at once."""
        row = self._row(0, prompt, decoding)
        if isinstance(row, Reply):
            return row
        started = time.perf_counter()
        sent = ""
        for tokens, done in self._shared.continuous.answer(row):
            if done:
                break
            text = self._stops.text(row.answer[:tokens]).strip()
            # Half of a character may still be to come; white space at the end may turn out to be the end.
            text = self._stops.without_beginning(text)
            if len(text) > len(sent) and text.startswith(sent) and not text.endswith("\ufffd"):
                yield text[len(sent) :]
                sent = text
        reply = self._reply(row, time.perf_counter() - started)
        if reply.text.startswith(sent) and len(reply.text) > len(sent):
            yield reply.text[len(sent) :]
        return reply

    def count_tokens(self, prompt: Sequence[Message]) -> int:
        """Length of the rendered prompt in tokens."""
        return len(prompt_ids(self._tokenizer, prompt))

    def close(self) -> None:
        """Free the model's memory."""
        import torch

        self._shared.continuous.close()
        self._shared.model = None
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    def _row(self, index: int, prompt: Sequence[Message], decoding: Decoding) -> Row | Reply:
        ids = rendered(self._tokenizer, prompt, self.context_length)
        if isinstance(ids, Reply):
            return ids
        limit = min(decoding.max_new_tokens, self.context_length - len(ids))
        return Row(index, ids, limit, decoding, self._ends, self._stops, self._adapter)

    def _reply(self, row: Row, seconds: float) -> Reply:
        return Reply(
            text=self._stops.text(row.answer).strip(),
            prompt_tokens=len(row.prompt),
            completion_tokens=len(row.answer),
            seconds=seconds,
            truncated=not row.ended,
        )

    def _warm_up(self) -> None:
        """The first steps pay for kernels and buffers: pay before anybody's clock runs."""
        batch = self._shared.batch()
        batch.join([Row(0, [min(self._ends)], 2, Decoding(), self._ends, self._stops, self._adapter)])
        while batch.rows:
            batch.step()


def _about(model: Any) -> dict[str, str]:
    """Where and with what the answers are computed."""
    import torch
    import transformers

    device = str(model.device)
    if model.device.type == "cuda":
        device = f"cuda ({torch.cuda.get_device_name(model.device)})"
    return {
        "device": device,
        "dtype": str(model.dtype).removeprefix("torch."),
        "library": f"transformers {transformers.__version__}, torch {torch.__version__}",
    }
