"""Answers that may be refusals in words that no rule knows: which they are, and whether they could change the verdict.

They count as wrong. Where the verdict would be another one if they counted as refusals, all of them or those of one arm
alone, a person has to read them before anybody believes it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from dyag_core.comparison.matching import Matched
from dyag_core.comparison.result_files import Item, ResultFile
from dyag_core.comparison.scoring import Scored
from dyag_core.comparison.statistics import measure
from dyag_core.comparison.verdict import Verdict, decide
from dyag_core.records import PossibleRefusal, Prediction
from dyag_core.text.abstention import might_abstain

#: A reader sees by so many of an arm's answers in which words it refuses.
SHOWN = 20

#: Arm -> places of its answers.
Places = Mapping[str, list[int]]


def find(matched: Matched) -> dict[str, list[int]]:
    """The answers of each arm to unanswerable questions that may be refusals but aren't counted as such."""
    return {
        arm: [i for i, item in enumerate(items) if _may_refuse(matched.questions[i], item)]
        for arm, items in matched.items.items()
    }


def listed(matched: Matched, places: Places) -> list[PossibleRefusal]:
    """The first of them, arm by arm, for a person to read."""
    return [
        PossibleRefusal(
            arm=arm,
            id=matched.questions[i].id,
            question=matched.questions[i].question,
            answer=matched.items[arm][i].prediction.answer,
        )
        for arm, found in places.items()
        for i in found[:SHOWN]
    ]


def could_change(
    verdict: Verdict, places: Places, files: Mapping[str, ResultFile], matched: Matched, scored: Scored, primary: str
) -> bool:
    """Whether the verdict would be another one if they counted as refusals: all of them, or those of one arm alone."""
    if verdict.kind == "too_few" or not any(places.values()) or not _rewards_refusals(scored, primary, matched):
        return False
    return any(
        _outcome(decide(measure(files, matched, recounted, primary))) != _outcome(verdict)
        for recounted in _recounted(scored, primary, places)
    )


def _may_refuse(question: Prediction, item: Item) -> bool:
    said = item.prediction
    if question.answerable or item.abstained or said.error is not None:
        return False
    return might_abstain(said.answer, said.question, truncated=said.truncated)


def _rewards_refusals(scored: Scored, primary: str, matched: Matched) -> bool:
    """Whether a refusal is right on this metric where nothing answers the question.

    What the refusals that were counted got tells so; where there are none, a metric that calls itself primary does.
    """
    got = {
        result.items[i]
        for arm, result in scored.metrics[primary].items()
        for i, item in enumerate(matched.items[arm])
        if item.abstained and not matched.questions[i].answerable
    }
    return got == {1.0} if got else scored.descriptions[primary].primary


def _recounted(scored: Scored, primary: str, places: Places) -> Iterator[Scored]:
    by_arm = scored.metrics[primary]
    affected = [arm for arm, found in places.items() if found]
    for arms in [affected, *([arm] for arm in affected if len(affected) > 1)]:
        results = dict(by_arm)
        for arm in arms:
            items = list(by_arm[arm].items)
            for i in places[arm]:
                items[i] = 1.0
            results[arm] = by_arm[arm].model_copy(update={"items": items})
        yield replace(scored, metrics={primary: results})


def _outcome(verdict: Verdict) -> tuple[str | None, str | None, tuple[str, ...]]:
    return verdict.kind, verdict.place.leader, tuple(verdict.place.tied)
