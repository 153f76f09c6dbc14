"""French or English: which is asked for, and which a corpus is in, by its stopwords (single lines are too short)."""

from __future__ import annotations

import re
from collections import Counter
from itertools import chain
from typing import TYPE_CHECKING

from dyag_core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dyag_core.records import Document

#: the languages that texts for people, prompts and rules are written in
LANGUAGES = ("en", "fr")

_STOPWORDS = {
    "fr": frozenset(
        "le la les un une des du de et est dans pour par sur avec qui que ce cette au aux en sont pas plus ou il elle "
        "son sa ses leur nous vous à d l".split()
    ),
    "en": frozenset(
        "the a an of and is are in for by on with which that this to at from as be or it its their we you not can "
        "has have".split()
    ),
}


def check_language(lang: str | None) -> None:
    """UsageError for a language that there are no texts in; None leaves it to be found out."""
    if lang is not None and lang not in LANGUAGES:
        raise UsageError(f"no texts in language {lang!r}", f"known: {', '.join(LANGUAGES)}")


def detect_language(texts: Iterable[str]) -> str:
    """ "fr" or "en", whichever has more of its stopwords in the first 200,000 characters; English on a tie."""
    counts: Counter[str] = Counter()
    characters = 0
    for text in texts:
        words = Counter(re.findall(r"[^\W\d_]+", text.lower()))
        for lang, stopwords in _STOPWORDS.items():
            counts[lang] += sum(n for word, n in words.items() if word in stopwords)
        characters += len(text)
        if characters > 200_000:
            break
    return "fr" if counts["fr"] > counts["en"] else "en"


def language_of(documents: Iterator[Document]) -> tuple[str, Iterator[Document]]:
    """The language that the first documents are written in, and all documents again."""
    seen: list[Document] = []

    def texts() -> Iterator[str]:
        for document in documents:
            seen.append(document)
            yield document.text

    lang = detect_language(texts())
    return lang, chain(seen, documents)
