"""Rows that are decoded together, a token a step: others may join between two steps, and those that are done leave.

The decoding loop is DYAG's own, for what `generate` doesn't give: each row has its own limit, its own way of decoding
and its own random numbers, so a reply depends on its prompt alone.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from dyag_core import Decoding, ResourceError
from dyag_plugins.engines.rendering import seed_for
from dyag_plugins.engines.transformers.stops import Stops

#: PEFT's name for a row that is answered without any adapter.
BASE = "__base__"


@dataclass(eq=False)
class Row:
    """One prompt while it is being answered.

    `ends` are the token ids that end a turn; `adapter` the name of an adapter that isn't merged, or `BASE`.
    """

    index: int
    prompt: list[int]
    limit: int
    decoding: Decoding
    ends: Collection[int]
    stops: Stops
    adapter: str = BASE
    answer: list[int] = field(default_factory=list)
    ended: bool = False
    left: bool = False
    generator: Any = None

    def __post_init__(self) -> None:
        if self.decoding.temperature > 0:
            import torch

            self.generator = torch.Generator().manual_seed(seed_for(self.prompt, self.decoding))

    @property
    def done(self) -> bool:
        """Whether the answer has come to its end, or nobody wants the rest."""
        return self.ended or self.left or len(self.answer) >= self.limit

    def take(self, token: int) -> None:
        """The answer's next token."""
        self.answer.append(token)
        self.ended = token in self.ends or self.stops.reached(self.answer)


class Batch:
    """A batch on `model`. `mixed`: the model is PEFT's, and each row says which adapter it wants.

    `grows`: rows may join while others are being answered. A cache that keeps a window only can't be laid beside
    another; there they wait for the batch to be empty.
    """

    def __init__(self, model: Any, *, mixed: bool = False) -> None:
        from transformers import DynamicCache
        from transformers.cache_utils import DynamicLayer

        self._model, self._mixed = model, mixed
        self.grows = all(type(layer) is DynamicLayer for layer in DynamicCache(config=model.config).layers)
        self.rows: list[Row] = []
        self._cache: Any = None
        self._mask: Any = None

    @property
    def joinable(self) -> bool:
        """Whether rows may join now."""
        return self.grows or not self.rows

    def join(self, rows: Sequence[Row]) -> None:
        """Read the prompts of `rows` and give each its first token."""
        import torch
        from transformers import DynamicCache

        device, width = self._model.device, max(len(row.prompt) for row in rows)
        lacks = [width - len(row.prompt) for row in rows]
        # what stands in the margin is masked: any token will do
        ids = torch.tensor([[0] * lack + row.prompt for lack, row in zip(lacks, rows, strict=True)], device=device)
        mask = torch.tensor([[0] * lack + [1] * (width - lack) for lack in lacks], device=device)
        cache = DynamicCache(config=self._model.config)
        positions = (mask.cumsum(1) - 1).clamp(min=0)
        self._forward(rows, ids, mask, positions, cache)
        new = Batch(self._model, mixed=self._mixed)
        new.rows, new._mask, new._cache = list(rows), mask, cache
        new._drop_done()
        self._lay_beside(new)

    def step(self) -> None:
        """One token more for every row."""
        import torch

        ids = torch.tensor([[row.answer[-1]] for row in self.rows], device=self._mask.device)
        positions = self._mask.sum(1, keepdim=True)
        self._mask = torch.cat([self._mask, self._mask.new_ones(len(self.rows), 1)], dim=1)
        self._forward(self.rows, ids, self._mask, positions, self._cache)
        self._drop_done()

    def _forward(self, rows: Sequence[Row], ids: Any, mask: Any, positions: Any, cache: Any) -> None:
        import torch

        adapters = {"adapter_names": [row.adapter for row in rows]} if self._mixed else {}
        with torch.inference_mode(), _memory_errors(torch):
            out = self._model(
                input_ids=ids,
                attention_mask=mask,
                position_ids=positions,
                past_key_values=cache,
                use_cache=True,
                logits_to_keep=1,
                **adapters,
            )
        for row, token in zip(rows, _choose(out.logits[:, -1].float(), rows), strict=True):
            row.take(token)

    def _drop_done(self) -> None:
        import torch

        kept = [place for place, row in enumerate(self.rows) if not row.done]
        if not kept:
            self._cache = self._mask = None
        elif len(kept) < len(self.rows):
            select = torch.tensor(kept, device=self._mask.device)
            self._cache.batch_select_indices(select)
            self._mask = self._mask[select]
        self.rows = [self.rows[place] for place in kept]

    def _lay_beside(self, new: Batch) -> None:
        """Put `new`'s rows under these: the narrower of the two is filled up on the left, and masked there."""
        import torch
        from torch.nn.functional import pad

        if not new.rows:
            return
        if not self.rows:
            self.rows, self._mask, self._cache = new.rows, new._mask, new._cache
            return
        self._cut_margin()
        width = max(self._mask.shape[1], new._mask.shape[1])
        mine, others = width - self._mask.shape[1], width - new._mask.shape[1]
        self._mask = torch.cat([pad(self._mask, (mine, 0)), pad(new._mask, (others, 0))])
        for layer, other in zip(self._cache.layers, new._cache.layers, strict=True):
            for name in ("keys", "values"):
                both = (pad(getattr(layer, name), (0, 0, mine, 0)), pad(getattr(other, name), (0, 0, others, 0)))
                setattr(layer, name, torch.cat(both))
        self.rows += new.rows

    def _cut_margin(self) -> None:
        """Take off what no row sees any more, since the longest has left: else the cache would grow for ever."""
        margin = int((self._mask.cumsum(1) == 0).all(0).sum())
        if margin:
            self._mask = self._mask[:, margin:]
            for layer in self._cache.layers:
                layer.keys, layer.values = layer.keys[:, :, margin:], layer.values[:, :, margin:]


def _choose(logits: Any, rows: Sequence[Row]) -> list[int]:
    """The next token of each row. `logits` is (rows, vocabulary)."""
    import torch

    chosen: list[int] = logits.argmax(dim=-1).tolist()
    for place, row in enumerate(rows):
        if row.generator is not None:
            probabilities = torch.softmax(logits[place].cpu() / row.decoding.temperature, dim=-1)
            nucleus = _nucleus(probabilities, row.decoding.top_p)
            chosen[place] = int(torch.multinomial(nucleus, 1, generator=row.generator))
    return chosen


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
