"""Overlap of the words of answer and expected answer: SQuAD 1.1's F1 (Rajpurkar et al. 2016) on normalised tokens.

Of several accepted answers the one that gives the most counts, as in SQuAD.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from pydantic import BaseModel

from dyag_core import MetricDescription, MetricResult, Prediction, hookimpl
from dyag_core.api import tokens

dyag_api = 1
dyag_metric = MetricDescription(
    title={"en": "token F1", "fr": "F1 des mots"},
    phrase={"fr": "le F1 des mots"},
    meaning={
        "en": "words that answer and expected answer share, precision and recall weighed alike",
        "fr": "les mots communs à la réponse et à la réponse attendue, précision et rappel à parts égales",
    },
    scored="default",
    place=30,
)


class Options(BaseModel, extra="forbid"):
    """None."""


def f1(answer: Sequence[str], expected: Sequence[str]) -> float:
    """Harmonic mean of precision and recall over two bags of tokens; 1 where both are empty."""
    if not answer or not expected:
        return float(answer == expected)
    common = (Counter(answer) & Counter(expected)).total()
    return 2 * common / (len(answer) + len(expected))


@hookimpl
def dyag_score(predictions: Sequence[Prediction]) -> MetricResult:
    """F1 between 0 and 1 for each question; an error is 0."""
    return MetricResult(name="token_f1", items=[_score(p) for p in predictions])


def _score(prediction: Prediction) -> float:
    if prediction.error is not None:
        return 0.0
    answer = tokens(prediction.answer)
    return max(f1(answer, tokens(one)) for one in prediction.accepted)
