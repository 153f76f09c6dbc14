"""The same arm asked again: how far it differs from itself, which is what no difference between arms can go below.

Where answers are sampled, each repetition draws with another seed. Where they are greedy, it asks in another order: the
questions that share a batch with one, or a server's other load, may then change an answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dyag_core.records import Difference
from dyag_core.stages.matching import Text
from dyag_core.stages.sentences import say
from dyag_core.stats import summarise
from dyag_core.wording import arm_name, capital, listed, metric_phrase, number, rounded, unit_name

if TYPE_CHECKING:
    from dyag_core.manager import Chosen
    from dyag_core.records import ArmSummary, Decoding, MetricResult, Prediction
    from dyag_core.run import Run


def decoding_of(decoding: Decoding, repetition: int) -> Decoding:
    """How a repetition is decoded; the first, 0, as was asked for."""
    return decoding.model_copy(update={"seed": decoding.seed + repetition})


def order_of(count: int, repetition: int, run: Run) -> list[int]:
    """The places of `count` questions in the order in which a repetition asks them; the first as they stand."""
    order = list(range(count))
    if repetition:
        run.random("repeat", repetition).shuffle(order)
    return order


def means(repetitions: Iterable[Sequence[Prediction]], scorers: Sequence[Chosen], run: Run) -> list[dict[str, Any]]:
    """For each repetition the mean of every metric, rates in percent: `repeats` of a results file."""
    return [
        {result.name: _mean(result) for scorer in scorers if (result := run.plugins.score(scorer, predictions, run))}
        for predictions in repetitions
    ]


def _mean(result: MetricResult) -> float | None:
    return summarise(result, [None] * len(result.items)).mean


def noise(repeats: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Metric -> the largest difference between any two repetitions; nothing for a single one."""
    found = {}
    for metric in repeats[0] if len(repeats) > 1 else ():
        values = [value for run in repeats if isinstance(value := run.get(metric), int | float)]
        if len(values) == len(repeats):
            found[metric] = rounded(max(values) - min(values))
    return found


def above_noise(differences: Sequence[Difference], arms: Sequence[ArmSummary]) -> list[Difference]:
    """`differences` without winners that win by no more than one of the two arms differs from itself."""
    floors = {arm.name: arm.noise for arm in arms}
    return [
        d.model_copy(update={"winner": None})
        if d.winner and d.stratum is None and abs(d.difference) <= _floor(d, floors)
        else d
        for d in differences
    ]


def _floor(d: Difference, floors: Mapping[str, Mapping[str, float]]) -> float:
    return max(floors[arm].get(d.metric, -1.0) for arm in (d.a, d.b))


def noise_sentence(arms: Sequence[ArmSummary], primary: str) -> Text | None:
    """How far each arm differs from itself on the primary metric; None where none was asked again."""
    measured = [arm for arm in arms if primary in arm.noise]
    if not measured:
        return None
    return say(
        "noise",
        metric=lambda lang: metric_phrase(primary, lang),
        arms=lambda lang: capital(
            listed(
                [
                    f"{arm_name(arm.name, lang)} {number(arm.noise[primary], lang)} "
                    f"{unit_name(arm.metrics[primary].unit, lang)} ({arm.repeats})"
                    for arm in measured
                ],
                lang,
            )
        ),
        floor=lambda lang: number(max(arm.noise[primary] for arm in measured), lang),
        unit=lambda lang: unit_name(measured[0].metrics[primary].unit, lang),
    )
