"""What to do next, from what the comparison found; each step with its number."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Literal

from dyag_core.comparison.sentences import in_words, say
from dyag_core.comparison.statistics import Measured
from dyag_core.records import Difference, NextStep
from dyag_core.records.comparison import MINIMUM_QUESTIONS

#: A kind of error that is rarer than this share of all questions is no reason to change anything.
_WORTH_A_STEP = 0.05
#: The difference that a comparison should be able to see, in points.
_TARGET = 5

Kind = Literal["failed", "retrieval", "context", "abstention", "truncated"]
_KINDS: dict[str, Kind] = {
    "failed": "failed",
    "retrieval_missed": "retrieval",
    "context_ignored": "context",
    "should_have_abstained": "abstention",
}
#: Answers about one document go together: with fewer documents, intervals are wide however many the questions are.
_FEW_DOCUMENTS = 10
#: No sample is too small for these.
_PLAIN_FACTS = ("failed", "truncated")


def next_steps(measured: Measured, tied: Sequence[str], errors: Mapping[str, Mapping[str, int]]) -> list[NextStep]:
    """More documents or questions where these are too few, then what the errors ask for, the most frequent first.

    Only the arms in `tied` (the leader alone, where there is one) are worth the work.
    """
    n = measured.n
    if measured.n_documents < min(n, _FEW_DOCUMENTS):
        steps = [_more_documents(n, measured.n_documents)]
    else:
        steps = _more_questions(tied, measured.differences)
    steps += _small_strata(measured.differences)
    found: list[tuple[int, Kind, str]] = []
    for arm in (arm for arm in measured.arms if arm.name in tied):
        found += [(count, _KINDS[kind], arm.name) for kind, count in errors.get(arm.name, {}).items() if kind in _KINDS]
        if arm.truncated:
            found.append((arm.truncated, "truncated", arm.name))
    for count, kind, name in sorted(found, key=lambda step: -step[0]):
        enough = n >= MINIMUM_QUESTIONS or kind in _PLAIN_FACTS
        if enough and count >= _WORTH_A_STEP * n:
            steps.append(_step(kind, name, count, measured.n_unanswerable if kind == "abstention" else n))
    return steps


def _step(kind: Kind, arm: str, count: int, n: int) -> NextStep:
    text = in_words(say(f"next_{kind}", arm=arm, count=count, n=n))
    return NextStep(kind=kind, text=text, numbers={"count": count, "n": n})


def _more_documents(n: int, n_documents: int) -> NextStep:
    text = in_words(say("ask_more_documents", n=n, documents=n_documents))
    return NextStep(kind="ask_more", text=text, numbers={"n": n, "documents": n_documents})


def _more_questions(tied: Sequence[str], differences: Sequence[Difference]) -> list[NextStep]:
    """Where the best arms can't be told apart, and a difference of a few points would have gone unseen."""
    overall = [d for d in differences if d.primary and d.stratum is None and d.unit == "rate"]
    open_pairs = [d for d in overall if d.winner is None and {d.a, d.b} <= set(tied)]
    widest = max(open_pairs, key=lambda d: d.detectable or 0.0, default=None)
    if widest is None or not widest.detectable or widest.detectable <= _TARGET:
        return []
    # The smallest visible difference shrinks with the root of the number of questions.
    needed = math.ceil(widest.n * (widest.detectable / _TARGET) ** 2 / 10) * 10
    seen = widest.detectable
    numbers = {"n": widest.n, "detectable": seen, "target": _TARGET, "needed": needed}
    return [NextStep(kind="ask_more", text=in_words(say("ask_more", unit="rate", **numbers)), numbers=numbers)]


def _small_strata(differences: Sequence[Difference]) -> list[NextStep]:
    sizes: dict[str, int] = {}
    for d in differences:
        if d.stratum is not None:
            sizes[d.stratum] = min(d.n, sizes.get(d.stratum, d.n))
    small = {stratum: n for stratum, n in sizes.items() if n < MINIMUM_QUESTIONS}
    if not small:
        return []
    strata = [say("stratum_size", stratum=stratum, n=n) for stratum, n in small.items()]
    text = in_words(say("ask_more_stratum", strata=strata, minimum=MINIMUM_QUESTIONS))
    return [NextStep(kind="ask_more", text=text, numbers={**small, "minimum": MINIMUM_QUESTIONS})]
