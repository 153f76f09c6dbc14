"""Differences and means as parts of a sentence."""

from __future__ import annotations

from collections.abc import Sequence

from dyag_core.comparison.sentences import Part, Sentence, say
from dyag_core.evaluation.stats import ALPHA
from dyag_core.records import Difference, MetricDescription, MetricSummary


def quantity(summary: MetricSummary, metric: MetricDescription) -> Sentence:
    """A mean with its unit; a rate in per cent."""
    return amount(summary.mean or 0.0, metric)


def amount(value: float, metric: MetricDescription) -> Sentence:
    """A number with its metric's unit; a rate in per cent."""
    return say("rate", value=value) if metric.unit == "rate" else say("amount", value=value, unit=metric)


def wins(differences: Sequence[Difference], metric: MetricDescription) -> list[Sentence]:
    """ "RAG by 12.0 points (95% interval 5.1 to 18.9) and the base model by ..."; sizes without a sign."""
    sizes = [d if d.difference >= 0 else d.seen_from(d.b) for d in differences]
    return [
        say(
            "beats" if place else "beats_first",
            arm=d.b,
            difference=size.difference,
            unit=metric,
            low=size.low,
            high=size.high,
        )
        for place, (d, size) in enumerate(zip(differences, sizes, strict=True))
    ]


def pairs(differences: Sequence[Difference], metric: MetricDescription) -> list[Sentence]:
    """ "hybrid minus RAG is +2.0 points (95% interval -3.1 to 7.0), ..."."""
    return [
        say("pair" if place else "pair_first", a=d.a, b=d.b, **shown(d, metric)) for place, d in enumerate(differences)
    ]


def shown(d: Difference, metric: MetricDescription) -> dict[str, Part]:
    """A difference and its interval; with a reason where there is no winner although the interval leaves out zero."""
    one_of_several = not (d.winner or d.p_holm is None or d.low <= 0 <= d.high or d.p_holm < ALPHA)
    return {
        "difference": d.difference,
        "low": d.low,
        "high": d.high,
        "unit": metric,
        "correction": say("corrected", p=d.p_holm) if one_of_several else "",
    }
