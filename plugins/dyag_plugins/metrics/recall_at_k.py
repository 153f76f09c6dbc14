"""Of the questions whose passage is known, the share where it stood among the passages in the prompt.

It judges the search, not the answer: an answer that failed has the recall of its search. Passages that were retrieved
and no longer fitted the context don't count: the model never saw them.
"""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel, Field

from dyag_core import MetricDescription, MetricResult, Prediction, hookimpl

dyag_api = 1
dyag_metric = MetricDescription(
    title={"en": "recall@k", "fr": "rappel@k"},
    phrase={"fr": "le rappel@k"},
    meaning={
        "en": "the passage that holds the answer stood in the prompt: a score of the search",
        "fr": "le passage qui porte la réponse était dans la consigne : note la recherche",
    },
    scored="retrieval",
    place=70,
)


class Options(BaseModel, extra="forbid"):
    """How far down the list to look."""

    k: int | None = Field(None, ge=1, description="only the first so many passages; by default all in the prompt")


@hookimpl
def dyag_score(predictions: Sequence[Prediction], options: Options) -> MetricResult:
    """The share of the right passages that are there: 1 or 0 where there is one. None where none is known, and for arms
    that retrieve nothing.
    """
    retrieves = any(p.sources for p in predictions)
    items = [
        sum(source.chunk in p.chunks for source in p.sources[: options.k]) / len(p.chunks)
        if retrieves and p.answerable and p.chunks
        else None
        for p in predictions
    ]
    return MetricResult(name="recall_at_k", items=items)
