"""A split of all there is, decided row by row while training rows stream through.

What may become validation or test waits in memory until every training question is known, because only then can it be
told how near the nearest of them comes. It is some 20 % of the rows, up to a bound (`LARGEST_PART`).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from dyag_core.dataset.splits.learnt import Learnt
from dyag_core.dataset.splits.ledger import Ledger
from dyag_core.dataset.splits.lot import Lot
from dyag_core.dataset.splits.shares import LARGEST_PART, Part, Quotas, Shares
from dyag_core.dataset.splits.strata import (
    BEYOND_TEST,
    NEAR,
    OTHER_WORDING,
    Candidate,
    Placed,
    fill_test,
    without_namesakes,
)
from dyag_core.dataset.splits.streamed_documents import HeldDocuments, Sides
from dyag_core.dataset.splits.streamed_wordings import HeldWordings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from dyag_core.records import Example

RESTS_ON_HELD = "rests on a held-out fact"
SPARE = "a spare wording that recall does not need"
#: So many times the spare wordings that recall needs are held out.
_SPARES = 1.5


class StreamedSplit:
    """Decides row by row; the same seed and the same rows give the same split.

    Args:
        shares: of train, validation and test, in any unit (80, 10, 10).
        group_of: the group of a document id; documents of one group are all trained on or all held out.
        largest: rows that validation and test may have, each.
    """

    enough = False

    def __init__(
        self,
        shares: tuple[float, float, float],
        seed: int,
        group_of: Callable[[str], str] = str,
        largest: int = LARGEST_PART,
    ) -> None:
        self.shares, self.lot, self.largest = Shares.of(shares), Lot(seed, group_of), largest
        self.ledger, self.learnt = Ledger(), Learnt()
        self._sides = Sides(self.lot, self.shares.test)
        self._documents = HeldDocuments(self.lot, self.ledger)
        self._wordings = HeldWordings()
        self._unanswerable: dict[str, Candidate] = {}  # by fact
        self._whole: dict[str, Part] = {}  # facts of trained documents that are held out whole
        self._validation: list[Example] = []
        self._sparse = 1  # of so many rows that could wait, one does

    # -- row by row --------------------------------------------------------------------------------------------------

    def takes(self, example: Example) -> bool:
        """True where `example` belongs to training now; else it was kept for later, or set aside."""
        group = self.lot.group_of(example.document)
        if self._sides.is_held(group, self._sparse, self.learnt.rows):
            self._keep_unseen(example, group)
            return False
        ids = [fact.id for fact in example.facts]
        if len(ids) == 1 and self._holds_out(example, ids[0]):
            return False
        if any(self._whole.get(fact) for fact in ids) or (len(ids) > 1 and not self.learnt.all_of(ids)):
            self.ledger.set_aside[RESTS_ON_HELD] += 1
            return False
        if example.spare:
            self.ledger.set_aside[SPARE] += 1
            return False
        if not ids and self._val_short() >= 1:
            self._validation.append(example)
            return False
        self.learnt.add(example)
        if self._too_many_wait:
            self._thin()
        return True

    def _keep_unseen(self, example: Example, group: str) -> None:
        if self._sides.was_shown(group):
            self.ledger.set_aside["training saw a passage of its document"] += 1
        elif example.other_facts:
            self.ledger.set_aside[RESTS_ON_HELD] += 1
        elif example.spare:
            self.ledger.set_aside[SPARE] += 1
        else:
            self._keep_unanswerable(self._documents.add(example))

    def _keep_unanswerable(self, candidates: Iterable[Candidate]) -> None:
        """Facts that a held-out document doesn't tell: as many as the test should have by now."""
        for candidate in candidates:
            if len(self._unanswerable) < self._due(self.shares.test / 4):
                self._unanswerable[candidate.wordings[0].facts[0].id] = candidate
            else:
                self.ledger.set_aside[BEYOND_TEST] += len(candidate.wordings)

    def _holds_out(self, example: Example, fact: str) -> bool:
        """Whether this wording, or its whole fact, is kept from training."""
        whole = self._whole.get(fact)
        if whole == "test":
            self._unanswerable[fact].add(example, self.ledger)
        elif whole == "val":
            self.ledger.set_aside[OTHER_WORDING] += 1
        elif not (trained := self.learnt.facts.get(fact)):
            return self._holds_out_whole(example, fact)
        elif not self._wants_wording(example, fact, trained):
            return False
        else:
            self._wordings.add(example, fact)
        return True

    def _holds_out_whole(self, example: Example, fact: str) -> bool:
        """Whether a fact that comes for the first time stays out of training, with all its wordings."""
        if example.answerable:
            # The generator makes one wording a fact: validation gets whole facts.
            if self._val_short() < 2:
                return False
            self._whole[fact] = "val"
            self._validation.append(example)
            return True
        # Not knowing is learnt from examples, too: every other fact that nothing answers stays in training.
        found = len(self._unanswerable)
        if found >= self.learnt.unknown or found >= self._due(self.shares.test / 4):
            return False
        self._whole[fact] = "test"
        self._unanswerable[fact] = Candidate([example], self.lot.order(fact))
        return True

    def _wants_wording(self, example: Example, fact: str, trained: int) -> bool:
        """Whether a further wording of a trained fact is held out, for recall or for validation."""
        if not example.answerable or not self._wordings.wants(fact, trained, spare=example.spare):
            return False
        # Spare wordings are there for recall alone; some will be too near a training question.
        share = _SPARES * self.shares.test / 2 if example.spare else self.shares.val + self.shares.test / 2
        return len(self._wordings) < self._due(share)

    def _due(self, share: float) -> int:
        """How many rows a part with this share should have by now; a row ahead rather than behind."""
        return math.ceil(share / self.shares.train / self._sparse * (self.learnt.rows + 1))

    def _val_short(self) -> int:
        due = math.ceil(self.shares.val / self.shares.train / self._sparse * self.learnt.rows)
        return due - len(self._validation) - len(self._wordings) + self._wordings.spares

    # -- where a great many wait -------------------------------------------------------------------------------------

    @property
    def _too_many_wait(self) -> bool:
        most, waiting = 2 * self.largest, len(self._validation)
        return len(self._documents.unseen) > most or waiting > most or len(self._wordings) > 1.5 * most

    def _thin(self) -> None:
        """Every other row that waits goes, and half as many come from now on: what stays is spread over all rows."""
        self._sparse *= 2
        gone = self._documents.thin(self.shares.test / self._sparse) + self._wordings.thin()
        gone += len(self._validation) // 2
        self._validation = self._validation[::2]
        for fact in list(self._unanswerable)[1::2]:
            del self._unanswerable[fact]
            self._whole[fact] = "val"  # its other wordings are not trained on either
            gone += 1
        self.ledger.set_aside["beyond what the parts may hold"] += gone

    # -- when all is known -------------------------------------------------------------------------------------------

    def waiting(self) -> Sequence[Example]:
        """None: every training row was taken as it came."""
        return ()

    def finish(self, train_questions: Iterable[str]) -> list[Placed]:
        """The rows of validation and test, none of them too near a training question, in a fixed order."""
        self._keep_unanswerable(self._documents.close())
        pools = {
            "recall": self._wordings.candidates(self.lot),
            "unanswerable": list(self._unanswerable.values()),
            "unseen": without_namesakes(self._documents.unseen, self.learnt, self.ledger),
        }
        test = fill_test(pools, self.quotas, train_questions, self.ledger)
        asked = {placed.example.question for placed in test}
        return [*self._fill_validation(asked), *test]

    def _fill_validation(self, asked: set[str]) -> list[Placed]:
        """What waited for it, and the wordings held out for recall that the test didn't ask."""
        rows = [*self._validation, *(example for example in self._wordings.examples if example.question not in asked)]
        wanted = self._wanted(self.shares.val)
        # of a large set: from all over it
        step = max(1, len(rows) // wanted) if self._sparse > 1 and wanted else 1
        used = rows[::step][:wanted]
        # What recall refused still serves for validation; the rest of it is counted as what it is.
        refused = len(self.ledger.refused_for_recall - {example.question for example in used})
        if refused:
            self.ledger.rejected[NEAR] += refused
        self.ledger.set_aside["beyond what the validation part needs"] += len(rows) - len(used) - refused
        return [Placed(example, "val") for example in used]

    @property
    def quotas(self) -> Quotas:
        """How many questions the strata of the test should have."""
        return Quotas.of(self._wanted(self.shares.test))

    def _wanted(self, share: float) -> int:
        """How many rows the part with this share should have in the end."""
        return min(round(self.learnt.rows * share / self.shares.train), self.largest)

    @property
    def facts_trained(self) -> int:
        """How many facts have a training row of their own."""
        return len(self.learnt.facts)

    def may_show(self, document: str) -> bool:
        """Whether a passage of `document` may stand in a training row: not where the lot holds it out."""
        return self._sides.may_show(document)

    def shows(self, document: str) -> None:
        """A passage of `document` stands in a training row: nothing about it is unseen any more."""
        self._sides.show(document)

    def reachable(self, documents: int) -> float:
        """Of so many documents, how many the lot leaves to training."""
        return documents * (1 - self.shares.test)
