"""Near duplicates and variety of a sample of questions."""

from __future__ import annotations

import random
import re
from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING

from dyag_core.records.quality import Cluster, NearDuplicates, Variety
from dyag_core.text.normalise import fold, normalise
from dyag_core.text.similarity import Watched, similarity

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Two questions as near as this (`dyag_core.text.similarity`) are nearly the same.
THRESHOLD = 0.8
_PAIRS = 2000
_FACT = "\x00"
_WORD = re.compile(r"\w+")
_SHOWN_CLUSTERS, _SHOWN_QUESTIONS = 10, 5


def near_duplicates(pairs: Sequence[tuple[str, str]]) -> NearDuplicates:
    """Clusters among questions, each with what it asks for: its fact (`fact_key`) where that is known, else its answer.

    Exact: every pair that is so near is linked, and what hangs together is one cluster.
    """
    import numpy as np

    different = list(dict.fromkeys(question for question, _ in pairs))
    watched = Watched(different)
    leader = np.arange(len(different))
    for question in different:
        near = np.unique(leader[watched.similarities(question) >= THRESHOLD])
        if len(near) > 1:
            leader[np.isin(leader, near)] = near[0]
    cluster_of = dict(zip(different, leader.tolist(), strict=True))
    groups: dict[int, list[tuple[str, str]]] = {}
    for pair in pairs:
        groups.setdefault(cluster_of[pair[0]], []).append(pair)
    clusters = [_cluster(group) for group in groups.values() if len(group) > 1]
    clusters.sort(key=lambda cluster: (cluster.asked - cluster.rows, -cluster.rows))
    return NearDuplicates(
        threshold=THRESHOLD,
        clusters=len(clusters),
        rows=sum(cluster.rows for cluster in clusters),
        redundant=sum(cluster.rows - cluster.asked for cluster in clusters),
        largest=tuple(clusters[:_SHOWN_CLUSTERS]),
    )


def fact_key(facts: Sequence[str]) -> str:
    """What a question on these facts asks for."""
    return _FACT + _FACT.join(facts)


def variety(questions: Sequence[str], seed: str) -> Variety:
    """Distinct-1, distinct-2 and the mean similarity of random pairs; of all pairs where there are few."""
    words: Counter[str] = Counter()
    neighbours: Counter[tuple[str, str]] = Counter()
    for question in questions:
        found = _WORD.findall(fold(question))
        words.update(found)
        neighbours.update(pairwise(found))
    count = len(questions)
    if count * (count - 1) // 2 <= _PAIRS:
        places = [(a, b) for b in range(count) for a in range(b)]
    else:
        chance = random.Random(seed)
        places = [(a, b) for a, b in (chance.sample(range(count), 2) for _ in range(_PAIRS))]
    near = [similarity(questions[a], questions[b]) for a, b in places]
    return Variety(
        distinct_1=_share(len(words), words.total()),
        distinct_2=_share(len(neighbours), neighbours.total()),
        mean_similarity=_share(sum(near), len(near)),
        pairs=len(near),
    )


def _share(part: float, whole: float) -> float:
    return round(part / whole, 3) if whole else 0.0


def _cluster(members: list[tuple[str, str]]) -> Cluster:
    questions = dict.fromkeys(question for question, _ in members)
    asked = {wanted if wanted.startswith(_FACT) else normalise(wanted) for _, wanted in members}
    return Cluster(rows=len(members), asked=len(asked), questions=tuple(questions)[:_SHOWN_QUESTIONS])
