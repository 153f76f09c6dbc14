"""Engine `transformers`: answers on CPU, CUDA or MPS, with the adapter merged into the base model in memory.

The decoding loop is DYAG's own, for what `generate` doesn't give: each row of a batch has its own limit and its own
random numbers, so a reply depends on its prompt alone; finished rows leave the batch; the same loop streams.
Loading (what is refused, how an adapter is checked) is in `loading.py`.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, Field

from dyag_core import Decoding, Message, Reply, ResourceError, Run, hookimpl
from dyag_core.api import end_of_turn_ids, prompt_ids
from dyag_plugins.engines.rendering import answerable, rendered, seed_for, tell_of_system_turn
from dyag_plugins.engines.transformers import loading
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
        return TransformersEngine(model, tokenizer, options.batch_size)


@dataclass
class _Row:
    """One prompt while it is being answered."""

    index: int
    prompt: list[int]
    limit: int
    generator: Any
    answer: list[int] = field(default_factory=list)
    ended: bool = False

    @property
    def done(self) -> bool:
        return self.ended or len(self.answer) >= self.limit


class TransformersEngine:
    """A loaded model. See `dyag_core.plugin.protocols.Engine`."""

    def __init__(self, model: Any, tokenizer: Any, batch_size: int) -> None:
        self._model = model
        self._tokenizer = tokenizer
        self._batch_size = batch_size
        self._ends = end_of_turn_ids(tokenizer)
        self._stops = Stops(tokenizer)
        self.about = _about(model)
        self.context_length = loading.context_length(model.config, tokenizer)
        self._warm_up()

    def answer(self, prompts: Sequence[Sequence[Message]], decoding: Decoding) -> Iterator[tuple[int, Reply]]:
        """Answer all prompts, the shortest first, so that a batch holds prompts of like length and pads little."""
        rows = yield from answerable(prompts, lambda index, prompt: self._row(index, prompt, decoding))
        rows.sort(key=lambda row: (len(row.prompt), row.index))
        for start in range(0, len(rows), self._batch_size):
            batch = rows[start : start + self._batch_size]
            started = time.perf_counter()
            for _ in self._decode(batch, decoding):
                pass
            seconds = (time.perf_counter() - started) / len(batch)
            for row in batch:
                yield row.index, self._reply(row, seconds)

    def stream(self, prompt: Sequence[Message], decoding: Decoding) -> Generator[str, None, Reply]:
        """Answer one prompt in pieces that together are the reply's text."""
        row = self._row(0, prompt, decoding)
        if isinstance(row, Reply):
            return row
        started = time.perf_counter()
        sent = ""
        for _ in self._decode([row], decoding):
            text = self._text(row)
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

        self._model = None
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    def _row(self, index: int, prompt: Sequence[Message], decoding: Decoding) -> _Row | Reply:
        ids = rendered(self._tokenizer, prompt, self.context_length)
        if isinstance(ids, Reply):
            return ids
        room = self.context_length - len(ids)
        return _Row(index, ids, min(decoding.max_new_tokens, room), _generator(ids, decoding))

    def _reply(self, row: _Row, seconds: float) -> Reply:
        return Reply(
            text=self._text(row),
            prompt_tokens=len(row.prompt),
            completion_tokens=len(row.answer),
            seconds=seconds,
            truncated=not row.ended,
        )

    def _text(self, row: _Row) -> str:
        return self._stops.text(row.answer).strip()

    def _decode(self, batch: Sequence[_Row], decoding: Decoding) -> Iterator[None]:
        """Extend `batch`'s rows by one token a step, yielding after each; rows that are done leave the cache."""
        import torch
        from transformers import DynamicCache

        device = self._model.device
        width = max(len(row.prompt) for row in batch)
        pad = self._tokenizer.pad_token_id or 0
        ids = torch.tensor([[pad] * (width - len(row.prompt)) + row.prompt for row in batch], device=device)
        mask = torch.tensor([[0] * (width - len(row.prompt)) + [1] * len(row.prompt) for row in batch], device=device)
        positions = (mask.cumsum(1) - 1).clamp(min=0)
        cache = DynamicCache(config=self._model.config)
        alive = list(batch)
        while alive:
            with torch.inference_mode(), _memory_errors(torch):
                out = self._model(
                    input_ids=ids,
                    attention_mask=mask,
                    position_ids=positions,
                    past_key_values=cache,
                    use_cache=True,
                    logits_to_keep=1,
                )
            logits = out.logits[:, -1].float()
            for row, token in zip(alive, _choose(logits, alive, decoding), strict=True):
                row.answer.append(token)
                row.ended = token in self._ends or self._stops.reached(row.answer)
            yield
            kept = [i for i, row in enumerate(alive) if not row.done]
            positions = positions[:, -1:] + 1
            mask = torch.cat([mask, mask.new_ones(len(alive), 1)], dim=1)
            if 0 < len(kept) < len(alive):
                select = torch.tensor(kept, device=device)
                cache.batch_select_indices(select)
                positions, mask = positions[select], mask[select]
            alive = [alive[i] for i in kept]
            ids = torch.tensor([[row.answer[-1]] for row in alive], device=device)

    def _warm_up(self) -> None:
        """The first steps pay for kernels and buffers: pay before anybody's clock runs."""
        row = _Row(0, [next(iter(sorted(self._ends)))], 2, None)
        for _ in self._decode([row], Decoding()):
            pass


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


def _generator(prompt: Sequence[int], decoding: Decoding) -> Any:
    """Random numbers for one prompt; none where none are needed."""
    if decoding.temperature == 0:
        return None
    import torch

    return torch.Generator().manual_seed(seed_for(prompt, decoding))


def _choose(logits: Any, rows: Sequence[_Row], decoding: Decoding) -> list[int]:
    """The next token of each row. `logits` is (rows, vocabulary)."""
    if decoding.temperature == 0:
        chosen: list[int] = logits.argmax(dim=-1).tolist()
        return chosen
    import torch

    probabilities = torch.softmax(logits.cpu() / decoding.temperature, dim=-1)
    return [
        int(torch.multinomial(_nucleus(row_probabilities, decoding.top_p), 1, generator=row.generator))
        for row_probabilities, row in zip(probabilities, rows, strict=True)
    ]


def _nucleus(probabilities: Any, top_p: float) -> Any:
    """Keep the likeliest tokens that together reach `top_p` (Holtzman et al. 2020); multinomial needs no rescaling."""
    if top_p >= 1:
        return probabilities
    ordered, order = probabilities.sort(descending=True)
    ordered[ordered.cumsum(0) - ordered >= top_p] = 0
    return probabilities.new_zeros(probabilities.shape).scatter(0, order, ordered)


class _memory_errors:
    """Turn the device's out-of-memory into an error that says which setting helps."""

    def __init__(self, torch: Any) -> None:
        self._kind = torch.OutOfMemoryError

    def __enter__(self) -> None:
        """Nothing to prepare."""

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if kind is not None and issubclass(kind, self._kind):
            raise ResourceError(
                "the device ran out of memory while answering", "lower it: -o batch_size=1, or -k 1, or -o device=cpu"
            ) from error
