"""How many words an answer has. Neither long nor short is better; it shows what an arm's answers look like."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel

from dyag_core import MetricDescription, MetricResult, Prediction, hookimpl

dyag_api = 1
dyag_metric = MetricDescription(
    title={"en": "answer length", "fr": "longueur"},
    phrase={"fr": "la longueur des réponses"},
    meaning={
        "en": "words in an answer; neither long nor short is better",
        "fr": "le nombre de mots d'une réponse ; ni long ni court n'est meilleur",
    },
    higher_is_better=None,
    unit="words",
    unit_title={"en": "words", "fr": "mots"},
    scored="default",
    place=60,
)


class Options(BaseModel, extra="forbid"):
    """None."""


@hookimpl
def dyag_score(predictions: Sequence[Prediction]) -> MetricResult:
    """Words between white space; None where there was an error."""
    return MetricResult(
        name="answer_length",
        items=[None if p.error is not None else float(len(p.answer.split())) for p in predictions],
    )
