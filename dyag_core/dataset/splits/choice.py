"""Which examples become rows, and of which part: what the two ways to choose have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dyag_core.dataset.splits.ledger import Ledger
    from dyag_core.dataset.splits.shares import Quotas, Shares
    from dyag_core.dataset.splits.strata import Placed
    from dyag_core.records import Example


class Choice(Protocol):
    """Given every example in turn (`takes`), then asked for the training rows that waited, then for the rest."""

    @property
    def ledger(self) -> Ledger:
        """What became of the others."""

    @property
    def shares(self) -> Shares:
        """Of the parts."""

    @property
    def enough(self) -> bool:
        """True once further examples could not be used, or would cost too much."""

    @property
    def quotas(self) -> Quotas:
        """How many questions the strata of the test should have."""

    @property
    def facts_trained(self) -> int:
        """How many facts have a training row of their own."""

    def takes(self, example: Example) -> bool:
        """True where `example` belongs to training now; else it was kept for later, or set aside."""

    def waiting(self) -> Sequence[Example]:
        """Training rows that had to wait until every example was seen."""

    def finish(self, train_questions: Iterable[str]) -> list[Placed]:
        """The rows of validation and test, none of them too near a training question, in a fixed order."""

    def may_show(self, document: str) -> bool:
        """Whether a passage of `document` may stand in a training row: not where it is held out."""

    def shows(self, document: str) -> None:
        """A passage of `document` stands in a training row: nothing about it is unseen any more."""

    def reachable(self, documents: int) -> float:
        """Of so many documents, how many more rows could be trained on: those that are not held out."""
