"""What retrievers do with whole arrays of chunks: the best of many scores, and which chunks they have met before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dyag_core.api import places_by_id

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dyag_core import Chunk


def ranks_by_id(chunks: Sequence[Chunk]) -> Any:
    """Each chunk's rank in the order of ids (int32): what settles a tie without a look at the chunks themselves."""
    import numpy as np

    ranks = np.empty(len(chunks), dtype=np.int32)
    ranks[places_by_id(chunks)] = np.arange(len(chunks), dtype=np.int32)
    return ranks


def moved(old: Any, new: Any) -> tuple[Any, Any]:
    """(places in `old`, places in `new`, ascending) of the digests that stand in both, each of them once."""
    import numpy as np

    _, in_old, in_new = np.intersect1d(old, new, return_indices=True)
    order = np.argsort(in_new)
    return in_old[order], in_new[order]


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


def moved_to(old: Any, new: Any, count: int) -> Any:
    """For each of `count` old places the new one (int64), -1 where there is none."""
    import numpy as np

    places = np.full(count, -1, dtype=np.int64)
    places[old] = new
    return places
