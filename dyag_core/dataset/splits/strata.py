"""The test part: candidates of each stratum in the order of the lot, none of them too near a training question."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dyag_core.text.similarity import Watched

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from dyag_core.dataset.splits.learnt import Learnt
    from dyag_core.dataset.splits.ledger import Ledger
    from dyag_core.dataset.splits.shares import Part, Quotas
    from dyag_core.records import Example

#: No test question may be nearer to a training question: 0.8, less the error of a MinHash estimate of it.
TOO_NEAR = 0.75
NEAR = "too near a training question"
OTHER_WORDING = "another wording of a held-out fact"
BEYOND_TEST = "beyond what the test part needs"
_NAMESAKE = "its subject has the name of a trained document"
#: So many wordings of a fact wait; the first of them that is not too near is asked.
ALTERNATIVES = 4


@dataclass
class Candidate:
    """A fact that may be asked in the test, in one or several wordings, the preferred one first."""

    wordings: list[Example]
    order: str

    def add(self, example: Example, ledger: Ledger) -> None:
        """Another wording."""
        if len(self.wordings) < ALTERNATIVES:
            self.wordings.append(example)
        else:
            ledger.set_aside[OTHER_WORDING] += 1


@dataclass
class Placed:
    """A row of the validation or test part."""

    example: Example
    part: Part
    stratum: str | None = None
    similarity: float = 0.0


def without_namesakes(candidates: Iterable[Candidate], learnt: Learnt, ledger: Ledger) -> list[Candidate]:
    """Those whose subject training doesn't name: two documents may carry one name, and the other isn't unseen then."""
    new = []
    for candidate in candidates:
        if learnt.names(candidate.wordings[0]):
            ledger.rejected[_NAMESAKE] += 1
        else:
            new.append(candidate)
    return new


def fill_test(
    pools: Mapping[str, Sequence[Candidate]], quotas: Quotas, train_questions: Iterable[str], ledger: Ledger
) -> list[Placed]:
    """Test rows by stratum, each in the order of its pool; what the other strata lack is made up by "unseen".

    Args:
        pools: candidates by stratum, "unseen" last.
    """
    watched = [example.question for pool in pools.values() for c in pool for example in c.wordings]
    nearest = dict(zip(watched, Watched(watched).nearest(train_questions), strict=True))
    wanted, short = quotas.by_stratum(), quotas.total
    test: list[Placed] = []
    for stratum, pool in pools.items():
        number = short if stratum == "unseen" else min(wanted[stratum], short)
        taken = _choose(stratum, pool, number, nearest, ledger)
        test += taken
        short -= len(taken)
    return test


def _choose(
    stratum: str, pool: Sequence[Candidate], wanted: int, nearest: Mapping[str, float], ledger: Ledger
) -> list[Placed]:
    chosen: list[tuple[int, Placed]] = []
    # Input order would ask about the first documents only: the order is that of the lot.
    for position in sorted(range(len(pool)), key=lambda n: pool[n].order):
        candidate = pool[position]
        if len(chosen) == wanted:
            if stratum != "recall":
                ledger.set_aside[BEYOND_TEST] += len(candidate.wordings)
            continue
        example = next((e for e in candidate.wordings if nearest[e.question] <= TOO_NEAR), None)
        if example is None:
            if stratum == "recall":
                ledger.refused_for_recall.add(candidate.wordings[0].question)
            else:
                ledger.rejected[NEAR] += 1
            continue
        ledger.set_aside[OTHER_WORDING] += len(candidate.wordings) - 1
        chosen.append((position, Placed(example, "test", stratum, nearest[example.question])))
    return [placed for _, placed in sorted(chosen, key=lambda item: item[0])]
