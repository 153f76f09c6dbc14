"""The steps in which a sample is divided. Each takes rows in the order of the sample and draws some of them."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from dyag_core.dataset.splits.strata import ALTERNATIVES, Candidate

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dyag_core.dataset.splits.lot import Lot
    from dyag_core.dataset.splits.sample import SampledRow

#: A held-out document is asked about so many things, so that many documents are asked about rather than one.
_A_DOCUMENT = 2
#: So many times the questions that are wanted are held out: some will be too near a training question.
_MARGIN = 1.5


def by_fact(rows: Iterable[SampledRow]) -> dict[str, list[SampledRow]]:
    """The wordings of each fact, the plain one first; rows on several facts are left out."""
    facts: dict[str, list[SampledRow]] = defaultdict(list)
    for row in rows:
        if row.fact:
            facts[row.fact].append(row)
    return facts


def held_documents(rows: Sequence[SampledRow], wanted: int, share: float, lot: Lot) -> set[str]:
    """Groups of documents that training never sees: the first of the lot, until they give `wanted` questions.

    Args:
        share: of the groups at the most. Training keeps as large a part of the rows, and one group at least.
    """
    questions: Counter[str] = Counter()
    sizes: Counter[str] = Counter()
    for row in rows:
        group = lot.group_of(row.example.document)
        sizes[group] += not row.example.spare
        questions[group] += bool(row.fact) and row.wording == 0 and row.example.answerable
    held: set[str] = set()
    found, left, most = 0, (1 - share) * sizes.total(), min(math.ceil(share * len(sizes)), len(sizes) - 1)
    kept = sizes.total()
    for group in sorted(sizes, key=lot.place):
        if found >= _MARGIN * wanted or len(held) == most:
            break
        if questions[group] and kept - sizes[group] >= left - _A_DOCUMENT:
            held.add(group)
            found += min(_A_DOCUMENT, questions[group])
            kept -= sizes[group]
    return held


def held_unanswerable(trained: Sequence[SampledRow], rows: Sequence[SampledRow], wanted: int) -> list[SampledRow]:
    """All wordings of facts that nothing answers: of every second, since not knowing is learnt from examples, too."""
    facts = list(dict.fromkeys(row.fact for row in trained if row.fact and not row.example.answerable))
    held = set(facts[1::2][:wanted])
    return [row for row in rows if row.fact in held]


def with_another_wording(rows: Iterable[SampledRow]) -> dict[str, list[SampledRow]]:
    """The wordings of each fact that could be trained in one and tested in another."""
    return {
        fact: found
        for fact, found in by_fact(rows).items()
        if len(found) > 1 and found[0].example.answerable and not found[0].example.spare
    }


def held_wordings(trained: Sequence[SampledRow], rows: Sequence[SampledRow], wanted: int, lot: Lot) -> list[SampledRow]:
    """A wording each of facts that are trained in another: one that was made for it, else the last."""
    plain = {row.fact for row in trained if row.wording == 0}
    several = {fact: found for fact, found in with_another_wording(rows).items() if fact in plain}
    drawn = sorted(several, key=lambda fact: lot.order(f"{fact}\x1frecall"))[:wanted]
    return [next((row for row in several[fact] if row.example.spare), several[fact][-1]) for fact in drawn]


def without(rows: Iterable[SampledRow], others: Iterable[SampledRow]) -> list[SampledRow]:
    """`rows` but for `others`."""
    gone = {row.number for row in others}
    return [row for row in rows if row.number not in gone]


def with_combined(
    rows: Sequence[SampledRow], combined: Iterable[SampledRow], wanted: int, share: float
) -> list[SampledRow]:
    """`rows` with rows on several facts among them, each behind plain rows on its facts.

    They come when each document is touched: before, they would ask about one twice.

    Args:
        wanted: training rows. Of these, rows on several facts are `share`, or fewer: what they rest on must fit in.
    """
    touched = [row for row in rows if row.rank == 0 and row.wording == 0]
    known = {row.fact: row for row in rows if row.wording == 0}
    drawn: dict[int, SampledRow] = {row.number: row for row in touched}
    left = min(round(wanted * share), wanted - len(touched))
    for row in combined if left > 0 else ():
        facts = known | {fact.fact: fact for fact in row.rests_on}
        if left > 0 and all(fact.id in facts for fact in row.example.facts):
            needed = [*(facts[fact.id] for fact in row.example.facts), row]
            if len(drawn.keys() | {part.number for part in needed}) <= wanted:
                drawn |= {part.number: part for part in needed if part.number not in drawn}
                left -= 1
    return [*drawn.values(), *(row for row in rows if row.number not in drawn)]


def training_rows(rows: Iterable[SampledRow], wanted: int, *, whole_facts: bool) -> list[SampledRow]:
    """The first `wanted`.

    Args:
        whole_facts: a row on several facts only after rows on each of them: else it would give away one held out.
    """
    taken: list[SampledRow] = []
    taught: set[str] = set()
    for row in rows:
        if len(taken) == wanted:
            break
        if row.fact:
            taught.add(row.fact)
        elif whole_facts and not taught.issuperset(fact.id for fact in row.example.facts):
            continue
        taken.append(row)
    return taken


def unseen_candidates(rows: Iterable[SampledRow]) -> list[Candidate]:
    """What the documents of `rows` answer; first one question about each of them."""
    return [_candidate(found) for found in by_fact(rows).values() if found[0].example.answerable]


def unanswerable_candidates(rows: Iterable[SampledRow]) -> list[Candidate]:
    """What the documents of `rows` don't answer."""
    return [_candidate(found) for found in by_fact(rows).values() if not found[0].example.answerable]


def recall_candidates(rows: Iterable[SampledRow]) -> list[Candidate]:
    """Wordings of trained facts; first one of each document."""
    return [_candidate([row]) for row in rows]


def _candidate(wordings: Sequence[SampledRow]) -> Candidate:
    first = wordings[0]
    return Candidate([row.example for row in wordings[:ALTERNATIVES]], f"{first.rank:09}{first.lot}")
