"""Honest splits: what a test question measures is known, and nothing of it leaks into training.

A split of rows leaks: the same fact stands on both sides. A split of documents makes a closed-book model look hopeless:
it never saw the fact. So the test part has three strata:

- recall: the fact was trained on, in other words;
- unseen: no row about this document was trained on;
- unanswerable: nothing in the documents answers; the right answer is to say so. The whole fact is held out; as many
  others are trained, or nobody could learn to say it.

Training rows stream through. What may become validation or test waits in memory until every training question is
known, because only then can it be told how near the nearest of them comes. It is some 20 % of the rows, up to a bound:
a part of 5,000 questions tells a rate to within 1.4 points, so the parts of a larger set stay at that.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from dyag_core.text.digests import DigestSet, DigestTable
from dyag_core.text.normalise import fold
from dyag_core.text.similarity import Watched

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from dyag_core.records import Example

Part = Literal["train", "val", "test"]
_TRAINED, _HELD = 1, 2
STRATA = ("recall", "unseen", "unanswerable")

#: No test question may be nearer to a training question: 0.8, less the error of a MinHash estimate of it.
TOO_NEAR = 0.75
_NEAR = "too near a training question"
#: A wording is held out for a recall question only once this many others of its fact are trained.
_TRAINED_FIRST = 2
_ALTERNATIVES = 4
#: Held-out documents give this many questions each, so that many documents are asked about rather than one.
_A_DOCUMENT = 2
#: Rows of the validation and of the test part at the most.
LARGEST_PART = 5000


@dataclass
class Candidate:
    """A fact that may be asked in the test, in one or several wordings, the preferred one first."""

    wordings: list[Example]
    order: str


@dataclass
class Placed:
    """A row of the validation or test part."""

    example: Example
    part: Part
    stratum: str | None = None
    similarity: float = 0.0


@dataclass
class Splitter:
    """Decides row by row; the same seed and the same rows give the same split.

    Args:
        shares: of train, validation and test, in any unit (80, 10, 10).
        count: rows wanted altogether; None takes all there are.
        group_of: the group of a document id; documents of one group are all trained on or all held out.
        largest: rows that validation and test may have, each.
    """

    shares: tuple[float, float, float]
    seed: int
    count: int | None = None
    group_of: Callable[[str], str] = str
    largest: int = LARGEST_PART
    trained: int = 0
    set_aside: Counter[str] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)
    refused_for_recall: set[str] = field(default_factory=set)  # questions, as they came too near a trained one

    def __post_init__(self) -> None:
        total = sum(self.shares)
        self._train, self._val, self._test = (share / total for share in self.shares)
        self._train_target = math.inf
        if self.count is not None:
            self._train_target = max(1, self.count - self._wanted(self._val) - self._wanted(self._test))
        self._sides = DigestTable()  # by group
        self._trained_subjects = DigestSet()
        self._shown = DigestSet()  # groups of which training saw a passage
        self._rows_of = DigestTable()  # training rows by fact
        self._held_of: Counter[str] = Counter()  # held-out wordings by fact
        self._whole: dict[str, Part] = {}  # facts held out whole
        self._held: list[tuple[Example, str]] = []
        self._validation: list[Example] = []
        self._unseen: list[Candidate] = []
        self._spare: list[Candidate] = []
        self._unanswerable: dict[str, Candidate] = {}
        self._unanswerable_trained = 0  # facts
        self._current: tuple[str, dict[str, Candidate]] = ("", {})
        self._sparse = 1  # of so many rows that could wait, one does

    # -- row by row --------------------------------------------------------------------------------------------------

    def takes(self, example: Example) -> bool:
        """True where `example` belongs to training now; else it was kept for later, or set aside."""
        group = self.group_of(example.document)
        side = self._sides.get(group) or self._sides.setdefault(group, _HELD if self._is_held(group) else _TRAINED)
        if side == _HELD:
            if group in self._shown:
                self.set_aside["training saw a passage of its document"] += 1
            else:
                self._keep_unseen(example)
            return False
        ids = [fact.id for fact in example.facts]
        if len(ids) == 1 and self._hold_out(example, ids[0]):
            return False
        if any(self._whole.get(fact) for fact in ids) or (len(ids) > 1 and not all(map(self._rows_of.get, ids))):
            self.set_aside["rests on a held-out fact"] += 1
            return False
        if self.trained >= self._train_target:
            self.set_aside["the training part was full"] += 1
            return False
        if not ids and self._val_short() >= 1:
            self._validation.append(example)
            return False
        self.trained += 1
        if len(ids) == 1:
            self._unanswerable_trained += not example.answerable and not self._rows_of.get(ids[0])
            self._rows_of.increment(ids[0])
        self._trained_subjects.update(_subjects(example))
        if self._too_many_wait:
            self._thin()
        return True

    @property
    def held_out(self) -> float:
        """The share of documents, 0 to 1, that the lot holds out of training."""
        return self._test

    def may_show(self, document: str) -> bool:
        """Whether a passage of `document` may stand in a training row: not where the lot holds it out."""
        return self._test == 0 or self._place(self.group_of(document)) >= self._test

    def shows(self, document: str) -> None:
        """A passage of `document` stands in a training row: nothing about it is unseen any more."""
        self._shown.add(self.group_of(document))

    @property
    def full(self) -> bool:
        """True once further examples could not be used (never without a `count`)."""
        if self.count is None or self.trained < self._train_target:
            return False
        quota = self._quotas()
        found = min(quota["recall"], len(self._held)) + min(quota["unanswerable"], len(self._unanswerable))
        return len(self._unseen) >= 1.3 * (sum(quota.values()) - found)

    @property
    def facts_trained(self) -> int:
        """How many facts have a training row of their own."""
        return len(self._rows_of)

    @property
    def wants_recall(self) -> int:
        """How many test questions the stratum recall should have."""
        return self._quotas()["recall"]

    @property
    def wants_test(self) -> bool:
        """False where the test part was given no share."""
        return self._test > 0

    def _is_held(self, group: str) -> bool:
        if self._test == 0:
            return False
        if self.trained >= self._train_target:
            return True
        # The first document is always trained on: a small --count must not end up with nothing to learn.
        return self.trained > 0 and self._place(group) < self._test / self._sparse

    def _place(self, group: str) -> float:
        """Where a group stands from 0 to 1, by chance; the lowest are held out."""
        return int(self._hash(group)[:8], 16) / 2**32

    @property
    def _too_many_wait(self) -> bool:
        most = 2 * self.largest
        return len(self._unseen) > most or len(self._validation) > most or len(self._held) > 1.5 * most

    def _thin(self) -> None:
        """Every other row that waits goes, and half as many come from now on: what stays is spread over all rows."""
        before = len(self._unseen) + len(self._validation) + len(self._held) + len(self._unanswerable)
        self._sparse *= 2
        share = self._test / self._sparse
        self._unseen = [c for c in self._unseen if self._place(self.group_of(c.wordings[0].document)) < share]
        self._validation, self._held = self._validation[::2], self._held[::2]
        for fact in list(self._unanswerable)[1::2]:
            del self._unanswerable[fact]
            self._whole[fact] = "val"  # its other wordings are not trained on either
        after = len(self._unseen) + len(self._validation) + len(self._held) + len(self._unanswerable)
        self.set_aside["beyond what the parts may hold"] += before - after

    def _hold_out(self, example: Example, fact: str) -> bool:
        """Whether this wording, or its whole fact, is kept from training."""
        if self._whole.get(fact) == "test":
            self._add_wording(self._unanswerable[fact], example)
            return True
        if self._whole.get(fact) == "val":
            self.set_aside["another wording of a held-out fact"] += 1
            return True
        rows = self._rows_of.get(fact)
        first = not rows
        # Not knowing is learnt from examples, too: every other fact that nothing answers stays in training.
        spared = len(self._unanswerable) < self._unanswerable_trained
        if first and not example.answerable and spared and len(self._unanswerable) < self._due(self._test / 4):
            self._whole[fact] = "test"
            self._unanswerable[fact] = Candidate([example], self._hash(fact))
            return True
        behind = 2 if self.trained < self._train_target else 1
        if first and example.answerable and self._val_short() >= behind:
            # The generator makes one wording a fact: validation gets whole facts.
            self._whole[fact] = "val"
            self._validation.append(example)
            return True
        enough = rows >= _TRAINED_FIRST and self._held_of[fact] < 2 and example.answerable
        if enough and len(self._held) < self._due(self._val + self._test / 2):
            self._held_of[fact] += 1
            self._held.append((example, fact))
            return True
        return False

    def _due(self, share: float) -> int:
        """How many rows a part with this share should have by now; a row ahead rather than behind."""
        rows = min(self.trained + 1, self._train_target)
        return math.ceil(share / self._train / self._sparse * rows)

    def _val_short(self) -> int:
        due = math.ceil(self._val / self._train / self._sparse * self.trained)
        return due - len(self._validation) - len(self._held)

    def _keep_unseen(self, example: Example) -> None:
        if example.other_facts:
            self.set_aside["rests on a held-out fact"] += 1
            return
        if example.document != self._current[0]:
            self._close_document()
            self._current = (example.document, {})
        fact = example.fact.id if example.fact else self._hash(example.question)
        candidates = self._current[1]
        if fact in candidates:
            self._add_wording(candidates[fact], example)
        else:
            candidates[fact] = Candidate([example], self._hash(fact))

    def _close_document(self) -> None:
        """Choose what the held-out document just read is asked about."""
        found = sorted(self._current[1].values(), key=lambda candidate: candidate.order)
        answerable = [candidate for candidate in found if candidate.wordings[0].answerable]
        wanted = len(answerable)
        if self.count is not None:
            wanted = max(_A_DOCUMENT, math.ceil(sum(self._quotas().values()) / 20))
        self._unseen += answerable[:wanted]
        for candidate in answerable[wanted:]:
            if len(self._spare) < (self.count or 0):
                candidate.order = f"~{candidate.order}"  # behind every hash: used only where the others don't suffice
                self._spare.append(candidate)
            else:
                self.set_aside["beyond what the test part needs"] += len(candidate.wordings)
        for candidate in found:
            first = candidate.wordings[0]
            if first.fact is None or first.answerable:
                continue
            if len(self._unanswerable) < self._due(self._test / 4):
                self._unanswerable[first.fact.id] = candidate
            else:
                self.set_aside["beyond what the test part needs"] += len(candidate.wordings)
        self._current = ("", {})

    def _add_wording(self, candidate: Candidate, example: Example) -> None:
        if len(candidate.wordings) < _ALTERNATIVES:
            candidate.wordings.append(example)
        else:
            self.set_aside["another wording of a held-out fact"] += 1

    # -- when all is known -------------------------------------------------------------------------------------------

    def finish(self, train_questions: Iterable[str]) -> list[Placed]:
        """The rows of validation and test, none of them too near a training question, in a fixed order."""
        self._close_document()
        held = [Candidate([example], self._hash(f"{fact}\x1f{example.question}")) for example, fact in self._held]
        asked_about_once = [candidate for candidate in self._unseen + self._spare if self._is_new(candidate)]
        pools = {"recall": held, "unanswerable": list(self._unanswerable.values()), "unseen": asked_about_once}
        watched = [example.question for pool in pools.values() for c in pool for example in c.wordings]
        best = dict(zip(watched, Watched(watched).nearest(train_questions), strict=True))
        quota = self._quotas()
        short = sum(quota.values())
        test: list[Placed] = []
        for stratum, pool in pools.items():
            wanted = min(quota[stratum], short) if stratum != "unseen" else short
            taken = self._choose(stratum, pool, wanted, best)
            test += taken
            short -= len(taken)
        asked = {placed.example.question for placed in test}
        validation = [*self._validation, *(example for example, _ in self._held if example.question not in asked)]
        wanted_val = self._wanted(self._val)
        # of a large set: from all over it
        step = max(1, len(validation) // wanted_val) if self._sparse > 1 and wanted_val else 1
        used = validation[::step][:wanted_val]
        # What recall refused still serves for validation; the rest of it is counted as what it is.
        refused = len(self.refused_for_recall - {example.question for example in used})
        self.rejected += Counter({_NEAR: refused})
        self.set_aside["beyond what the validation part needs"] += len(validation) - len(used) - refused
        return [Placed(example, "val") for example in used] + test

    def _choose(self, stratum: str, pool: list[Candidate], wanted: int, best: dict[str, float]) -> list[Placed]:
        chosen: list[tuple[int, Placed]] = []
        # Input order would ask about the first documents only: the order is that of a seeded hash.
        for position in sorted(range(len(pool)), key=lambda n: pool[n].order):
            candidate = pool[position]
            if len(chosen) == wanted:
                if stratum != "recall":
                    self.set_aside["beyond what the test part needs"] += len(candidate.wordings)
                continue
            example = next((e for e in candidate.wordings if best[e.question] <= TOO_NEAR), None)
            if example is None:
                if stratum == "recall":
                    self.refused_for_recall.add(candidate.wordings[0].question)
                else:
                    self.rejected[_NEAR] += 1
                continue
            self.set_aside["another wording of a held-out fact"] += len(candidate.wordings) - 1
            chosen.append((position, Placed(example, "test", stratum, best[example.question])))
        return [placed for _, placed in sorted(chosen, key=lambda item: item[0])]

    def _is_new(self, candidate: Candidate) -> bool:
        """Two documents may carry one name; if one of them was trained on, the other isn't unseen."""
        if any(subject in self._trained_subjects for subject in _subjects(candidate.wordings[0])):
            self.rejected["its subject has the name of a trained document"] += 1
            return False
        return True

    def _quotas(self) -> dict[str, int]:
        total = self._wanted(self._test)
        recall = math.ceil(total / 2)
        unseen = math.ceil((total - recall) / 2)
        return {"recall": recall, "unseen": unseen, "unanswerable": total - recall - unseen}

    def _wanted(self, share: float) -> int:
        """How many rows the part with this share should have in the end."""
        rows = self.count * share if self.count is not None else self.trained * share / self._train
        return min(round(rows), self.largest)

    def _hash(self, key: str) -> str:
        return hashlib.sha256(f"{self.seed}\x1f{key}".encode("utf-8", "surrogatepass")).hexdigest()


def _subjects(example: Example) -> set[str]:
    """What it is about: the subjects of its facts, or the one that a generator without facts puts into `meta`."""
    named = example.meta.get("subject")
    subjects = [fact.subject for fact in example.facts] or ([named] if isinstance(named, str) else [])
    return {fold(subject) for subject in subjects}
