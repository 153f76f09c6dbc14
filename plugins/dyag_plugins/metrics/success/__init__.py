"""Was the question answered? The primary metric, a yes or no for every question.

Nothing answers the question: success is to say so (`dyag_core.api.abstains`). Something does: success is to give one
of the accepted answers, alone, whatever the style. Both texts are read as terms (`terms`): names, words, numbers,
quantities, dates, options, symbols; what means the same is the same in any writing. Then, in this order (`rules`):

- `equal`: the answer is the expected one and nothing else.
- `yes_no`: yes or no, said as a word or by a sentence that affirms or denies what was asked (`yes_no`).
- no refusal (`abstained`), no guess (`hedged`), no next turn (`another_turn`), no recital (`rambles`).
- `value`, `list`: the expected terms stand in the answer in a row, or as a list in any order; not in what it denies or
  sets against something (`clauses`, else `negation`); not as part of a longer name, not beside another value
  (`offers`), not where another value is what answers the question (`rivals`; else `not_alone`).
- `sentence`: where a sentence of 6 words and more is expected, at least `key_share` of its telling words are there, and
  all of its numbers. Telling words are those that neither the question nor grammar gives.
- `missing`: none of these.

The metric's details say how many verdicts rest on each.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from pydantic import BaseModel, Field

from dyag_core import MetricDescription, MetricResult, Prediction, hookimpl
from dyag_plugins.metrics.success.rules import Strictness, verdict

dyag_api = 1
dyag_metric = MetricDescription(
    title={"en": "success", "fr": "réussite"},
    phrase={"fr": "la réussite"},
    meaning={
        "en": "the expected answer without hedging or padding, or saying so where the documents hold none",
        "fr": "la réponse attendue, sans détour ni remplissage, ou l'aveu que les documents ne la donnent pas",
    },
    scored="always",
    primary=True,
    place=10,
)


class Options(BaseModel, extra="forbid"):
    """How strict to be."""

    extra_words: int = Field(24, ge=0, description="words an answer may have beyond the expected one and the question")
    key_share: float = Field(0.8, gt=0, le=1, description="share of a sentence's telling words that must be there")


@hookimpl
def dyag_score(predictions: Sequence[Prediction], options: Options) -> MetricResult:
    """1 for a success, else 0; an error is 0. Applies to every question. Details: verdicts by rule."""
    strictness = Strictness(options.extra_words, options.key_share)
    verdicts = [verdict(prediction, strictness) for prediction in predictions]
    rules = Counter(rule for _, rule in verdicts)
    return MetricResult(
        name="success",
        items=[float(right) for right, _ in verdicts],
        details={"rules": dict(sorted(rules.items()))} if verdicts else {},
    )
