"""How a sample is divided: one draw after the other, each from what the draws before it left."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dyag_core.dataset.splits.draws import (
    held_documents,
    held_unanswerable,
    held_wordings,
    training_rows,
    unanswerable_candidates,
    with_another_wording,
    with_combined,
    without,
)
from dyag_core.dataset.splits.shares import Quotas, Shares

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dyag_core.dataset.splits.lot import Lot
    from dyag_core.dataset.splits.sample import SampledRow


@dataclass(frozen=True)
class Wanted:
    """How many rows each part should have. Validation and test get their shares of what there is, not of the wish."""

    train: int = 0
    val: int = 0
    quotas: Quotas = field(default_factory=Quotas)
    test_share: float = 0.0
    splits: bool = False

    @classmethod
    def of(cls, count: int, shares: Shares, rows: Sequence[SampledRow], largest: int) -> Wanted:
        """Of `count` rows, `rows` being those that there are."""
        there = min(count, sum(not row.example.spare for row in rows))

        def part(share: float, number: int) -> int:
            return min(round(number * share), largest)

        train = max(1, count - part(shares.val, count) - part(shares.test, count))
        quotas = Quotas.of(part(shares.test, there))
        return cls(train, part(shares.val, there), quotas, shares.test, shares.train < 1)


@dataclass
class Division:
    """What was drawn for each part, and for the test part held out."""

    wanted: Wanted
    train: list[SampledRow] = field(default_factory=list)
    held: set[str] = field(default_factory=set)  # groups of documents that training never sees
    outside: list[SampledRow] = field(default_factory=list)  # rows about these
    unanswerable: list[SampledRow] = field(default_factory=list)
    wordings: list[SampledRow] = field(default_factory=list)
    validation: list[SampledRow] = field(default_factory=list)  # for what held-out wordings leave to be filled


def divide(
    rows: Sequence[SampledRow], combined: Sequence[SampledRow], share: float, wanted: Wanted, lot: Lot
) -> Division:
    """Divide a sample.

    Args:
        rows: on one fact each, in the order in which they are drawn.
        combined: on several facts each.
        share: how many rows of all that were made are `combined`, 0 to 1.
    """

    def is_held(row: SampledRow) -> bool:
        return lot.group_of(row.example.document) in made.held

    made = Division(wanted, held=held_documents(rows, _unseen_wanted(rows, wanted), wanted.test_share, lot))
    made.outside = [row for row in rows if is_held(row)]
    inside = [row for row in rows if not is_held(row)]
    inside = with_combined(inside, [row for row in combined if not is_held(row)], wanted.train, share)

    wordings = min(wanted.quotas.recall + wanted.val, len(with_another_wording(inside)))
    made.validation = _after_training(inside, wanted.train, wanted.val - max(0, wordings - wanted.quotas.recall))
    inside = without(inside, made.validation)

    unanswerable = max(0, wanted.quotas.unanswerable - len(unanswerable_candidates(made.outside)))
    made.unanswerable = held_unanswerable(_plain(inside)[: wanted.train], inside, unanswerable)
    inside = without(inside, made.unanswerable)

    made.wordings = held_wordings(_plain(inside)[: wanted.train], inside, wordings, lot)
    inside = without(inside, made.wordings)

    made.train = training_rows(_plain(inside), wanted.train, whole_facts=wanted.splits)
    left = without(_plain(inside), made.train)
    made.validation += [row for row in left if row.fact][: wanted.val]  # for wordings that couldn't be had after all
    return made


def _unseen_wanted(rows: Sequence[SampledRow], wanted: Wanted) -> int:
    """Questions for the stratum "unseen", which makes up for what the two others lack."""
    quotas = wanted.quotas
    recall = min(quotas.recall, int(len(with_another_wording(rows)) * (1 - wanted.test_share)))
    unanswerable = min(quotas.unanswerable, len(unanswerable_candidates(rows)) // 2)
    return quotas.total - recall - unanswerable


def _plain(rows: Sequence[SampledRow]) -> list[SampledRow]:
    """Those that may be trained on."""
    return [row for row in rows if not row.example.spare]


def _after_training(rows: Sequence[SampledRow], train: int, number: int) -> list[SampledRow]:
    """The rows that come after those of training; where there are too few, the last."""
    alone = [row for row in _plain(rows) if row.fact]
    start = max(0, min(train, len(alone) - number))
    return alone[start : start + number]
