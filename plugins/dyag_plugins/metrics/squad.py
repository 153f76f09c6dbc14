"""Exact match and F1 exactly as SQuAD 1.1 defines them (Rajpurkar et al. 2016): numbers to set beside published ones.

The rules are those of the published script evaluate-v1.1.py: lower case, ASCII punctuation deleted ("3.5" is "35",
"well-known" is "wellknown"), the words a, an and the left out, words cut at white space; of several accepted answers
(`expected_answers`) the best counts. They were made for English: accents count, and so does every French article.
`exact_match` and `token_f1` do better in French.

The metric's number is F1, or exact match with `score=exact_match`; the means of both stand in its details, in percent
as the script prints them. Two things the script doesn't meet: an answer that failed is 0, and a question that nothing
answers is left out.
"""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Sequence
from statistics import fmean
from typing import Literal

from pydantic import BaseModel, Field

from dyag_core import MetricDescription, MetricResult, Prediction, hookimpl

dyag_api = 1
dyag_metric = MetricDescription(
    title={"en": "SQuAD", "fr": "SQuAD"},
    phrase={"fr": "le score SQuAD"},
    meaning={
        "en": "words shared with the best accepted answer, or equality with it, by SQuAD 1.1's own rules",
        "fr": "les mots communs avec la meilleure réponse acceptée, ou l'égalité avec elle, selon les règles"
        " de SQuAD 1.1",
    },
)

_DELETED = str.maketrans("", "", string.punctuation)
_ARTICLES = re.compile(r"\b(a|an|the)\b")


class Options(BaseModel, extra="forbid"):
    """Which of the two."""

    score: Literal["f1", "exact_match"] = Field("f1", description="which of the two is the score")


@hookimpl
def dyag_score(predictions: Sequence[Prediction], options: Options) -> MetricResult:
    """The score between 0 and 1; None where nothing answers the question; an error is 0."""
    pairs = [_both(p) if p.answerable else None for p in predictions]
    scored = [pair for pair in pairs if pair is not None]
    exact, f1 = ([pair[place] for pair in scored] for place in (0, 1))
    return MetricResult(
        name="squad",
        items=[None if pair is None else pair[options.score == "f1"] for pair in pairs],
        details={"exact_match": 100 * fmean(exact), "f1": 100 * fmean(f1)} if scored else {},
    )


def words(text: str) -> list[str]:
    """The words that are compared."""
    return _ARTICLES.sub(" ", text.lower().translate(_DELETED)).split()


def exact_match(answer: str, expected: str) -> float:
    """1 where the same words stand in the same order."""
    return float(words(answer) == words(expected))


def f1(answer: str, expected: str) -> float:
    """Harmonic mean of precision and recall over two bags of words; 0 where they share none, even if both are empty."""
    said, wanted = words(answer), words(expected)
    common = (Counter(said) & Counter(wanted)).total()
    if not common:
        return 0.0
    precision, recall = common / len(said), common / len(wanted)
    return 2 * precision * recall / (precision + recall)


def _both(prediction: Prediction) -> tuple[float, float]:
    """Exact match and F1, each with the accepted answer that suits it best."""
    if prediction.error is not None:
        return 0.0, 0.0
    return (
        max(exact_match(prediction.answer, one) for one in prediction.accepted),
        max(f1(prediction.answer, one) for one in prediction.accepted),
    )
