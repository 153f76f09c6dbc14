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
    answer = _compared(prediction.answer)
    return float(prediction.error is None and any(answer == _compared(one) for one in prediction.accepted))


def _compared(text: str) -> tuple[str, list[str]]:
    """The normalised text, and its currencies and comparisons: $100 is no 100 €, > 5 no < 5."""
    signs = [sign for sign in text if sign in "%°" or unicodedata.category(sign) in ("Sc", "Sm")]
    return normalise(text), sorted(signs)
