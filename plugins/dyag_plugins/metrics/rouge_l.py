"""The longest sequence of words that answer and expected answer share, gaps allowed: ROUGE-L (Lin 2004), F-measure.

Words are those of `dyag_core.api.tokens`, of any script: case, accents, articles and number formats are set aside, and
"été" is the one word "ete". (The package rouge-score drops every accented letter instead, and makes "t" of it.)
Precision and recall weigh the same, as in most published scores. Unlike token F1, the order of the words counts.
Of several accepted answers the one that gives the most counts.
"""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel

from dyag_core import MetricDescription, MetricResult, Prediction, hookimpl
from dyag_core.api import tokens

dyag_api = 1
dyag_metric = MetricDescription(
    title={"en": "ROUGE-L", "fr": "ROUGE-L"},
    phrase={"fr": "le score ROUGE-L"},
    meaning={
        "en": "the longest sequence of words shared with the expected answer, gaps allowed",
        "fr": "la plus longue suite de mots commune avec la réponse attendue, même à trous",
    },
)


class Options(BaseModel, extra="forbid"):
    """None."""


@hookimpl
def dyag_score(predictions: Sequence[Prediction]) -> MetricResult:
    """The score between 0 and 1 for each question; None where nothing answers the question; an error is 0."""
    return MetricResult(name="rouge_l", items=[_score(p) for p in predictions])


def rouge_l(answer: Sequence[str], expected: Sequence[str]) -> float:
    """Twice the length of the longest common subsequence over the lengths of both; 1 where both are empty."""
    from rapidfuzz.distance import LCSseq

    if not answer or not expected:
        return float(answer == expected)
    return 2 * LCSseq.similarity(answer, expected) / (len(answer) + len(expected))


def _score(prediction: Prediction) -> float | None:
    if not prediction.answerable:
        return None
    if prediction.error is not None:
        return 0.0
    answer = tokens(prediction.answer)
    return max(rouge_l(answer, tokens(one)) for one in prediction.accepted)
