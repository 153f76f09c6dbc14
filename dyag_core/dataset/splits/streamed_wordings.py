"""Wordings of trained facts that are held out while rows stream, for recall and for validation."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from dyag_core.dataset.splits.strata import Candidate

if TYPE_CHECKING:
    from dyag_core.dataset.splits.lot import Lot
    from dyag_core.records import Example

#: A wording is held out for a recall question only once this many others of its fact are trained.
_TRAINED_FIRST = 2
_OF_A_FACT = 2


class HeldWordings:
    """At most two of a fact."""

    def __init__(self) -> None:
        self.examples: list[Example] = []
        self._of: Counter[str] = Counter()
        self._spares = 0

    def __len__(self) -> int:
        return len(self.examples)

    @property
    def spares(self) -> int:
        """How many of them were made for recall."""
        return self._spares

    def wants(self, fact: str, trained: int, *, spare: bool) -> bool:
        """Whether one more wording of `fact`, of which so many are trained, may be held out.

        Args:
            spare: it was made for this, and one that is trained is enough.
        """
        return trained >= (1 if spare else _TRAINED_FIRST) and self._of[fact] < _OF_A_FACT

    def add(self, example: Example, fact: str) -> None:
        """Hold this wording out."""
        self._of[fact] += 1
        self.examples.append(example)
        self._spares += example.spare

    def thin(self) -> int:
        """Every other one goes; returns how many."""
        before = len(self.examples)
        self.examples = self.examples[::2]
        self._spares = sum(example.spare for example in self.examples)
        return before - len(self.examples)

    def candidates(self, lot: Lot) -> list[Candidate]:
        """They as candidates for recall."""
        return [
            Candidate([example], lot.order(f"{example.facts[0].id}\x1f{example.question}")) for example in self.examples
        ]
