"""A split of a sample: rows are drawn so that they cover the documents, and divided when all are known."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from dyag_core.dataset.splits.draws import (
    held_documents,
    held_unanswerable,
    held_wordings,
    recall_candidates,
    training_rows,
    unanswerable_candidates,
    unseen_candidates,
    with_another_wording,
    with_combined,
    without,
)
from dyag_core.dataset.splits.learnt import Learnt
from dyag_core.dataset.splits.ledger import Ledger
from dyag_core.dataset.splits.lot import Lot
from dyag_core.dataset.splits.sample import Sample, kind_of
from dyag_core.dataset.splits.shares import LARGEST_PART, Quotas, Shares
from dyag_core.dataset.splits.strata import NEAR, Placed, fill_test, without_namesakes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from dyag_core.dataset.splits.sample import SampledRow
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
        self.ledger, self.learnt, self.quotas = Ledger(), Learnt(), Quotas()
        self.sample = Sample(max(_KEPT * count, _KEPT_AT_LEAST), self.lot)
        self._divides = self.shares.train < 1
        self._costly = costly
        self._there = 0  # of the rows that are wanted, those that can be made
        self._held: set[str] = set()  # groups of documents
        self._outside: list[SampledRow] = []  # rows about them
        self._trained: list[Example] = []
        self._unanswerable: list[SampledRow] = []
        self._wordings: list[SampledRow] = []
        self._validation: list[SampledRow] = []

    # -- while rows are made -----------------------------------------------------------------------------------------

    def takes(self, example: Example) -> bool:
        """False: every row waits until all are known."""
        self.sample.add(example)
        return False

    @property
    def enough(self) -> bool:
        """Whether rows that cost would be made in vain."""
        return self._costly and self.sample.made >= self.count * (_ENOUGH if self._divides else 1)

    # -- when all are known ------------------------------------------------------------------------------------------

    def waiting(self) -> list[Example]:
        """The training rows, in the order in which they were made. What the other parts need is held out first."""
        rows = self.sample.rows()
        self._there = there = min(self.count, sum(not row.example.spare for row in rows))  # quotas follow what there is
        self.quotas = Quotas.of(self._part(self.shares.test, there))
        inside = self._hold_out_documents(rows)
        wanted = self.count - self._part(self.shares.val, self.count) - self._part(self.shares.test, self.count)
        inside = with_combined(inside, self._combined(), wanted, self._share_combined())
        validation = self._part(self.shares.val, there)
        wordings = self._hold_out_validation(inside, wanted, validation)
        inside = without(inside, self._validation)

        plain = [row for row in inside if not row.example.spare]
        unanswerable = max(0, self.quotas.unanswerable - len(unanswerable_candidates(self._outside)))
        self._unanswerable = held_unanswerable(plain[:wanted], inside, unanswerable)
        plain, inside = without(plain, self._unanswerable), without(inside, self._unanswerable)
        self._wordings = held_wordings(plain[:wanted], inside, wordings, self.lot)
        train = training_rows(without(plain, self._wordings), wanted, whole_facts=self._divides)
        left = without(plain, [*train, *self._wordings])
        self._validation += [row for row in left if row.fact][:validation]  # for wordings that can't be had after all
        self._trained = [row.example for row in sorted(train, key=lambda row: row.number)]
        for example in self._trained:
            self.learnt.add(example)
        return self._trained

    def _hold_out_documents(self, rows: Sequence[SampledRow]) -> list[SampledRow]:
        """Choose the documents that training never sees; returns the rows about the others."""
        quotas = self.quotas
        recall = min(quotas.recall, int(len(with_another_wording(rows)) * (1 - self.shares.test)))
        unanswerable = min(quotas.unanswerable, len(unanswerable_candidates(rows)) // 2)
        # The stratum "unseen" makes up for what the two others lack.
        self._held = held_documents(rows, quotas.total - recall - unanswerable, self.shares.test, self.lot)
        self._outside = [row for row in rows if self._is_held(row.example.document)]
        return [row for row in rows if not self._is_held(row.example.document)]

    def _combined(self) -> list[SampledRow]:
        return [row for row in self.sample.combined() if not self._is_held(row.example.document)]

    def _share_combined(self) -> float:
        """Of all rows that were made, those on several facts."""
        return self.sample.made_combined / max(1, self.sample.made)

    def _hold_out_validation(self, inside: Sequence[SampledRow], wanted: int, validation: int) -> int:
        """Choose rows for validation, where held-out wordings don't suffice; returns how many wordings to hold out.

        Args:
            wanted: training rows. Validation gets what comes after them; where there is less, the last rows.
        """
        wordings = min(self.quotas.recall + validation, len(with_another_wording(inside)))
        short = validation - max(0, wordings - self.quotas.recall)
        rows = [row for row in inside if row.fact and not row.example.spare]
        start = max(0, min(wanted, len(rows) - short))
        self._validation = rows[start : start + short]
        return wordings

    def finish(self, train_questions: Iterable[str]) -> list[Placed]:
        """The rows of validation and test, none of them too near a training question, in a fixed order."""
        pools = {
            "recall": recall_candidates(self._wordings),
            "unanswerable": unanswerable_candidates([*self._unanswerable, *self._outside]),
            "unseen": without_namesakes(unseen_candidates(self._outside), self.learnt, self.ledger),
        }
        test = fill_test(pools, self.quotas, train_questions, self.ledger)
        asked = {placed.example.question for placed in test}
        # What recall refused, or didn't need, still serves for validation.
        waiting = [row.example for row in [*self._wordings, *self._validation] if row.example.question not in asked]
        used = waiting[: self._part(self.shares.val, self._there)]
        refused = len(self.ledger.refused_for_recall - {example.question for example in used})
        if refused:
            self.ledger.rejected[NEAR] += refused
        self._note_what_was_cut([*self._trained, *used, *(placed.example for placed in test)])
        return [*(Placed(example, "val") for example in used), *test]

    def _note_what_was_cut(self, rows: Sequence[Example]) -> None:
        made, drawn = self.sample.made_by_kind, Counter(map(kind_of, rows))
        self.ledger.drawn = {kind: (drawn[kind], number) for kind, number in made.most_common()}
        self.ledger.set_aside.clear()
        self.ledger.set_aside[BEYOND_COUNT] = made.total() - len(rows) - self.ledger.rejected.total()

    def _part(self, share: float, rows: int) -> int:
        return min(round(rows * share), self.largest)

    def _is_held(self, document: str) -> bool:
        return self.lot.group_of(document) in self._held

    @property
    def facts_trained(self) -> int:
        """How many facts have a training row of their own."""
        return len(self.learnt.facts)

    def may_show(self, document: str) -> bool:
        """Whether a passage of `document` may stand in a training row: not where it is held out."""
        return not self._is_held(document)

    def shows(self, document: str) -> None:
        """Nothing to note: of a document that is held out no passage is shown."""

    def reachable(self, documents: int) -> float:
        """Of so many documents, those that are not held out."""
        return documents - len(self._held)
