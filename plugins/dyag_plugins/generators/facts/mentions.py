"""Does a document tell something about an attribute? To be asked before a question about it is called unanswerable.

Its labels and their names are looked for, and in its running text what other documents tell under the label, words that
tell it without the label ("gratuit", a price), and whatever looks like such a value. In doubt it may tell.
"""

from __future__ import annotations

import re
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

from dyag_core.api import HEADING, fold
from dyag_plugins.generators.facts.packs import as_words, label_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from dyag_core.records import Document
    from dyag_plugins.generators.facts.columns import Column
    from dyag_plugins.generators.facts.phrasing import Phrase

#: A longer value is running text, too; a text of fewer words tells nothing by its look.
_LONGEST_VALUE, _FEWEST_WORDS = 60, 12
_LABELLED = re.compile(r"^\W*(?P<label>[^:|]{1,80}?)\W*:\s*(?P<value>.*)$")
_LIST, _MARKS = re.compile(r"[,;/|]\s*"), re.compile(r"['’()«»\"*_`]")
_LINK = re.compile(r"://|www\.|\w@\w")
_NAME = re.compile(
    r"(?<=[\w,;:'’«(] )[A-ZÀ-Þ][\w&.-]+|[A-ZÀ-Þ][\w'’-]+(?: (?:de|du|des|d['’]|of|the|la|le) ?)? ?[A-ZÀ-Þ][\w'’-]+"
)
_YEAR = re.compile(
    r"\b(?:1[89]|20)\d\d\b|\d/\d|\b(?:janvier|fevrier|mars|avril|mai|juin|juillet|aout|septembre|octobre|novembre"
    r"|decembre|january|february|march|april|may|june|july|august|september|october|november|december|hier|today"
    r"|yesterday|siecle|century)\b"
)
_NUMBER = re.compile(
    r"\d|\b(?:deux|trois|quatre|cinq|six|sept|huit|neuf|dix|onze|douze|quinze|vingt|trente|quarante|cinquante"
    r"|soixante|cent|cents|mille|dizaine|douzaine|vingtaine|trentaine|centaine|millier|million|two|three|four|five"
    r"|seven|eight|nine|ten|eleven|twelve|fifteen|twenty|thirty|forty|fifty|sixty|hundred|thousand|dozen|gratuit\w*"
    r"|free|unique|once|twice|daily|quotidien\w*|hebdomadaire\w*|mensuel\w*|weekly|monthly)s?\b"
)
#: Words of labels that tell nothing about what they are labels of.
_OF_ANY_LABEL = frozenset(
    "nombre number niveau level valeur value numero total autre other principal rubrique critere "
    "champ field type nature".split()
)


class Mentions:
    """What a document says: its passages, its metadata, and the labels, those of `phrases`, under which it tells."""

    def __init__(self, document: Document, phrases: Iterable[Phrase]) -> None:
        self._document = document
        passages = [fold(chunk.text) for chunk in document.chunks]  # most are folded faster than the whole
        fields = [fold(f"{name} {value}") for name, value in document.metadata.items() if not _is_empty(value)]
        self._text = "\n".join([*passages, *fields])
        self._words = as_words(self._text)
        self._labels = frozenset([name for phrase in phrases for name in phrase.names[:1]])

    def tells(self, phrase: Phrase) -> bool:
        """Whether a label of the same meaning is told, or is at least mentioned."""
        for name in phrase.names:  # noqa: SIM110 - half the time of any(...)
            if name in self._labels or name in self._words:
                return True
        return False

    def holds(self, beginnings: Iterable[str]) -> bool:
        """Whether one of these folded texts stands in it."""
        for beginning in beginnings:  # noqa: SIM110 - a third of the time of any(...)
            if beginning in self._text:
                return True
        return False

    def may_tell(self, phrase: Phrase, column: Column, says_nothing: Callable[[str], bool]) -> bool:
        """Whether the running text may tell it, with a value of the column, in other words, or by the look of it.

        Args:
            column: what other documents tell under the label.
            says_nothing: whether a value of the column is none.
        """
        if not self._prose.strip():
            return False
        begun = f" {self._prose_words}"
        for hint in _hints_of(phrase.bare, tuple(phrase.kind.told_by) if phrase.kind else ()):
            if hint in begun:
                return True
        prose = self._prose_as_words
        for value in column.values:
            for words in _parts_of(value):
                if words in prose and not says_nothing(value):
                    return True
        if column.is_closed:
            return False
        return self._looks_like([value for value in column.values if not says_nothing(value)])

    def _looks_like(self, values: list[str]) -> bool:
        """Whether something in the running text looks like most of `values`."""
        if not values:
            return True
        prose, half = self._prose, len(values) / 2
        if sum(_LINK.search(value) is not None for value in values) > half:
            return _LINK.search(prose) is not None
        if sum(value[0].isdigit() for value in values) > half:
            dates = sum(_YEAR.search(fold(value)) is not None for value in values) > half
            return (_YEAR if dates else _NUMBER).search(self._prose_words) is not None
        if sum(any(map(str.isupper, value)) for value in values) > half:
            return any(not self._is_of_title(name[0]) for name in _NAME.finditer(prose))
        return len(self._prose_words.split()) >= _FEWEST_WORDS

    def _is_of_title(self, name: str) -> bool:
        return fold(name) in fold(self._document.title) or fold(self._document.title) in fold(name)

    @cached_property
    def _prose(self) -> str:
        return "\n".join(self._running())

    @cached_property
    def _prose_words(self) -> str:
        return " ".join(_MARKS.sub(" ", fold(self._prose)).split())

    @cached_property
    def _prose_as_words(self) -> str:
        return as_words(fold(self._prose))

    def _running(self) -> Iterator[str]:
        """The lines that no label or table cell takes, and values so long that they are text."""
        for chunk in self._document.chunks:
            for line in chunk.text.split("\n"):
                if not line.strip() or HEADING.match(line) or line.lstrip().startswith("|"):
                    continue
                found = _LABELLED.match(line) if ":" in line else None
                if found is None or not self._is_label(found["label"]):
                    yield line.strip()
                elif len(found["value"]) > _LONGEST_VALUE:
                    yield found["value"]
        for value in self._document.metadata.values():
            if isinstance(value, str) and len(value) > _LONGEST_VALUE:
                yield value

    def _is_label(self, label: str) -> bool:
        return len(label.split()) <= _MOST_LABEL_WORDS or as_words(fold(label)) in self._labels


#: A longer text before a colon is part of a sentence.
_MOST_LABEL_WORDS = 4


@lru_cache(maxsize=16384)
def _parts_of(value: str) -> tuple[str, ...]:
    """A value, or each of a list of values, in the form in which running text is searched for it."""
    return tuple(words for part in _LIST.split(value) if (words := as_words(fold(part))).strip())


@lru_cache(maxsize=4096)
def _hints_of(label: str, told_by: tuple[str, ...]) -> tuple[str, ...]:
    """Beginnings of words that tell of a label: those said of its kind, and its own."""
    own = [word for word in label_key(label).split() if len(word) > 4 and word not in _OF_ANY_LABEL]
    hints = (*map(fold, told_by), *(word[: max(5, len(word) - 3)] for word in own))
    return tuple(f" {hint}" if hint[0].isalnum() else hint for hint in hints)


def _is_empty(value: Any) -> bool:
    return value is None or value in ("", [], {})
