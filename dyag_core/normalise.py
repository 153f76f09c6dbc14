"""When are two answers the same? After case, accents, punctuation, articles and number formats are set aside.

The English part is SQuAD 1.1's definition (Rajpurkar et al. 2016, `evaluate-v1.1.py`): lower case, no punctuation,
no articles, single spaces. French articles are dropped likewise, accents are folded, and "1 234,5", "1,234.5" and
"1234.5" are one number.
"""

from __future__ import annotations

import re
import unicodedata

_ARTICLES = re.compile(r"\b(?:a|an|the|le|la|les|un|une|des|du|l|d)\b")
# A thousands separator stands between a digit and exactly three more; French uses a (narrow, no-break) space.
_THOUSANDS = re.compile(r"(?<=\d)[ \u00a0\u202f](?=\d{3}(?!\d))|(?<=\d),(?=\d{3}(?:\D|$))(?!\d{3},\d{1,2}\b)")
_DECIMAL_COMMA = re.compile(r"(?<=\d),(?=\d)")
_TOKEN = re.compile(r"\d+(?:\.\d+)*|[^\W\d_]+|\d+")


def fold(text: str) -> str:
    """Lower case without accents; ligatures and compatibility forms are spelt out."""
    decomposed = unicodedata.normalize("NFKD", text.casefold().replace("œ", "oe").replace("æ", "ae"))
    return "".join(char for char in decomposed if not unicodedata.combining(char))


def tokens(text: str) -> list[str]:
    """The words and numbers of a text, normalised, articles dropped (unless nothing else is there)."""
    text = _DECIMAL_COMMA.sub(".", _THOUSANDS.sub("", fold(text)))
    found = _TOKEN.findall(text)
    kept = [token for token in found if not _ARTICLES.fullmatch(token)]
    return kept or found


def normalise(text: str) -> str:
    """A text in the form in which answers are compared."""
    return " ".join(tokens(text))
