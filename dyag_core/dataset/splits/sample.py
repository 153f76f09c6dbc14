"""A sample that covers: of all rows that could be made, the few that touch every document before any is asked twice.

Facts of a document stand in an order by lot. First come the rows on the first fact of each document, its wordings one
after the other, then those on the second fact. What is kept is bounded, however many rows are made: the rows that come
first in that order. A fact's first two wordings are kept together: one may be trained on and the other held out.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dyag_core.dataset.smallest import Smallest
from dyag_core.text.digests import DigestTable

if TYPE_CHECKING:
    from dyag_core.dataset.splits.lot import Lot
    from dyag_core.records import Example


@dataclass(frozen=True, slots=True)
class SampledRow:
    """A row that may be drawn. `rank` and `wording` count from 0; `number` is its place among all that was made.

    `rests_on` are the plain rows on each fact of its own document, where it rests on several facts.
    """

    example: Example
    rank: int
    wording: int
    lot: str
    number: int
    rests_on: tuple[SampledRow, ...] = ()

    @property
    def order(self) -> tuple[int, int, str, int]:
        """First every document once, then their other wordings, then their other facts."""
        return self.rank, self.wording, self.lot, self.number

    @property
    def kept_by(self) -> tuple[int, int, str, int, int]:
        """The same, but that a fact's first two wordings stay together."""
        return self.rank, max(0, self.wording - 1), self.lot, self.wording, self.number

    @property
    def fact(self) -> str:
        """The fact that it teaches, or what stands for it; "" for a row on several."""
        return "" if self.example.other_facts else fact_of(self.example)


def fact_of(example: Example) -> str:
    """The id of its fact; where a generator names none, its question."""
    return example.fact.id if example.fact else example.question


class Sample:
    """Keeps the `size` rows that come first, or a few more. Rows of one document should come one after another."""

    def __init__(self, size: int, lot: Lot) -> None:
        self.size, self._lot = size, lot
        self.made = self.made_combined = 0
        self.made_by_kind: Counter[str] = Counter()
        self._ranks = DigestTable()  # facts so far by document: its parts may not stand together
        self._document = ""
        self._facts: dict[str, _Fact] = {}
        self._combined: list[tuple[int, Example]] = []
        self._rows = Smallest[SampledRow](size)
        self._combined_rows = Smallest[SampledRow](size)

    def add(self, example: Example) -> None:
        """One more row that could be made."""
        if example.document != self._document:
            self._close_document()
            self._document = example.document
        self.made += 1
        self.made_by_kind[kind_of(example)] += 1
        if example.other_facts:
            self.made_combined += 1
            if len(self._combined) < self.size:
                self._combined.append((self.made, example))
            return
        key = fact_of(example)
        if key not in self._facts:
            self._facts[key] = _Fact(self._lot.order(key), [])
        self._facts[key].wordings.append((self.made, example))
        if len(self._facts) > 2 * self.size:  # of one endless document
            self._facts = dict(self._in_order()[: self.size])

    def combined(self) -> list[SampledRow]:
        """What is kept of the rows on several facts, by lot."""
        self._close_document()
        return self._combined_rows.items()

    def rows(self) -> list[SampledRow]:
        """What is kept of the rows on one fact, in the order in which they are drawn."""
        self._close_document()
        return sorted(self._rows.items(), key=lambda row: row.order)

    def _in_order(self) -> list[tuple[str, _Fact]]:
        return sorted(self._facts.items(), key=lambda item: item[1].lot)

    def _close_document(self) -> None:
        """The rows of a document are complete: its facts get their ranks."""
        first = self._ranks.get(self._document)
        plain: dict[str, SampledRow] = {}
        for rank, (key, fact) in enumerate(self._in_order(), first):
            for wording, (number, example) in enumerate(fact.wordings):
                row = SampledRow(example, rank, wording, fact.lot, number)
                self._rows.add(row.kept_by, row)
                plain.setdefault(key, row)
        for number, example in self._combined:
            facts = [plain[fact.id] for fact in example.facts if fact.id in plain]
            row = SampledRow(example, 0, 0, self._lot.order(example.question), number, tuple(facts))
            self._combined_rows.add((row.lot, number), row)
        self._ranks.increment(self._document, by=len(self._facts))
        self._facts, self._combined = {}, []


@dataclass
class _Fact:
    """A fact of the document that is being read, with its wordings and when each was made."""

    lot: str
    wordings: list[tuple[int, Example]]


def kind_of(example: Example) -> str:
    """What kind of row it is, for the ledger: its form where it has one, else the kind of its answer."""
    if example.spare:
        return "spare wording"
    if not example.answerable:
        return "unanswerable"
    return str(example.meta.get("form") or example.meta.get("kind") or "question")
