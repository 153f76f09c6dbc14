"""The best of many scores, by partition instead of a sort of all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dyag_core import Chunk


def ranks_by_id(chunks: Sequence[Chunk]) -> Any:
    """Each chunk's rank in the order of ids (int32): what settles a tie without a look at the chunks themselves."""
    import numpy as np

    ids = [chunk.id for chunk in chunks]
    ranks = np.empty(len(ids), dtype=np.int32)
    ranks[sorted(range(len(ids)), key=ids.__getitem__)] = np.arange(len(ids), dtype=np.int32)
    return ranks


def best(scores: Any, ranks: Any, k: int) -> Any:
    """The places of the `k` highest scores, best first; equal scores by rank. Linear in the number of scores."""
    import numpy as np

    if 0 < k < len(scores):
        least = np.partition(scores, len(scores) - k)[len(scores) - k]
        above, ties = np.flatnonzero(scores > least), np.flatnonzero(scores == least)
        wanted = k - len(above)
        if wanted < len(ties):
            ties = ties[np.argpartition(ranks[ties], wanted)[:wanted]]
        near = np.concatenate([above, ties])
    else:
        near = np.arange(len(scores))
    return near[np.lexsort((ranks[near], -scores[near]))][:k]
