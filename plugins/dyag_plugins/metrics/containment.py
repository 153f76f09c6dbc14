"""Share of answers that hold the expected answer, or one of several, word for word, after normalisation.

Lenient by nature (a model that recites everything wins), so it is never the primary metric: see `success`.
"""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel

from dyag_core import MetricDescription, MetricResult, Prediction, hookimpl
from dyag_core.api import tokens

dyag_api = 1
dyag_metric = MetricDescription(
    title={"en": "containment", "fr": "inclusion"},
    phrase={"fr": "l'inclusion"},
    meaning={
        "en": "the expected answer stands word for word in the answer, whatever else does",
        "fr": "la réponse attendue figure mot pour mot dans la réponse, quel que soit le reste",
    },
    scored="default",
    place=40,
)


class Options(BaseModel, extra="forbid"):
    """None."""


def stands_in(part: Sequence[str], whole: Sequence[str]) -> bool:
    """True where `part` is a run of consecutive tokens of `whole`: "2.0" is not in "12.0"."""
    n = len(part)
    return n > 0 and any(list(whole[i : i + n]) == list(part) for i in range(len(whole) - n + 1))


@hookimpl
def dyag_score(predictions: Sequence[Prediction]) -> MetricResult:
    """1 where the expected answer stands in the answer; None where nothing answers the question; an error is 0."""
    return MetricResult(name="containment", items=[_score(p) for p in predictions])


def _score(prediction: Prediction) -> float | None:
    if not prediction.answerable:
        return None
    answer = tokens(prediction.answer)
    return float(prediction.error is None and any(stands_in(tokens(one), answer) for one in prediction.accepted))
