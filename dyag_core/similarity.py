"""How near are two questions? By exact Jaccard similarity, over many questions at once.

MinHash estimates this number with a standard error of some 0.04 at 128 permutations; near a limit that lets leaks
through and refuses good questions. The watched questions are few (what may become the test part) and short, so for each
of the others the elements that it shares with all of them are counted at once, from lists of who holds an element.
That is exact, and faster than signatures are made (`benchmarks/leaks.py`, docs/splits.md).
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from dyag_core.normalise import fold

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    import numpy as np

_WORD = re.compile(r"\w+")


@lru_cache(maxsize=4096)
def words(text: str) -> frozenset[str]:
    """The words of a text without case and accents."""
    return frozenset(_WORD.findall(fold(text)))


@lru_cache(maxsize=4096)
def trigrams(text: str) -> frozenset[str]:
    """Three neighbouring characters each, words set apart by one space, without case, accents and punctuation."""
    padded = f" {' '.join(_WORD.findall(fold(text)))} "
    return frozenset(padded[i : i + 3] for i in range(len(padded) - 2))


def similarity(a: str, b: str) -> float:
    """Jaccard similarity of two questions, 0 to 1: by words or by trigrams of characters, whichever is larger."""
    return max(_jaccard(words(a), words(b)), _jaccard(trigrams(a), trigrams(b)))


def _jaccard(a: frozenset[str], b: frozenset[str]) -> float:
    common = len(a & b)
    return common / (len(a) + len(b) - common) if common else 0.0


class Nearest:
    """For each of some questions, how near the nearest of a stream of others comes.

    Args:
        questions: those to watch; they are held in memory (some 500 bytes each), the others are not.
    """

    def __init__(self, questions: Sequence[str]) -> None:
        self._joins = [_Join(questions, kind) for kind in (words, trigrams)] if questions else []

    def compare(self, others: Iterable[str]) -> list[float]:
        """Go through `others`; returns the largest similarity that each watched question met so far."""
        if not self._joins:
            return []
        for other in others:
            for join in self._joins:
                join.meet(other)
        return [max(both) for both in zip(*(join.best.tolist() for join in self._joins), strict=True)]


class _Join:
    """Counts shared elements: of all watched questions with one other at a time."""

    def __init__(self, questions: Sequence[str], kind: Callable[[str], frozenset[str]]) -> None:
        import numpy as np

        self._kind = kind
        holders: dict[str, list[int]] = {}
        sizes = []
        for position, question in enumerate(questions):
            elements = kind(question)
            sizes.append(len(elements))
            for element in elements:
                holders.setdefault(element, []).append(position)
        self._holders = {element: np.array(held, dtype=np.intp) for element, held in holders.items()}
        self._sizes = np.array(sizes)
        self.best: np.ndarray = np.zeros(len(sizes))

    def meet(self, other: str) -> None:
        """Raise `best` where `other` comes nearer than those before."""
        import numpy as np

        elements = self._kind(other)
        holders = [self._holders[element] for element in elements if element in self._holders]
        if holders:
            common = np.bincount(np.concatenate(holders), minlength=len(self._sizes))
            np.maximum(self.best, common / (len(elements) + self._sizes - common), out=self.best)
