"""Which language a text is in: a document's own, and that of a whole corpus.

Counted are words that sentences are made of, and words that records hold ("Éditeur", "Ville"): a terse record has no
sentence. Where a document tells too little, it is taken to be in the language of the corpus.
"""

from __future__ import annotations

import re
from collections import Counter
from itertools import chain
from typing import TYPE_CHECKING

from dyag_core.errors import UsageError
from dyag_core.text.language_words import LANGUAGES_BY_WORD, LETTERS, NAMES
from dyag_core.text.normalise import fold

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from dyag_core.records import Document

#: the languages that texts for people, prompts and rules are written in
LANGUAGES = ("en", "fr")

#: So much of a document is read to tell its language, and so much of a corpus, in characters.
_OF_A_DOCUMENT, _OF_A_CORPUS = 2_000, 200_000
#: A document is in another language than its corpus where it tells so much for it (two words of a sentence, say), and
#: so many times what it tells for the corpus' own; half as much where it tells nothing for that.
_LEAST, _CLEARLY = 4, 1.5

#: "12,50" and "80 €" are written so by people whose language isn't English.
_DECIMAL_COMMA = re.compile(r"(?<![\[\d,])\d{1,3},\d\d(?![\d,])|\d\s?€")
_WITH_A_COMMA = ("fr", "de", "es", "it", "nl", "pt", "pl")

_WORD = re.compile(r"[^\W\d_]+")
_CODE = re.compile(r"^(```|~~~).*?(?:^\1|\Z)|`[^`\n]+`|\w+://\S+", re.MULTILINE | re.DOTALL)
_TAG = re.compile(r"</?[A-Za-z][^<>]*>|\{#[^{}]*\}")
#: NA, NO and DE are codes, not words; so are "fr" and "en" where they are all that a cell, or a part of a list, holds.
#: The s of "Reese's" is none of French.
_ACRONYM = re.compile(r"\b[A-Z]{1,3}\b|(?<=[:,;|\t] )[A-Za-z][a-z]{1,2}(?= ?(?:[,;|\t\n]|\Z))|['’]s\b")
#: Before a vowel a French word loses its own: "l'équipe", "qu'il".
_ELISION = re.compile(r"\b(?:[cdjlns]|qu)['’](?=[^\W\d_])", re.IGNORECASE)
_SCRIPTS = (
    ("ja", re.compile("[\u3040-\u30ff]")),
    ("zh", re.compile("[\u4e00-\u9fff]")),
    ("ko", re.compile("[\uac00-\ud7af]")),
    ("ru", re.compile("[\u0400-\u04ff]")),
    ("el", re.compile("[\u0370-\u03ff]")),
    ("ar", re.compile("[\u0600-\u06ff]")),
    ("he", re.compile("[\u0590-\u05ff]")),
    ("hi", re.compile("[\u0900-\u097f]")),
    ("th", re.compile("[\u0e00-\u0e7f]")),
)
#: What none of these is in holds no other script.
_OTHER_SCRIPTS = re.compile("[\u0370-\u06ff\u0900-\u0e7f\u3040-\u9fff\uac00-\ud7af]")


def check_language(lang: str | None) -> None:
    """UsageError for a language that there are no texts in; None leaves it to be found out."""
    if lang is not None and lang not in LANGUAGES:
        raise UsageError(f"no texts in language {lang!r}", f"known: {', '.join(LANGUAGES)}")


def language_name(lang: str) -> str:
    """A language's code in English words."""
    return NAMES.get(lang, lang)


def detect_language(texts: Iterable[str]) -> str:
    """ "fr" or "en", whichever the first 200,000 characters tell more of; English on a tie."""
    told: Counter[str] = Counter()
    characters = 0
    for text in texts:
        _count(text, told)
        characters += len(text)
        if characters > _OF_A_CORPUS:
            break
    return "fr" if told["fr"] > told["en"] else "en"


def languages_told(text: str) -> Counter[str]:
    """How much a text, a label say, tells of each language; of a short one most often nothing."""
    told: Counter[str] = Counter()
    _count(text, told)
    return told


def language_of_names(names: Iterable[str]) -> str | None:
    """The language that the names of columns and what stands above them tell most of; None where two tell as much."""
    told = languages_told("\n".join(names))
    most = _most(told)
    rivals = [number for lang, number in told.items() if lang in LANGUAGES and lang != most]
    return most if most is not None and told[most] > max(rivals, default=0) else None


def in_their_languages(documents: Iterator[Document], lang: str | None) -> tuple[str, Iterator[Document]]:
    """(the language of what is written for people, "fr" or "en"; the documents, each with its own language).

    Args:
        lang: what every document is said to be in; None reads it off each of them.
    """
    if lang is not None:
        given = lang
        return given, (document.model_copy(update={"lang": given}) for document in documents)
    first: list[tuple[Document, Counter[str]]] = []
    corpus: Counter[str] = Counter()
    characters = 0
    for document in documents:
        told = _told_by(document)
        first.append((document, told))
        corpus.update(told)
        characters += sum(len(chunk.text) for chunk in document.chunks)
        if characters > _OF_A_CORPUS:
            break
    usual = _most(corpus) or "en"
    known = (document.model_copy(update={"lang": _own(told, usual)}) for document, told in first)
    others = (document.model_copy(update={"lang": _own(_told_by(document), usual)}) for document in documents)
    return usual if usual in LANGUAGES else "en", chain(known, others)


def _own(told: Counter[str], usual: str) -> str:
    """A document's language by what it tells, in a corpus that is mostly in `usual`."""
    most = _most(told)
    least = max(_LEAST, _CLEARLY * told[usual]) if told[usual] else _LEAST // 2
    return usual if most is None or told[most] < least else most


def _most(told: Mapping[str, int]) -> str | None:
    """What is told most of; a language that questions are asked in unless another is clearly told more of."""
    if not any(told.values()):
        return None

    def rank(lang: str) -> tuple[float, bool, bool, str]:
        asked = lang in LANGUAGES
        return told[lang] * (_CLEARLY if asked else 1), asked, lang == "en", lang

    return max(told, key=rank)


def _told_by(document: Document) -> Counter[str]:
    """What the beginning of a document, or its fields where it has little text, tell of languages.

    What a table's reader made of the names of its columns counts like a word of a sentence.
    """
    told: Counter[str] = Counter({document.lang: 2} if document.lang else {})
    characters = 0
    title = f"# {document.title}\n"
    for chunk in document.chunks:
        # A name tells nothing of the language of what is said about it: "La Poste", "La vie en rose".
        text = chunk.text.removeprefix(title) or chunk.text
        _count(text[: _OF_A_DOCUMENT - characters], told)
        characters += len(text)
        if characters >= _OF_A_DOCUMENT:
            break
    if characters < _OF_A_DOCUMENT // 4 and document.metadata:
        _count("\n".join(f"{name}: {value}" for name, value in document.metadata.items())[:_OF_A_DOCUMENT], told)
    return told


def _count(text: str, told: Counter[str]) -> None:
    """Add to `told` what a text tells of languages."""
    if "`" in text or "://" in text or "~~~" in text:
        text = _CODE.sub(" ", text)
    if "<" in text or "{#" in text:
        text = _TAG.sub(" ", text)
    if "'" in text or "’" in text:
        told["fr"] += 2 * len(_ELISION.findall(text))
    if " : " in text:  # French sets a space before a colon
        told["fr"] += min(2, text.count(" : "))
    if ("," in text or "€" in text) and _DECIMAL_COMMA.search(text):
        told.update(_WITH_A_COMMA)
    words = _WORD.findall(fold(_ACRONYM.sub(" ", text)))
    for languages in filter(None, map(LANGUAGES_BY_WORD.get, words)):
        for lang, weight in languages:
            told[lang] += weight
    if text.isascii():
        return
    seen = frozenset(text)
    for lang, letters in LETTERS.items():
        told[lang] += min(2, len(letters & seen))
    if _OTHER_SCRIPTS.search(text):
        for lang, script in _SCRIPTS:
            told[lang] += 2 * len(script.findall(text))
