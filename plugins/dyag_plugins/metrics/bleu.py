"""Word sequences that answer and expected answer share: BLEU (Papineni et al. 2002) by sacrebleu, question by question.

sacrebleu's signature with the default options is `nrefs:1|case:mixed|eff:yes|tok:13a|smooth:exp`: one reference, case
counts, tokeniser 13a (mteval-v13a, the one that published scores use), exponential smoothing, and effective order,
which leaves out the sequences that are longer than the answer. It is what `sacrebleu.sentence_bleu` returns.
The texts are scored as they came, without this project's normalisation, so that the numbers are sacrebleu's own.
Each of several accepted answers is a reference by itself, and the best score counts: BLEU with several references at
once would mix the words of one with those of another.

The mean over questions is not corpus BLEU, which adds up counts before it divides; the paired tests need one number a
question. BLEU was made for whole translated texts: with an expected answer of one to three words it says little.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, Field

from dyag_core import MetricDescription, MetricResult, Prediction, hookimpl

dyag_api = 1
requires = ("sacrebleu",)
dyag_metric = MetricDescription(
    title={"en": "BLEU", "fr": "BLEU"},
    phrase={"fr": "le score BLEU"},
    meaning={
        "en": "word sequences shared with the expected answer, by sacrebleu; says little on answers of a few words",
        "fr": "les suites de mots communes avec la réponse attendue, par sacrebleu ; peu parlant sur quelques mots",
    },
)


class Options(BaseModel, extra="forbid"):
    """How texts are cut into words, and what becomes of missing sequences. Those that need a download are left out."""

    tokenize: Literal["13a", "intl", "char", "zh", "none"] = Field(
        "13a", description="sacrebleu's tokeniser; intl cuts at any Unicode punctuation, char suits text without spaces"
    )
    smooth: Literal["exp", "floor", "add-k", "none"] = Field(
        "exp", description="smoothing where no sequence of some length is shared (Chen & Cherry 2014)"
    )
    lowercase: bool = Field(False, description="set case aside")


@hookimpl
def dyag_score(predictions: Sequence[Prediction], options: Options) -> MetricResult:
    """BLEU between 0 and 1 for each question; None where nothing answers the question; an error is 0."""
    from sacrebleu.metrics import BLEU

    bleu = BLEU(
        tokenize=options.tokenize,
        smooth_method=options.smooth,
        lowercase=options.lowercase,
        effective_order=True,
    )

    def score(prediction: Prediction) -> float | None:
        if not prediction.answerable:
            return None
        if prediction.error is not None:
            return 0.0
        # sacrebleu gives 100.00000000000004 for equal texts
        return max(min(1.0, bleu.sentence_score(prediction.answer, [one]).score / 100) for one in prediction.accepted)

    return MetricResult(name="bleu", items=[score(p) for p in predictions])
