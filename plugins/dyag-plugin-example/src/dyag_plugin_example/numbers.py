"""Metric `numbers`: the share of the expected answer's numbers that stand in the answer.

"1 200,50", "1,200.50" and "1200.5" are one number. An answer without them may still be right in other words, and one
with them wrong: read it beside `success`.
"""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel, Field

from dyag_core import MetricResult, Prediction, hookimpl
from dyag_core.text.normalise import tokens

dyag_api = 1


class Options(BaseModel, extra="forbid"):
    """How exact a number must be."""

    decimals: int = Field(2, ge=0, description="digits behind the decimal point that count")


@hookimpl
def dyag_score(predictions: Sequence[Prediction], options: Options) -> MetricResult:
    """A share between 0 and 1; None where no number is expected; an error is 0."""
    return MetricResult(name="numbers", items=[_score(p, options.decimals) for p in predictions])


def _score(prediction: Prediction, decimals: int) -> float | None:
    expected = _numbers(prediction.expected, decimals)
    if not expected:
        return None
    if prediction.error is not None:
        return 0.0
    return len(expected & _numbers(prediction.answer, decimals)) / len(expected)


def _numbers(text: str, decimals: int) -> set[float]:
    """The numbers of a text. `tokens` has put each into one form; versions such as 1.4.200 are none."""
    found = set()
    for token in tokens(text):
        try:
            found.add(round(float(token), decimals))
        except ValueError:
            continue
    return found
