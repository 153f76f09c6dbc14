"""Does a free answer rest on its passage, and does its question make sense without it?

Both are read off the words. That is strict on purpose: a row that is refused costs one row, an invented number that
is trained on costs trust. A paraphrase with few words of the passage is refused too; prompts ask for its own words.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dyag_core.text.abstention import abstains
from dyag_core.text.normalise import fold, normalise, tokens

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

#: Share of an answer's different words that its passage must hold.
SUPPORT = 0.6
#: A question with fewer words of its own than this says too little to stand without a name.
_FEWEST_WORDS = 3

_WORD = re.compile(r"[^\W\d_]{4,}")
_DIGITS = re.compile(r"\d+(?:\.\d+)*")
_NAME = re.compile(r"[^\W\d_]\w*")
_SENTENCE_START = re.compile(r"(?:^|[.!?:;•\n]\s*|[-*]\s+|[«“\"(]\s*)$")
_QUOTE = re.compile(r"«\s*([^»]+?)\s*»|“([^”]+)”|\"([^\"]+)\"")
_ADDRESS = re.compile(r"(?:https?://|www\.)\S+|(?<![^\s@])[^\s@]+@[^\s@]+\.[^\s@]+")
_ASKING = frozenset(
    "quel quelle quels quelles quoi comment combien pourquoi quand lequel laquelle cette cela dont avec pour dans "
    "sont peut doit faut avoir etre fait elle elles leur leurs donner donne type "
    "what which when where whose does have with that this these those from about many much there their they "
    "used".split()
)
_POINTING = re.compile(
    r"\b(?:ce|cet|cette|ces|this|these) (?:\w+ )?(?:logiciel|outil|application|projet|produit|service|programme"
    r"|solution|software|tool|project|product|program|system|systeme)s?\b"
    r"|\b(?:le logiciel|l['’]outil|l['’]application|the software|the tool|the application)(?= *\?|$)"
    r"|\bcelui-ci\b|\bcelle-ci\b"
)


def supported(answer: str, texts: Sequence[str], question: str = "") -> bool:
    """Every number, name, address and quotation of `answer` stands in `texts`, and so do most of its words.

    An answer that abstains, is empty or only repeats the question is not supported.
    """
    if abstains(answer) or normalise(answer) in ("", normalise(question)):
        return False
    return support(answer, texts, question) >= SUPPORT


def support(answer: str, texts: Sequence[str], question: str = "") -> float:
    """Share of the words of `answer` that stand in `texts`; 0 if a number, name, address or quotation doesn't.

    Each word counts once, and those that only repeat the question don't count: "The sector of GIMP: Finance" says one
    thing that can be wrong.
    """
    whole = " ".join(texts)
    said, numbers = _words(answer), _numbers(answer)
    if not said and not numbers:  # a name of three letters, say
        short = set(tokens(answer.strip(" .")))
        return float(any(short and short <= set(tokens(text)) for text in texts))
    # As they are written too: a text's "version 2 300 times" holds 300, though 2 300 is a number.
    if numbers and not numbers <= _numbers(whole) | set(_DIGITS.findall(fold(whole))):
        return 0.0
    if not (_names_held(answer, whole) and _quotes_held(answer, whole) and _addresses_held(answer, whole)):
        return 0.0
    every = said | numbers
    own = every - _words(question) - _numbers(question) - _ASKING or every
    return len(own & (_words(whole) | numbers)) / len(own)


def stands_alone(question: str, title: str) -> bool:
    """The question names its subject, or says enough to be understood by somebody who hasn't got the passage."""
    if set(tokens(title)) & set(tokens(question)):
        return True
    folded = fold(question)
    if _POINTING.search(folded):
        return False
    if any(True for _ in _names(question)) or any(char.isdigit() for char in question):
        return True
    own = set(re.findall(r"[^\W\d_]{4,}", folded)) - _ASKING
    return len(own) >= _FEWEST_WORDS


def _names(text: str) -> Iterator[str]:
    """Words with a capital that no sentence start explains: Paris, LibreOffice, GPL."""
    for found in _NAME.finditer(text):
        word = found[0]
        proper = word[0].isupper() and len(word) > 1 and not _SENTENCE_START.search(text[: found.start()])
        if proper or any(char.isupper() for char in word[1:]):
            yield word


def _names_held(answer: str, whole: str) -> bool:
    names = {fold(name) for name in _names(answer)}
    return not names or names <= set(_NAME.findall(fold(whole)))


def _quotes_held(answer: str, whole: str) -> bool:
    quotes = [normalise(next(filter(None, found))) for found in _QUOTE.findall(answer)]
    return not quotes or all(f" {quote} " in f" {normalise(whole)} " for quote in quotes)


def _addresses_held(answer: str, whole: str) -> bool:
    addresses = [found.rstrip(".,;:!?)»\"'") for found in _ADDRESS.findall(answer)]
    return not addresses or all(address.casefold() in whole.casefold() for address in addresses)


def _words(text: str) -> set[str]:
    """The longer words of a text, folded."""
    return set(_WORD.findall(fold(text)))


def _numbers(text: str) -> set[str]:
    """The numbers of a text in one form: 1 200, 1,200 and 1200 are one; without sign and without "or later"."""
    return {token.strip("-+") for token in tokens(text) if token.lstrip("-")[:1].isdigit()}
