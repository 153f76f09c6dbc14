"""When are two answers the same? After case, accents, punctuation, articles and number formats are set aside.

The English part is SQuAD 1.1's definition (Rajpurkar et al. 2016, `evaluate-v1.1.py`): lower case, no punctuation,
no articles, single spaces. It differs in one thing: punctuation separates words instead of vanishing, because French
elision ("l'outil") and identifiers ("GPL-2.0-only") need their parts; dotted abbreviations ("U.S.") still join.
French articles are dropped likewise, accents are folded, "1 234,5", "1,234.5" and "1234.5" are one number.
Versions (1.4.200), "C++", "C#" and the "or later" of "GPL-2.0+" are kept, for they tell things apart.
"""

from __future__ import annotations

import re
import unicodedata

_ARTICLES = frozenset("a an the le la les un une des du".split())
_ELISION = re.compile(r"\b[ld]['’ʼ](?=\w)")
_ABBREVIATION = re.compile(r"\b(?:[^\W\d_]\.){2,}")
# A group of three digits after 1 to 3 digits that don't start with 0: "0,125" and "2018 200" hold no thousands.
_SPACED_THOUSANDS = re.compile(r"(?<![\d.,])[1-9]\d{0,2}(?: \d{3})+(?!\d)")
_COMMA_THOUSANDS = re.compile(r"(?<![\d.,])[1-9]\d{0,2}(?:,\d{3})+(?![\d,])")
_DECIMAL_COMMA = re.compile(r"(?<![\d.,])(\d+),(?=\d+(?![\d,]))")
#: Combining marks that Latin letters decompose into, and where other scripts have theirs.
_LATIN_MARKS = re.compile("[\u0300-\u034e\u0350-\u036f]+")
_FURTHER_MARKS = re.compile("[\u0483-\u1fff\u20d0-\U0010ffff]+")
_TOKEN = re.compile(r"(?<!\S)-\d+(?:\.\d+)*|\d+(?:\.\d+)*(?:\+(?!\w))?|[^\W\d_]+(?:\+\+|#)?")


def fold(text: str) -> str:
    """Lower case without accents; ligatures and compatibility forms are spelt out, special spaces are plain ones."""
    if text.isascii():  # most text, and fifty times faster
        return text.lower()
    try:
        letters = text.encode("latin-1").translate(_LATIN)  # French: letter by letter, eight times faster
    except UnicodeEncodeError:
        return _folded(text)
    return _folded(text) if _SPELT_OUT in letters else letters.decode("latin-1")


def _folded(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text.casefold().replace("œ", "oe").replace("æ", "ae"))
    return _FURTHER_MARKS.sub(_without_marks, _LATIN_MARKS.sub("", decomposed))


def _without_marks(found: re.Match[str]) -> str:
    return "".join([char for char in found[0] if not unicodedata.combining(char)])


#: Stands for a letter that becomes several (ß, æ, ½). No letter of Latin-1 becomes this one.
_SPELT_OUT = b"\xff"


def _latin_table() -> bytes:
    """What `_folded` makes of each of the 256 letters of Latin-1, where that is one of them."""
    folded = (_folded(chr(code)).encode("latin-1", "ignore") for code in range(256))
    return b"".join(letter if len(letter) == 1 else _SPELT_OUT for letter in folded)


_LATIN = _latin_table()


def tokens(text: str) -> list[str]:
    """The words and numbers of a text, normalised, articles dropped (unless nothing else is there).

    A text without any word ("?", an emoji) is one token, so that two such texts are equal only if they are the same.
    """
    text = fold(text).replace("\u2212", "-")
    text = _SPACED_THOUSANDS.sub(lambda number: number[0].replace(" ", ""), text)
    text = _COMMA_THOUSANDS.sub(lambda number: number[0].replace(",", ""), text)
    text = _DECIMAL_COMMA.sub(r"\1.", text)
    text = _ABBREVIATION.sub(lambda word: word[0].replace(".", ""), _ELISION.sub("", text))
    found = _TOKEN.findall(text)
    kept = [token for token in found if token not in _ARTICLES]
    return kept or found or text.split()


def normalise(text: str) -> str:
    """A text in the form in which answers are compared."""
    return " ".join(tokens(text))
