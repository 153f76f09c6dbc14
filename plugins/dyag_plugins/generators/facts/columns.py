"""What documents tell under a label, as a column of a table: which values, how often, beside which other labels.

Whether NA is Namibia or "not available", and whether x means yes, is told by the other values of the column. Documents
are looked at ahead for that, and what is kept stays small, however many come.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import cached_property
from typing import TYPE_CHECKING

from dyag_plugins.generators.facts.packs import label_key

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dyag_plugins.generators.facts.extraction import Found

#: So many labels are kept, the first goes first; of each so many different values and so many labels beside it.
_LABELS, _VALUES, _BESIDE = 2048, 64, 64
_NAMES_CODES = re.compile(
    r"\b(?:code|codes|iso ?\d*|alpha ?\d?|ticker|symbole?|sigle|pays|country|countries|nation|province|state|canton"
    r"|nuts|icao|iata|"
    r"abbreviation|abrege|tld|indicatif|prefix)\b"
)

_LETTERS = re.compile(r"[A-Za-z]{1,5}")
_SPOKEN = re.compile(r".*[^\W\d_]{2,} [^\W\d_]{2,}|[A-ZÀ-Þ][a-zà-ÿ]+(?![\w-])")
#: Labels that persons have: beside them nobody is the "president" of the row.
_OF_PERSONS = frozenset("gender sex birthday birthplace born died sexe genre naissance prenom".split()) | {
    "date of birth", "birth date", "date de naissance", "first name",
}  # fmt: skip


class Column:
    """The values under one label, as they stand."""

    def __init__(self, label: str) -> None:
        self._label = label
        self.values: dict[str, int] = {}
        self.beside: Counter[str] = Counter()
        self.told = 0

    @cached_property
    def names_codes(self) -> bool:
        """Whether its label says that there are codes under it."""
        return _NAMES_CODES.search(self._label) is not None

    def add(self, value: str) -> None:
        """One more document, or row, tells this."""
        self.told += 1
        if value in self.values or len(self.values) < _VALUES:
            self.values[value] = self.values.get(value, 0) + 1

    @property
    def is_of_persons(self) -> bool:
        """Whether what it stands beside is told of persons."""
        return not _OF_PERSONS.isdisjoint(self.beside)

    @property
    def holds_codes(self) -> bool:
        """Whether its label says that there are codes under it, and its values are such: "no", "de", "KA"."""
        return self.names_codes and all(map(_LETTERS.fullmatch, self.values))

    @property
    def is_of_words(self) -> bool:
        """Whether a good part of its values are names or texts, as people write them."""
        said = sum(_SPOKEN.match(value) is not None for value in self.values)
        return 3 * said >= len(self.values) > 0

    @property
    def is_closed(self) -> bool:
        """Whether few values come again and again: what else a document may say would be one of them."""
        return self.told >= 4 and 2 * len(self.values) <= self.told


class Columns:
    """Columns by label, in the form in which labels are compared."""

    def __init__(self) -> None:
        self._columns: dict[str, Column] = {}

    def add(self, found: Iterable[Found]) -> None:
        """What one document tells."""
        seen = [(label_key(item.fact.attribute), item.fact.value) for item in found if item.seen_as in _IN_COLUMNS]
        labels = [label for label, _ in seen[:_BESIDE]]
        for label, value in seen:
            column = self._columns.get(label)
            if column is None:
                column = self._columns[label] = Column(label)
                if len(self._columns) > _LABELS:
                    del self._columns[next(iter(self._columns))]
            column.add(value or "")
            if len(column.beside) < _BESIDE:
                column.beside.update(labels)

    def of(self, label: str) -> Column:
        """The column of a label, which may be empty."""
        return self._columns.get(label) or Column(label)


#: What is told under a label that other documents, or rows, have too.
_IN_COLUMNS = frozenset(("field", "label", "table", "column"))
