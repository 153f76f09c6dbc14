"""Advice in sentences, each with the number and the interval it rests on. The first is the verdict.

With fewer than 30 questions nothing is recommended. With more, the arm that clearly beats every other is; else the arms
that can't be told apart are named, with the simplest of them as an option. Nothing is decided by counting metrics.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from dyag_core.records import ArmSummary, Difference, Recommendation
from dyag_core.stages.differences import Standing, standing
from dyag_core.stages.matching import Text
from dyag_core.wording import (
    LANGUAGES,
    arm_phrase,
    interval,
    listed,
    metric_name,
    number,
    percent,
    stratum_name,
    stratum_phrase,
    unit_name,
)

MINIMUM_QUESTIONS = 30

Kind = Literal["use", "no_clear_difference", "too_few", "note", "warning"]


def recommend(
    arms: Sequence[ArmSummary], differences: Sequence[Difference], primary: str, n_questions: int
) -> tuple[Standing, list[Recommendation]]:
    """How the arms stand overall, and what to advise: the verdict, then strata, then what each ingredient adds."""
    overall = [d for d in differences if d.primary and d.stratum is None]
    place = standing(overall, _means(arms, primary, None), _higher(arms, primary))
    if n_questions < MINIMUM_QUESTIONS:
        return place, [_too_few(overall, n_questions)]
    verdict = _use(arms, overall, place, primary) if place.leader else _no_difference(overall, place)
    notes = _strata(arms, [d for d in differences if d.stratum is not None], primary)
    return place, [verdict, *notes, *_ingredients(overall)]


def warnings(arms: Sequence[ArmSummary], texts: Sequence[Text], n_questions: int) -> list[Recommendation]:
    """What the reader must know before believing the numbers: failures, contamination, what could not be checked."""
    found = list(texts)
    for arm in arms:
        if arm.errors:
            found.append(_both(lambda lang, a=arm: _TEXT[lang]["errors"].format(  # type: ignore[misc]
                arm=_capital(arm_phrase(a.name, lang)), count=a.errors, n=n_questions)))
        if arm.seen_in_training:
            found.append(_both(lambda lang, a=arm: _TEXT[lang]["seen"].format(  # type: ignore[misc]
                arm=arm_phrase(a.name, lang), count=a.seen_in_training, n=n_questions)))
        if arm.truncated:
            found.append(_both(lambda lang, a=arm: _TEXT[lang]["truncated"].format(  # type: ignore[misc]
                arm=arm_phrase(a.name, lang), count=a.truncated, n=n_questions)))
        if arm.unscored:
            found.append(_both(lambda lang, a=arm: _TEXT[lang]["unscored"].format(  # type: ignore[misc]
                arm=arm_phrase(a.name, lang), count=a.unscored, n=n_questions)))
    return [Recommendation(kind="warning", text=text) for text in found]
