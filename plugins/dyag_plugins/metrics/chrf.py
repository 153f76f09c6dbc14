"""Letter sequences that answer and expected answer share: chrF (Popović 2015), by sacrebleu, question by question.

sacrebleu's signature with the default options is `nrefs:1|case:mixed|eff:yes|nc:6|nw:0|space:no`: one reference, case
counts, sequences of one to six letters, none of words, white space left out, and effective order, which leaves out the
sequences that are longer than either text. It is what `sacrebleu.sentence_chrf` returns; word_order=2 makes it chrF++.
The texts are scored as they came, without this project's normalisation, so that the numbers are sacrebleu's own. Of
several accepted answers the one that gives the most counts.

An accent that is missing costs the sequences that hold it, not the word; a wrong answer that looks like the right one
("GPL-2.0" for "GPL-3.0") scores high. Chance letters are shared by any two texts: a wrong answer is seldom at 0.
"""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel, Field

from dyag_core import MetricDescription, MetricResult, Prediction, hookimpl

dyag_api = 1
requires = ("sacrebleu",)
dyag_metric = MetricDescription(
    title={"en": "chrF", "fr": "chrF"},
    phrase={"fr": "le score chrF"},
    meaning={
        "en": "letter sequences shared with the expected answer, by sacrebleu; a wrong answer is seldom at zero",
        "fr": "les suites de lettres communes avec la réponse attendue, par sacrebleu ; une réponse fausse est"
        " rarement à zéro",
    },
)


class Options(BaseModel, extra="forbid"):
    """Which sequences count, and how recall weighs against precision."""

    char_order: int = Field(6, ge=1, le=12, description="the longest sequence of letters")
    word_order: int = Field(0, ge=0, le=4, description="the longest sequence of words: 0 is chrF, 2 is chrF++")
    beta: int = Field(2, ge=1, le=4, description="how many times recall counts against precision")
    lowercase: bool = Field(False, description="set case aside")


@hookimpl
def dyag_score(predictions: Sequence[Prediction], options: Options) -> MetricResult:
    """The score between 0 and 1 for each question; None where nothing answers the question; an error is 0."""
    from sacrebleu.metrics import CHRF

    chrf = CHRF(
        char_order=options.char_order,
        word_order=options.word_order,
        beta=options.beta,
        lowercase=options.lowercase,
    )

    def score(prediction: Prediction) -> float | None:
        if not prediction.answerable:
            return None
        if prediction.error is not None:
            return 0.0
        return max(min(1.0, chrf.sentence_score(prediction.answer, [one]).score / 100) for one in prediction.accepted)

    return MetricResult(name="chrf", items=[score(p) for p in predictions])
