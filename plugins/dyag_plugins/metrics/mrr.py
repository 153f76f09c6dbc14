"""How high the right passage stands among those in the prompt: the mean reciprocal rank (Voorhees 1999).

1 where it comes first, 1/2 where it comes second, 0 where it isn't there. It judges the search, not the answer.
"""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel

from dyag_core import MetricDescription, MetricResult, Prediction, hookimpl

dyag_api = 1
dyag_metric = MetricDescription(
    title={"en": "MRR", "fr": "MRR"},
    phrase={"fr": "le rang réciproque moyen (MRR)"},
    meaning={
        "en": "one over the rank of the passage that holds the answer, 0 without it: a score of the search",
        "fr": "l'inverse du rang du passage qui porte la réponse, 0 s'il manque : note la recherche",
    },
    scored="retrieval",
    place=80,
)


class Options(BaseModel, extra="forbid"):
    """None."""


@hookimpl
def dyag_score(predictions: Sequence[Prediction]) -> MetricResult:
    """One over the right passage's rank; None where none is known, and for arms that retrieve nothing."""
    retrieves = any(p.sources for p in predictions)
    items = [_score(p) if retrieves and p.answerable and p.chunks else None for p in predictions]
    return MetricResult(name="mrr", items=items)


def _score(prediction: Prediction) -> float:
    ranks = (rank for rank, source in enumerate(prediction.sources, 1) if source.chunk in prediction.chunks)
    return 1 / next(ranks, float("inf"))
