"""How far an answer rests on the passages in its prompt, right or wrong: for arms that retrieve.

The score is the share of the answer's telling words (four letters and more, numbers; those that only repeat the
question are left out) that stand in the passages. It is 0 where a number, a name, an address or a quotation does not
stand there, for these are what models invent. The rule is the one that training data are screened by
(`dyag_core.api.support`). It reads words, not meaning: "not free" is grounded in "free", a paraphrase is not grounded.
"""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel

from dyag_core import MetricDescription, MetricResult, Prediction, hookimpl
from dyag_core.api import abstains, support

dyag_api = 1
dyag_metric = MetricDescription(
    title={"en": "groundedness", "fr": "ancrage"},
    phrase={"fr": "l'ancrage"},
    meaning={
        "en": "words of the answer that stand in the passages it was given; zero if a name or number doesn't",
        "fr": "les mots de la réponse qui figurent dans les passages fournis ; zéro si un nom ou un nombre n'y"
        " figure pas",
    },
)


class Options(BaseModel, extra="forbid"):
    """None."""


@hookimpl
def dyag_score(predictions: Sequence[Prediction]) -> MetricResult:
    """The share between 0 and 1; None without passages and where the model abstains; an error or no answer is 0."""
    return MetricResult(name="groundedness", items=[_score(p) for p in predictions])


def _score(prediction: Prediction) -> float | None:
    if not prediction.context:
        return None
    if prediction.error is not None:
        return 0.0
    if abstains(prediction.answer, prediction.question, truncated=prediction.truncated):
        return None
    return support(prediction.answer, [prediction.context], prediction.question)
