"""Where the marks of the charts stand, in per cent of the chart's width: the drawing itself is in report.html.jinja.

Positions in per cent let an SVG without a viewBox fill any width while lines and letters keep their size, so the
same chart serves a phone, a screen and a sheet of paper.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from dyag_core import Comparison
from dyag_core.api import arm_name, fill, interval, number, percent, stratum_name, unit_name
from dyag_core.records import Difference
from dyag_plugins.reporters.tables import pair_name
from dyag_plugins.reporters.texts import texts


@dataclass(frozen=True)
class Tick:
    """A mark on the axis: where, and what it says."""

    x: float
    label: str


@dataclass(frozen=True)
class Mark:
    """One line of a chart: a point or bar end at `x` with whiskers; `arm` colours it, `strong` fills it."""

    label: str
    arm: str
    x: float
    low: float
    high: float
    value: str
    detail: str
    strong: bool = True


@dataclass(frozen=True)
class Group:
    """Lines under one heading."""

    label: str
    marks: list[Mark]


@dataclass(frozen=True)
class Chart:
    """Groups of lines over one axis; `zero` is where nothing would stand."""

    groups: list[Group]
    ticks: list[Tick]
    zero: float


def forest(comparison: Comparison, differences: Sequence[Difference], lang: str) -> Chart | None:
    """Paired differences with their intervals around zero, the whole set first, then each stratum."""
    if not differences:
        return None
    scale = Scale.over([0.0, *(bound for d in differences for bound in (d.low, d.high))])
    heads = dict.fromkeys(d.stratum for d in differences)
    groups = [
        Group(
            _head(comparison, differences, stratum, lang),
            [_difference_mark(comparison, d, scale, lang) for d in differences if d.stratum == stratum],
        )
        for stratum in heads
    ]
    return Chart(groups, scale.ticks(lang, sign=True), scale.at(0.0))


def strata_bars(comparison: Comparison, lang: str) -> Chart | None:
    """The primary metric of each arm in each stratum: bars from zero with whiskers. Only for rates."""
    metric = comparison.primary_metric
    if not comparison.strata or comparison.arms[0].metrics[metric].unit != "rate":
        return None
    scale = Scale(0.0, 100.0, 25.0)
    groups = []
    for stratum in comparison.strata:
        marks = []
        size = 0
        for arm in comparison.arms:
            found = arm.strata.get(stratum, {}).get(metric)
            if found is None or found.mean is None or found.low is None or found.high is None:
                continue
            size = max(size, found.n)
            marks.append(
                Mark(
                    arm_name(arm.name, lang),
                    arm.name,
                    scale.at(found.mean),
                    scale.at(found.low),
                    scale.at(found.high),
                    percent(found.mean, lang),
                    interval(found.low, found.high, lang),
                )
            )
        groups.append(Group(f"{stratum_name(stratum, lang)} ({size})", marks))
    return Chart(groups, scale.ticks(lang), scale.at(0.0))


def _head(comparison: Comparison, differences: Sequence[Difference], stratum: str | None, lang: str) -> str:
    """The stratum, and why its marks are grey where it has too few questions; for the whole set, its size."""
    if stratum is not None:
        inside = [d for d in differences if d.stratum == stratum]
        name = stratum_name(stratum, lang)
        sizes = {
            "group_too_few": (min(d.n for d in inside), comparison.method.get("minimum_questions", 30)),
            "group_of_few_documents": (
                min(d.n if d.n_documents is None else d.n_documents for d in inside),
                comparison.method.get("minimum_documents", 8),
            ),
        }
        for key, (size, minimum) in sizes.items():
            if size < minimum:
                return fill(texts(lang)[key], lang, {"stratum": name, "n": size, "minimum": minimum})
        return name
    return fill(texts(lang)["questions"], lang, {"n": comparison.n_questions})


def _difference_mark(comparison: Comparison, d: Difference, scale: Scale, lang: str) -> Mark:
    return Mark(
        pair_name(d, lang),
        d.winner or "",
        scale.at(d.difference),
        scale.at(d.low),
        scale.at(d.high),
        f"{number(d.difference, lang, sign=True)} {unit_name(d.unit, lang, comparison.metric(d.metric))}",
        interval(d.low, d.high, lang, sign=True),
        strong=d.winner is not None,
    )


@dataclass(frozen=True)
class Scale:
    """A straight scale from `low` to `high` with a tick every `step`."""

    low: float
    high: float
    step: float

    @classmethod
    def over(cls, values: Sequence[float]) -> Scale:
        """One that holds all values, ends on ticks, and has about five of them."""
        spread = max(values) - min(values) or 1.0
        size = 10.0 ** math.floor(math.log10(spread / 4))
        step = next(m * size for m in (1, 2, 2.5, 5, 10) if m * size >= spread / 5)
        return cls(math.floor(min(values) / step) * step, math.ceil(max(values) / step) * step, step)

    def at(self, value: float) -> float:
        """Per cent of the width, from the left; 2 % are left free on either side for the marks' own size."""
        return round(2 + 96 * (value - self.low) / (self.high - self.low), 2)

    def ticks(self, lang: str, *, sign: bool = False) -> list[Tick]:
        """Every step from end to end."""
        count = round((self.high - self.low) / self.step)
        values = [round(self.low + i * self.step, 6) for i in range(count + 1)]
        return [Tick(self.at(v), number(int(v) if v == int(v) else v, lang, sign=sign)) for v in values]
