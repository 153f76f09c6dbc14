"""Of the questions that nothing answers, the share where the model says so.

How often it says so where there is an answer shows in `success`, and item by item as `abstained` in the results file.
The details list answers that might be refusals in words that the rule doesn't know: a person should read them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel

from dyag_core import MetricDescription, MetricResult, Prediction, hookimpl
from dyag_core.api import abstains, might_abstain

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

#: The first of them are enough to see in which words a model refuses.
_SHOWN = 20


class Options(BaseModel, extra="forbid"):
    """None."""


@hookimpl
def dyag_score(predictions: Sequence[Prediction]) -> MetricResult:
    """1 where the model abstains on an unanswerable question; None on an answerable one; an error is 0."""
    items = [None if p.answerable else float(_abstains(p)) for p in predictions]
    return MetricResult(name="abstention", items=items, details=_uncounted(predictions))


def _abstains(prediction: Prediction) -> bool:
    return prediction.error is None and abstains(prediction.answer, prediction.question, truncated=prediction.truncated)


def _uncounted(predictions: Sequence[Prediction]) -> dict[str, Any]:
    """Answers to unanswerable questions that might be refusals but weren't counted: how many, and the first of them."""
    found = [
        {"id": p.id, "answer": p.answer}
        for p in predictions
        if not p.answerable and p.error is None and might_abstain(p.answer, p.question, truncated=p.truncated)
    ]
    return {"might_abstain": len(found), "examples": found[:_SHOWN]} if found else {}
