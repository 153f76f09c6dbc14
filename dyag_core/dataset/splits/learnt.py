"""What training has learnt: the facts, the subjects, and how often it was told that nothing answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dyag_core.text.digests import DigestSet, DigestTable
from dyag_core.text.normalise import fold

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dyag_core.records import Example


@dataclass
class Learnt:
    """Grows with each training row; some 50 bytes a fact."""

    rows: int = 0
    facts: DigestTable = field(default_factory=DigestTable)  # training rows by fact
    unknown: int = 0  # facts that nothing answers
    _subjects: DigestSet = field(default_factory=DigestSet)

    def add(self, example: Example) -> None:
        """`example` is a training row. One that rests on several facts teaches none of them on its own."""
        facts = example.facts
        self.rows += 1
        if len(facts) == 1:
            fact = facts[0].id
            self.unknown += not example.answerable and not self.facts.get(fact)
            self.facts.increment(fact)
        self._subjects.update(_subjects(example))

    def all_of(self, facts: Iterable[str]) -> bool:
        """Whether each of these facts has a training row of its own."""
        return all(map(self.facts.get, facts))

    def names(self, example: Example) -> bool:
        """Whether a trained document has the name of what `example` is about: two documents may carry one."""
        return any(subject in self._subjects for subject in _subjects(example))


def _subjects(example: Example) -> set[str]:
    """What it is about: the subjects of its facts, or the one that a generator without facts puts into `meta`."""
    named = example.meta.get("subject")
    subjects = [fact.subject for fact in example.facts] or ([named] if isinstance(named, str) else [])
    return {fold(subject) for subject in subjects}
