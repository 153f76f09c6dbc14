"""How far an arm differs from itself: below that, a difference between two arms says nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dyag_core.comparison.sentences import Sentence, say
from dyag_core.records import Difference
from dyag_core.text.formatting import rounded

if TYPE_CHECKING:
    from dyag_core.records import ArmSummary, MetricDescription


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


def noise_sentence(arms: Sequence[ArmSummary], metric: MetricDescription) -> Sentence | None:
    """How far each arm differs from itself on the primary metric; None where none was asked again."""
    measured = {arm.name: arm.noise[metric.name] for arm in arms if metric.name in arm.noise}
    if not measured:
        return None
    repeats = {arm.name: arm.repeats for arm in arms}
    return say(
        "noise",
        metric=metric,
        arms=[
            say("arm_noise", arm=arm, noise=noise, unit=metric, repeats=repeats[arm]) for arm, noise in measured.items()
        ],
        floor=max(measured.values()),
        unit=metric,
    )
