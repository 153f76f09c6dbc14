"""Share of answers that equal the expected one after normalisation (SQuAD 1.1's EM, made to fit French too).

Of several accepted answers any will do. Applies to every question: where nothing answers it, the expected answer is the
sentence that says so.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from pydantic import BaseModel

from dyag_core import MetricDescription, MetricResult, Prediction, hookimpl
from dyag_core.api import normalise

dyag_api = 1
dyag_metric = MetricDescription(
    title={"en": "exact match", "fr": "exactitude"},
    phrase={"fr": "l'exactitude"},
    meaning={
        "en": "the expected answer and nothing else; case, accents, punctuation and articles don't count",
        "fr": "la réponse attendue et rien d'autre ; casse, accents, ponctuation et articles ne comptent pas",
    },
    scored="always",
    place=20,
)


class Options(BaseModel, extra="forbid"):
    """None."""


@hookimpl
def dyag_score(predictions: Sequence[Prediction]) -> MetricResult:
    """1 where the normalised texts are equal; an error is 0."""
    return MetricResult(name="exact_match", items=[_score(p) for p in predictions])


def _score(prediction: Prediction) -> float:
    return float(prediction.error is None and any(_equal(prediction.answer, one) for one in prediction.accepted))


def _equal(answer: str, expected: str) -> bool:
    """Whether the normalised texts are one, and so are their comparisons and shares: > 5 is no < 5, 5 no 5 %.

    A currency may be named by one of the two alone (1200.50 and 1 200,50 €), never differently: $100 is no 100 €.
    """
    if normalise(answer) != normalise(expected) or _signs(answer, "Sm", "%°") != _signs(expected, "Sm", "%°"):
        return False
    named, wanted = _signs(answer, "Sc"), _signs(expected, "Sc")
    return not named or not wanted or named == wanted


def _signs(text: str, category: str, more: str = "") -> list[str]:
    """The signs of a Unicode category in `text`, and those in `more`: Sm holds < and =, Sc currencies."""
    return sorted(sign for sign in text if sign in more or unicodedata.category(sign) == category)
