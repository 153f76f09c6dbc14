"""Documents held out while rows stream: which they are, and what can be asked about them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dyag_core.dataset.splits.strata import Candidate
from dyag_core.text.digests import DigestSet, DigestTable

if TYPE_CHECKING:
    from dyag_core.dataset.splits.ledger import Ledger
    from dyag_core.dataset.splits.lot import Lot
    from dyag_core.records import Example

_TRAINED, _HELD = 1, 2


class Sides:
    """Which groups of documents are trained on and which are held out, decided when the first row of each comes.

    Args:
        share: of the groups that are held out, 0 to 1.
    """

    def __init__(self, lot: Lot, share: float) -> None:
        self._lot, self._share = lot, share
        self._sides = DigestTable()  # by group
        self._shown = DigestSet()  # groups of which training saw a passage

    def is_held(self, group: str, sparse: int, trained: int) -> bool:
        """Whether rows about `group` stay out of training.

        Args:
            sparse: of so many groups that the lot holds out, one is.
            trained: rows so far. The first document is always trained on: there must be something to learn.
        """
        side = self._sides.get(group)
        if not side:
            held = self._share > 0 and trained > 0 and self._lot.place(group) < self._share / sparse
            side = self._sides.setdefault(group, _HELD if held else _TRAINED)
        return side == _HELD

    def may_show(self, document: str) -> bool:
        """Whether a passage of `document` may stand in a training row: not where the lot holds it out."""
        return self._share == 0 or self._lot.place(self._lot.group_of(document)) >= self._share

    def show(self, document: str) -> None:
        """Training saw a passage of `document`."""
        self._shown.add(self._lot.group_of(document))

    def was_shown(self, group: str) -> bool:
        """Whether training saw a passage of `group`."""
        return group in self._shown


class HeldDocuments:
    """Facts of documents that training never sees, with their wordings, gathered document by document."""

    def __init__(self, lot: Lot, ledger: Ledger) -> None:
        self._lot, self._ledger = lot, ledger
        self.unseen: list[Candidate] = []
        self._document = ""
        self._facts: dict[str, Candidate] = {}

    def add(self, example: Example) -> list[Candidate]:
        """Note a row about a held-out document. Returns what `close` does, where this row begins another document."""
        closed = []
        if example.document != self._document:
            closed = self.close()
            self._document = example.document
        fact = example.fact.id if example.fact else self._lot.order(example.question)
        if fact in self._facts:
            self._facts[fact].add(example, self._ledger)
        else:
            self._facts[fact] = Candidate([example], self._lot.order(fact))
        return closed

    def close(self) -> list[Candidate]:
        """The document just read is complete: what it answers is unseen; returned is what it doesn't answer."""
        found = sorted(self._facts.values(), key=lambda candidate: candidate.order)
        self._document, self._facts = "", {}
        self.unseen += [candidate for candidate in found if candidate.wordings[0].answerable]
        return [candidate for candidate in found if not candidate.wordings[0].answerable]

    def thin(self, share: float) -> int:
        """Keep what is about the groups below `share` in the lot; returns how many facts went."""
        before, lot = len(self.unseen), self._lot
        self.unseen = [c for c in self.unseen if lot.place(lot.group_of(c.wordings[0].document)) < share]
        return before - len(self.unseen)
