"""Closeness of meaning, token by token: BERTScore (Zhang et al. 2020, "Evaluating Text Generation with BERT").

Each token of the answer is held against the most similar token of the expected answer, by the cosine of their vectors
in context, and the other way round: the means are precision and recall, their harmonic mean is F1. Tokens weigh alike
(no idf) and the scores are cosines as they came (no rescaling by a baseline). The marks that a tokenizer puts around a
text ([CLS], [SEP]) take no part; in the authors' package they weigh nothing, but a token may be matched with them.

The numbers depend on encoder and layer: compare only scores of the same two. A wrong name in the right sentence is
close to 1: closeness of meaning is not being right. Of several accepted answers the one that gives the most counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, Field

from dyag_core import MetricDescription, MetricResult, Prediction, Run, UsageError, hookimpl
from dyag_core.api import locate
from dyag_plugins.encoders import DEFAULT_ENCODER, Encoder, encoder_preset

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

dyag_api = 1
requires = ("torch", "transformers")
dyag_metric = MetricDescription(
    title={"en": "BERTScore", "fr": "BERTScore"},
    phrase={"fr": "le BERTScore"},
    meaning={
        "en": "closeness of meaning to the expected answer, token by token; a wrong answer is seldom near zero",
        "fr": "la proximité de sens avec la réponse attendue, mot à mot ; une réponse fausse est rarement près de zéro",
    },
)


#: What `bertscore` returns, in its order.
_PARTS = ("precision", "recall", "f1")


class Options(BaseModel, extra="forbid"):
    """Whose vectors, and what becomes of the cosines."""

    model: str = Field(
        DEFAULT_ENCODER, description="encoder: minilm (English, from PyPI), a folder, or ORG/NAME on the hub"
    )
    layer: int | None = Field(None, ge=0, description="0 is the embeddings; by default the last layer")
    score: Literal["f1", "precision", "recall"] = Field("f1", description="which of the three is the score")


@hookimpl
def dyag_score(predictions: Sequence[Prediction], options: Options, run: Run) -> MetricResult:
    """The score between 0 and 1; None where nothing answers the question; an error or an empty answer is 0."""
    encoder = Encoder(Path(locate(encoder_preset(options.model), run.progress)))
    if options.layer is not None and options.layer > encoder.layers:
        raise UsageError(f"bertscore: {options.model} has layers 0 to {encoder.layers}, not {options.layer}")
    asked = [p for p in predictions if p.answerable and p.error is None]
    texts = sorted({text for p in asked for text in (p.answer, *p.accepted)})
    vectors = dict(zip(texts, encoder.tokens(texts, options.layer), strict=True))

    def score(prediction: Prediction) -> float | None:
        if not prediction.answerable:
            return None
        if prediction.error is not None:
            return 0.0
        place = _PARTS.index(options.score)
        answer = vectors[prediction.answer]
        return max(bertscore(answer, vectors[one])[place] for one in prediction.accepted)

    return MetricResult(name="bertscore", items=[score(p) for p in predictions])


def bertscore(answer: NDArray[np.float32], expected: NDArray[np.float32]) -> tuple[float, float, float]:
    """Precision, recall and F1 of two lists of token vectors, [tokens, width] each; 0 where a list is empty.

    A text that is nearer to its opposite than to the other has a score below 0; it is shown as 0.
    """
    import numpy as np

    if not len(answer) or not len(expected):
        return 0.0, 0.0, 0.0
    one, other = (rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (answer, expected))
    similar = one.astype(np.float64) @ other.astype(np.float64).T
    precision, recall = (float(np.clip(similar.max(axis=axis).mean(), 0, 1)) for axis in (1, 0))
    return precision, recall, 2 * precision * recall / (precision + recall) if precision + recall else 0.0
