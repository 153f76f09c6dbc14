"""The best of many scores, by partition instead of a sort of all of them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from dyag_core.api import places_by_id

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dyag_core import Chunk

#: Scores whose maximum is taken at once.
_BLOCK = 512


def ranks_by_id(chunks: Sequence[Chunk]) -> Any:
    """Each chunk's rank in the order of ids (int32): what settles a tie without a look at the chunks themselves."""
    import numpy as np

    ranks = np.empty(len(chunks), dtype=np.int32)
    ranks[places_by_id(chunks)] = np.arange(len(chunks), dtype=np.int32)
    return ranks


def best(scores: Any, ranks: Any, k: int, above: float = -math.inf) -> Any:
    """The places of the `k` highest scores that are higher than `above`, best first; equal scores by rank.

    Two passes over the scores, however many are equal: k blocks have a maximum that is no lower than the k-th highest
    maximum, so k scores are no lower, and what is lower is none of the best.
    """
    import numpy as np

    whole = scores[: len(scores) // _BLOCK * _BLOCK].reshape(-1, _BLOCK)
    floor = np.partition(whole.max(axis=1), len(whole) - k)[len(whole) - k] if 0 < k <= len(whole) else above
    near = np.flatnonzero(scores >= floor if floor > above else scores > above)
    if 0 < k < len(near):
        of_near = scores[near]
        least = np.partition(of_near, len(near) - k)[len(near) - k]
        higher, ties = near[of_near > least], near[of_near == least]
        wanted = k - len(higher)
        if wanted < len(ties):
            ties = ties[np.argpartition(ranks[ties], wanted)[:wanted]]
        near = np.concatenate([higher, ties])
    return near[np.lexsort((ranks[near], -scores[near]))][:k]
