"""Attention over a packed row: every suffix sees the shared prefix and itself, the prefix sees itself.

Suffixes are padded to the longest and stacked, so that a few batched matrix products do it all. On a CPU that beats a
masked row, which is quadratic in the row's length, and one fused kernel call per suffix, whose backward pass is slow on
short ones. The rest of the model never sees the padding.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


def attend_packed(
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: None,
    scaling: float,
    dropout: float = 0.0,
    sliding_window: int | None = None,
    *,
    layout: Layout,
    **_: Any,
) -> tuple[torch.Tensor, None]:
    """transformers' attention function for rows that `packing.pack` laid out.

    query is (1, H, L, D), key and value (1, K, L, D) with K dividing H; returns (1, L, H, D).
    """
    import torch

    spread, collect = _moves()
    prefix, examples, longest = layout.prefix, len(layout.lengths), max(layout.lengths)
    span = prefix + longest
    heads, width = query.shape[1], query.shape[3]
    groups = heads // key.shape[1]
    queries, keys, values = (tensor[0].transpose(0, 1).flatten(1) for tensor in (query, key, value))  # (L, heads * D)
    shared, own = queries.split([prefix, len(queries) - prefix])
    at_query, at_key = _places(layout, 0, query.device), _places(layout, prefix, query.device)
    attend = functools.partial(_attend, width=width, groups=groups, scaling=scaling, dropout=dropout)

    bias = _bias(prefix, span, span, sliding_window, groups, query.dtype, query.device)
    grids = (spread.apply(rows, prefix, at_key, examples, span) for rows in (keys, values))
    out = attend(spread.apply(own, 0, at_query, examples, longest), *grids, bias)
    rows = collect.apply(out.flatten(0, 1), at_query)
    if prefix:
        bias = _bias(0, prefix, prefix, sliding_window, groups, query.dtype, query.device)
        first = attend(shared[None], keys[None, :prefix], values[None, :prefix], bias)
        rows = torch.cat([first[0], rows])
    return rows.view(1, -1, heads, width), None


def _attend(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    bias: torch.Tensor,
    *,
    width: int,
    groups: int,
    scaling: float,
    dropout: float,
) -> torch.Tensor:
    """Softmax attention of (n, Q, K * groups * D) over (n, S, K * D); query heads are grouped, no key is repeated."""
    import torch

    n, length, _ = query.shape
    kept = key.shape[2] // width
    grouped = query.view(n, length, kept, groups, width).permute(0, 2, 3, 1, 4).reshape(n * kept, -1, width)
    keys, values = (
        tensor.view(n, -1, kept, width).transpose(1, 2).reshape(n * kept, -1, width) for tensor in (key, value)
    )
    scores = torch.baddbmm(bias, grouped, keys.transpose(1, 2), alpha=scaling)
    weights = torch.softmax(scores, dim=-1, dtype=torch.float32).to(query.dtype)
    if dropout:
        weights = torch.nn.functional.dropout(weights, dropout)
    out = (weights @ values).view(n, kept, groups, length, width)
    return out.permute(0, 3, 1, 2, 4).reshape(n, length, -1)


@functools.lru_cache(maxsize=4)  # all layers of a step ask for the same
def _places(layout: Layout, ahead: int, device: torch.device) -> torch.Tensor:
    """Where each suffix token stands in a grid of `ahead` + longest positions an example, laid flat."""
    import torch

    span = ahead + max(layout.lengths)
    rows = [torch.arange(length) + n * span + ahead for n, length in enumerate(layout.lengths)]
    return torch.cat(rows).to(device)


@functools.lru_cache(maxsize=8)
def _bias(
    start: int, stop: int, keys: int, window: int | None, groups: int, dtype: torch.dtype, device: torch.device
) -> torch.Tensor:
    """(1, groups * queries, keys): 0 where the query at one position may see the key at another, else very negative.

    Padding comes later than any real query, so it is never seen.
    """
    import torch

    distance = torch.arange(start, stop, device=device)[:, None] - torch.arange(keys, device=device)[None]
    visible = distance >= 0 if window is None else (distance >= 0) & (distance < window)
    bias = torch.zeros(visible.shape, dtype=dtype, device=device)
    return bias.masked_fill(~visible, torch.finfo(dtype).min).repeat(groups, 1)[None]


@functools.cache
def _moves() -> tuple[Any, Any]:
    """Rows into a grid and back. Each place is used once, which autograd can't know: it would add up zeros."""
    import torch

    class Spread(torch.autograd.Function):
        """(prefix + S, W) as (examples, span, W): the prefix before every example, zeros where nothing stands."""

        @staticmethod
        def forward(ctx: Any, rows: Any, prefix: int, places: Any, examples: int, span: int) -> Any:
            ctx.save_for_backward(places)
            ctx.prefix = prefix
            grid = rows.new_zeros(examples, span, rows.shape[1])
            grid[:, :prefix] = rows[:prefix]
            grid.view(-1, rows.shape[1]).index_copy_(0, places, rows[prefix:])
            return grid

        @staticmethod
        def backward(ctx: Any, grad: Any) -> Any:
            (places,) = ctx.saved_tensors
            own = grad.flatten(0, 1).index_select(0, places)
            shared = grad[:, : ctx.prefix].sum(0)
            return torch.cat([shared, own]), None, None, None, None

    class Collect(torch.autograd.Function):
        """The rows of a grid (N, W) at `places`."""

        @staticmethod
        def forward(ctx: Any, grid: Any, places: Any) -> Any:
            ctx.save_for_backward(places)
            ctx.size = len(grid)
            return grid.index_select(0, places)

        @staticmethod
        def backward(ctx: Any, grad: Any) -> Any:
            (places,) = ctx.saved_tensors
            return grad.new_zeros(ctx.size, grad.shape[1]).index_copy_(0, places, grad), None

    return Spread, Collect


@dataclass(frozen=True)
class Layout:
    """How a row is cut: `prefix` shared tokens, then `lengths[i]` tokens of example i."""

    prefix: int
    lengths: tuple[int, ...]
