"""A split of a sample: rows are drawn so that they cover the documents, and divided when all are known."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from dyag_core.dataset.splits.division import Division, Wanted, divide
from dyag_core.dataset.splits.draws import recall_candidates, unanswerable_candidates, unseen_candidates
from dyag_core.dataset.splits.learnt import Learnt
from dyag_core.dataset.splits.ledger import Ledger
from dyag_core.dataset.splits.lot import Lot
from dyag_core.dataset.splits.sample import Sample, kind_of
from dyag_core.dataset.splits.shares import LARGEST_PART, Quotas, Shares
from dyag_core.dataset.splits.strata import NEAR, Placed, fill_test, without_namesakes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from dyag_core.records import Example

#: So many times the rows that are wanted are kept to draw from, and this many where few are wanted.
_KEPT, _KEPT_AT_LEAST = 3, 1000
#: Of a generator whose rows cost, so many times the rows that are wanted: some lie on the wrong side.
_ENOUGH = 1.2
BEYOND_COUNT = "beyond the rows asked for"


class SampledSplit:
    """Draws `count` rows that cover the documents, and divides them.

    Args:
        shares: of train, validation and test, in any unit; (1, 0, 0) draws a sample and holds nothing out.
        group_of: the group of a document id; documents of one group are all trained on or all held out.
        costly: each row costs, so no more are taken than are needed; else all are seen before any is drawn.
        largest: rows that validation and test may have, each.
    """

    def __init__(
        self,
        count: int,
        shares: tuple[float, float, float],
        seed: int,
        group_of: Callable[[str], str] = str,
        *,
        costly: bool = False,
        largest: int = LARGEST_PART,
    ) -> None:
        self.count, self.shares, self.lot, self.largest = count, Shares.of(shares), Lot(seed, group_of), largest
        self.ledger, self.learnt = Ledger(), Learnt()
        self.sample = Sample(max(_KEPT * count, _KEPT_AT_LEAST), self.lot)
        self._costly = costly
        self._parts = Division(Wanted())

    # -- while rows are made -----------------------------------------------------------------------------------------

    def takes(self, example: Example) -> bool:
        """False: every row waits until all are known."""
        self.sample.add(example)
        return False

    @property
    def enough(self) -> bool:
        """Whether rows that cost would be made in vain."""
        return self._costly and self.sample.made >= self.count * (_ENOUGH if self.shares.train < 1 else 1)

    # -- when all are known ------------------------------------------------------------------------------------------

    def waiting(self) -> list[Example]:
        """The training rows, in the order in which they were made; what the other parts need is held out."""
        rows, combined = self.sample.rows(), self.sample.combined()
        share = self.sample.made_combined / max(1, self.sample.made)
        self._parts = divide(rows, combined, share, Wanted.of(self.count, self.shares, rows, self.largest), self.lot)
        train = [row.example for row in sorted(self._parts.train, key=lambda row: row.number)]
        for example in train:
            self.learnt.add(example)
        return train

    def finish(self, train_questions: Iterable[str]) -> list[Placed]:
        """The rows of validation and test, none of them too near a training question, in a fixed order."""
        parts = self._parts
        pools = {
            "recall": recall_candidates(parts.wordings),
            "unanswerable": unanswerable_candidates([*parts.unanswerable, *parts.outside]),
            "unseen": without_namesakes(unseen_candidates(parts.outside), self.learnt, self.ledger),
        }
        test = fill_test(pools, self.quotas, train_questions, self.ledger)
        asked = {placed.example.question for placed in test}
        # What recall refused, or didn't need, still serves for validation.
        waiting = [row.example for row in [*parts.wordings, *parts.validation] if row.example.question not in asked]
        used = waiting[: parts.wanted.val]
        refused = len(self.ledger.refused_for_recall - {example.question for example in used})
        if refused:
            self.ledger.rejected[NEAR] += refused
        trained = [row.example for row in parts.train]
        self._note_what_was_cut([*trained, *used, *(placed.example for placed in test)])
        return [*(Placed(example, "val") for example in used), *test]

    def _note_what_was_cut(self, rows: Sequence[Example]) -> None:
        made, drawn = self.sample.made_by_kind, Counter(map(kind_of, rows))
        self.ledger.drawn = {kind: (drawn[kind], number) for kind, number in made.most_common()}
        self.ledger.set_aside.clear()
        self.ledger.set_aside[BEYOND_COUNT] = made.total() - len(rows) - self.ledger.rejected.total()

    @property
    def quotas(self) -> Quotas:
        """How many questions the strata of the test should have."""
        return self._parts.wanted.quotas

    @property
    def facts_trained(self) -> int:
        """How many facts have a training row of their own."""
        return len(self.learnt.facts)

    def may_show(self, document: str) -> bool:
        """Whether a passage of `document` may stand in a training row: not where it is held out."""
        return self.lot.group_of(document) not in self._parts.held

    def shows(self, document: str) -> None:
        """Nothing to note: of a document that is held out no passage is shown."""

    def reachable(self, documents: int) -> float:
        """Of so many documents, those that are not held out."""
        return documents - len(self._parts.held)
