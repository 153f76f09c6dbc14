"""Was the question answered? The primary metric, a yes or no for every question.

Nothing answers the question: success is to say so (`dyag_core.text.abstention`).

Something does: the normalised answer equals the expected one, or it doesn't abstain and carries the expected answer
under rules that a model which hedges, lists or rambles does not pass:

1. it is short: besides the question's own words, at most `extra_words` more than the expected answer;
2. it offers no alternatives: no "or" / "ou" and no list beyond what the expected answer has;
3. it negates only where the expected answer does;
4. where the expected answer holds addresses (web, mail), it names the same ones and no others: a path that goes on is
   another page;
5. the expected answer stands in it word for word; or, where the expected answer is a sentence (6 words and more),
   at least `key_share` of its telling words do, and all of its numbers. Telling words are those that neither the
   question nor grammar gives: in "La licence de 7zip est LGPL-2.0-only", asked for the licence of 7zip,
   they are "lgpl", "2.0" and "only".
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from pydantic import BaseModel, Field

from dyag_core import MetricResult, Prediction, hookimpl
from dyag_core.api import abstains, fold, normalise, tokens

dyag_api = 1

SENTENCE_WORDS = 6

_GRAMMAR = frozenset(
    "de et est sont pour par sur avec dans en au aux ce cette ces son sa ses il elle ils elles qui que a ete "
    "and is are was were of for by on with in at to from as it its this that these those be been has have".split()
)
_ADDRESS = re.compile(r"(?:https?://|www\.)\S+|(?<![^\s@])[^\s@]+@[^\s@]+")
_NEGATION = re.compile(r"\b(?:pas|aucune?|jamais|non|not|no|never|none|cannot)\b|n['’]t\b")
_SEPARATOR = re.compile(r"(?<!\d)[,;|](?!\d)|(?<=\d)[,;|](?!\d)|(?<!\d)[,;|](?=\d)|\n| / ")


class Options(BaseModel, extra="forbid"):
    """How strict to be."""

    extra_words: int = Field(12, ge=0, description="words an answer may have beyond the expected one and the question")
    key_share: float = Field(0.8, gt=0, le=1, description="share of a sentence's telling words that must be there")


@hookimpl
def dyag_score(predictions: Sequence[Prediction], options: Options) -> MetricResult:
    """1 for a success, else 0; an error is 0. Applies to every question."""
    return MetricResult(name="success", items=[float(succeeds(p, options)) for p in predictions])


def succeeds(prediction: Prediction, options: Options) -> bool:
    """The rule of this module for one answer."""
    if prediction.error is not None or not prediction.answer.strip():
        return False
    if normalise(prediction.answer) in map(normalise, prediction.accepted):
        return True
    if not prediction.answerable:
        return abstains(prediction.answer, prediction.question, truncated=prediction.truncated)
    if abstains(prediction.answer, prediction.question, truncated=prediction.truncated):
        return False
    return any(_carries(prediction.model_copy(update={"expected": one}), options) for one in prediction.accepted)


def _carries(prediction: Prediction, options: Options) -> bool:
    asked = set(tokens(prediction.question))
    answer, expected = tokens(prediction.answer), tokens(prediction.expected)
    beyond = sum(token not in asked for token in answer) - sum(token not in asked for token in expected)
    if beyond > options.extra_words or len(answer) > len(expected) + len(asked) + 2 * options.extra_words:
        return False
    if _offers_alternatives(prediction) or _negates(prediction.answer) != _negates(prediction.expected):
        return False
    addresses = _addresses(prediction.expected)
    if addresses and _addresses(prediction.answer) != addresses:
        return False
    if f" {' '.join(expected)} " in f" {' '.join(answer)} ":
        return True
    return len(expected) >= SENTENCE_WORDS and _tells(set(answer), set(expected) - asked, options.key_share)


def _addresses(text: str) -> set[str]:
    return {found.rstrip(".,;:!?)»\"'").rstrip("/").casefold() for found in _ADDRESS.findall(text)}


def _tells(answer: set[str], expected: set[str], share: float) -> bool:
    telling = expected - _GRAMMAR
    numbers = {token for token in telling if token.lstrip("-")[:1].isdigit()}
    return bool(telling) and numbers <= answer and len(telling & answer) >= share * len(telling)


def _negates(text: str) -> bool:
    return bool(_NEGATION.search(fold(text)))


def _offers_alternatives(prediction: Prediction) -> bool:
    given = {*tokens(prediction.expected), *tokens(prediction.question)}
    if any(word in tokens(prediction.answer) and word not in given for word in ("or", "ou")):
        return True
    return len(_SEPARATOR.findall(prediction.answer.strip())) - len(_SEPARATOR.findall(prediction.expected)) >= 2
