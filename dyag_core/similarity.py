"""How near are two questions? By exact Jaccard similarity, over many questions at once and without comparing all pairs.

MinHash estimates this number with a standard error of some 0.04 at 128 permutations; near a limit that lets leaks
through and refuses good questions. Questions are short, so the exact join by prefix filtering (Chaudhuri, Ganti,
Kaushik 2006; "AllPairs", Bayardo, Ma, Srikant 2007) is both cheaper and right: two sets can reach a similarity t only
if they share one of the (1 - t) |x| + 1 rarest elements of x.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from functools import lru_cache
from typing import TYPE_CHECKING

from dyag_core.normalise import fold

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

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
        questions: those to watch; they are held in memory, the others are not.
        floor: similarities below this are not looked for, and reported as 0.
    """

    def __init__(self, questions: Sequence[str], floor: float = 0.65) -> None:
        self.best = [0.0] * len(questions)
        self._joins = [_Join(questions, kind, floor) for kind in (words, trigrams)]

    def compare(self, others: Iterable[str]) -> list[float]:
        """Go through `others`; returns the largest similarity that each watched question met so far."""
        for other in others:
            for join in self._joins:
                join.raise_best(other, self.best)
        return self.best


class _Join:
    def __init__(self, questions: Sequence[str], kind: Callable[[str], frozenset[str]], floor: float) -> None:
        self._kind, self._floor = kind, floor
        self._sets = [kind(question) for question in questions]
        self._frequency = Counter(element for elements in self._sets for element in elements)
        self._holders: dict[str, list[int]] = {}
        for position, elements in enumerate(self._sets):
            for element in self._prefix(elements):
                self._holders.setdefault(element, []).append(position)

    def raise_best(self, other: str, best: list[float]) -> None:
        elements = self._kind(other)
        least, most = self._floor * len(elements), len(elements) / self._floor
        candidates = {position for element in self._prefix(elements) for position in self._holders.get(element, ())}
        for position in candidates:
            watched = self._sets[position]
            if least <= len(watched) <= most:
                found = _jaccard(elements, watched)
                if found >= self._floor and found > best[position]:
                    best[position] = found

    def _prefix(self, elements: frozenset[str]) -> list[str]:
        """So many of the rarest elements that a set as near as the floor must hold one of them among its own."""
        frequency = self._frequency
        rarest_first = sorted(elements, key=lambda element: (frequency.get(element, 0), element))
        return rarest_first[: len(elements) - math.ceil(self._floor * len(elements)) + 1]
