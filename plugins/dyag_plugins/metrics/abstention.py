"""Of the questions that nothing answers, the share where the model says so.

How often it says so where there is an answer shows in `success`, and item by item as `abstained` in the results file.
"""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel

from dyag_core import MetricDescription, MetricResult, Prediction, hookimpl
from dyag_core.api import abstains

dyag_api = 1
dyag_metric = MetricDescription(
    title={"en": "abstention", "fr": "abstention"},
    phrase={"fr": "l'abstention"},
    meaning={
        "en": "where the documents hold no answer, the model says so",
        "fr": "quand les documents ne donnent pas la réponse, le modèle le dit",
    },
    scored="default",
    place=50,
)


class Options(BaseModel, extra="forbid"):
    """None."""


@hookimpl
def dyag_score(predictions: Sequence[Prediction]) -> MetricResult:
    """1 where the model abstains on an unanswerable question; None on an answerable one; an error is 0."""
    return MetricResult(
        name="abstention",
        items=[None if p.answerable else float(p.error is None and abstains(p.answer)) for p in predictions],
    )
