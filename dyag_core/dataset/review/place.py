"""Where an answer stands in its passage: that place is marked, so that a reader needn't look for it."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

from dyag_core.text.normalise import fold, normalise

if TYPE_CHECKING:
    from collections.abc import Iterator

_SPACES = re.compile(r"\s+")
_END = re.compile(r"(?<=[.!?;])\s+|\n+")
#: A sentence that shares fewer of an answer's words than this is not where it comes from.
_SHARED = 0.3


def place_of(answer: str, question: str, text: str) -> tuple[int, int]:
    """(start, end) of the answer in `text`, else of the sentence with most of its words; (0, 0) where there is none.

    Case, accents and line breaks don't count, and neither do words that only repeat the question.
    """
    for wanted in (answer, answer.strip(" .")):
        if found := _stands_at(wanted, text):
            return found
    own = set(normalise(answer).split())
    own = own - set(normalise(question).split()) or own
    best, place = _SHARED, (0, 0)
    for start, end in _sentences(text):
        share = len(own & set(normalise(text[start:end]).split())) / max(1, len(own))
        if share > best:
            best, place = share, (start, end)
    return place


def _stands_at(wanted: str, text: str) -> tuple[int, int] | None:
    words = [re.escape(word) for word in _SPACES.split(fold(wanted).strip()) if word]
    folded = fold(text)
    if not words or len(folded) != len(text):  # folding may write one character as several: no place to be had
        words, folded = [re.escape(word) for word in wanted.split()], text
    found = re.search(r"(?<![\w.])" + r"\s+".join(words) + r"(?!\w|\.\d)", folded) if words else None
    return found.span() if found else None


def _sentences(text: str) -> Iterator[tuple[int, int]]:
    cuts = [0, *(end.end() for end in _END.finditer(text)), len(text)]
    yield from ((start, end) for start, end in pairwise(cuts) if text[start:end].strip())
