"""How many words an answer has. Neither long nor short is better; it shows what an arm's answers look like."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel

from dyag_core import MetricResult, Prediction, hookimpl

dyag_api = 1


class Options(BaseModel, extra="forbid"):
    """None."""


@hookimpl
def dyag_score(predictions: Sequence[Prediction]) -> MetricResult:
    """Words between white space; None where there was an error."""
    return MetricResult(
        name="answer_length",
        items=[None if p.error is not None else float(len(p.answer.split())) for p in predictions],
        higher_is_better=None,
        unit="words",
    )
