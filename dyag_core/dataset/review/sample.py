"""Which rows are read, and what their verdicts say of all rows."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, get_args

from dyag_core.artifacts import sha256_of
from dyag_core.records.review import Share, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dyag_core.records import Question
    from dyag_core.records.review import Review, ReviewRow


def row_key(question: Question) -> str:
    """A row's name in the file of verdicts: 16 hex digits over all of its words."""
    words = [message.model_dump() for message in question.messages]
    return sha256_of([words, question.expected_answer])[:16]


def drawn(questions: Sequence[Question], size: int, seed: int) -> list[int]:
    """Places of `size` rows by lot, in the order of the file: a second row of a document only when each has one."""
    lots = sorted((sha256_of([seed, row_key(question)]), place) for place, question in enumerate(questions))
    taken: Counter[str] = Counter()
    ranked = []
    for lot, place in lots:
        document = questions[place].document or str(place)
        ranked.append((taken[document], lot, place))
        taken[document] += 1
    return sorted(place for *_, place in sorted(ranked)[:size])


def judged(found: Review, sample: Sequence[ReviewRow]) -> Review:
    """`found` with these rows for its sample, and what their verdicts come to."""
    verdicts = [row.verdict for row in sample if row.verdict]
    return found.model_copy(update={"sample": tuple(sample), "read": len(verdicts), "shares": shares(verdicts)})


def shares(verdicts: Sequence[Verdict]) -> dict[Verdict, Share]:
    """The part of each verdict; {} where nothing was read."""
    from scipy.stats import binomtest

    counted = Counter(verdicts)
    found: dict[Verdict, Share] = {}
    for verdict in get_args(Verdict) if verdicts else ():
        interval = binomtest(counted[verdict], len(verdicts)).proportion_ci(method="wilson")
        low, high = 100 * float(interval.low), 100 * float(interval.high)
        percent = 100 * counted[verdict] / len(verdicts)
        found[verdict] = Share(count=counted[verdict], percent=percent, low=low, high=high)
    return found
