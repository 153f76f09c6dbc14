"""Where sentences end, in French and in English.

A rule, not a model: a full stop, question or exclamation mark, with the quotes that close behind it, before a space
and something that can begin a sentence; unless what stands before is an abbreviation ("M.", "p. 3", "J.-P."), or the
number of a list item. Where it is in doubt it doesn't cut: a sentence too long does less harm than half of one.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_END = re.compile(
    r"[.!?…]"  # "?" and "!" may have a space before them, and "»" may have one too
    r"(?:[\"”’)\]*_]|[^\S\n]?»)*"
    r"\s+"
    r"(?=[*_\[(]*(?:[«\"“][^\S\n]?)?[*_]*[A-ZÀ-ÖØ-ÞŒ0-9])"
)
_ABBREVIATION = re.compile(
    r"(?:(?<![\w.])(?:"
    r"M|MM|Mme|Mlle|Dr|Pr|St|Ste|Mgr|cf|coll|dir|éd|ex|hab|inf|obs|réf|sup|tél|tel|env|etc|Mr|Mrs|Ms|Prof|Sr|Jr|approx|"
    r"dept|ed|eq|Inc|Ltd|ref|vs|viz|Ph\.D|e\.g|i\.e|a\.m|p\.m|c\.-à-d|av|apr)"
    r"|(?<!\w)[A-ZÀ-Þ](?:[.-]+[A-ZÀ-Þ])*"  # initials: "J.", "J.-P.", "U.S."
    r")\.$"
)
# Words of their own ("l'art.", "No.") that are abbreviations before a number, a Roman one or an article's letter alone.
_BEFORE_NUMBER = re.compile(
    r"(?<![\w.])(?:[Aa]rt|[Cc]hap|[Ff]ig|[Tt]ab|[Ss]ect?|[Vv]ol|[Pp]ar|pp?|t|al|max|min|n°|num|Nos?)\.$"
)
#: Letters before the full stop: no abbreviation above has more on end.
_LONGEST = 7
_NUMBER = re.compile(r"\d|[IVXLC]+\b|[A-Z]\.")
_LIST_NUMBER = re.compile(r"\s*(?:\d{1,3}|[a-zA-Z])\.$")


def sentences(text: str) -> Iterator[str]:
    """The sentences of a running text, each with the space behind it: joined they give `text` again."""
    start = 0
    for end in _END.finditer(text):
        if end[0].startswith(".") and _goes_on(text[start : end.start() + 1], text[end.end() : end.end() + 8]):
            continue
        yield text[start : end.end()]
        start = end.end()
    if start < len(text):
        yield text[start:]


def first_sentence(text: str) -> str:
    """The first sentence of a running text, without the space around it."""
    return next(sentences(text.strip()), "").strip()


def _goes_on(before: str, after: str) -> bool:
    """Whether the full stop that `before` ends with belongs to an abbreviation or to a list item's number."""
    if len(before) > _LONGEST and before[-_LONGEST - 1 : -1].isalpha():
        return False  # most sentences: a long word ends them
    tail = before[-20:]
    if _ABBREVIATION.search(tail) or _LIST_NUMBER.fullmatch(before):
        return True
    return bool(_BEFORE_NUMBER.search(tail) and _NUMBER.match(after))
