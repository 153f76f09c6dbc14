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

from dyag_core.text.normalise import fold

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


class Watched:
    """Questions to compare others with, one other with all of them at once.

    Args:
        questions: they are held in memory, some 500 bytes each.
    """

    def __init__(self, questions: Sequence[str]) -> None:
        self._number = len(questions)
        self._joins = [_Join(questions, kind) for kind in (words, trigrams)]

    def similarities(self, other: str) -> np.ndarray:
        """The similarity of each watched question to `other`, in their order."""
        import numpy as np

        both: np.ndarray = np.maximum(*[join.similarities(other) for join in self._joins])
        return both

    def nearest(self, others: Iterable[str]) -> list[float]:
        """How near the nearest of `others` comes to each watched question; 0 where there are none."""
        import numpy as np

        best: np.ndarray = np.zeros(self._number)
        for other in others if self._number else ():
            np.maximum(best, self.similarities(other), out=best)
        found: list[float] = best.tolist()
        return found


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

    def similarities(self, other: str) -> np.ndarray:
        """Jaccard similarity of each watched question to `other`."""
        import numpy as np

        elements = self._kind(other)
        holders = [self._holders[element] for element in elements if element in self._holders]
        if not holders:
            return np.zeros(len(self._sizes))
        common = np.bincount(np.concatenate(holders), minlength=len(self._sizes))
        return common / (len(elements) + self._sizes - common)
