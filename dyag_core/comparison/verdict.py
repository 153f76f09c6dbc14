"""The verdict: the rule that names an arm, and the sentences that say so.

With fewer than 30 questions, or on fewer than 8 documents, nothing is recommended. With more, the arm that clearly
beats every other is; else the arms that can't be told apart are named, with the highest score and the simplest. Nothing
is decided by counting metrics.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from dyag_core.comparison.differences import Standing, standing
from dyag_core.comparison.quantities import pairs, quantity, wins
from dyag_core.comparison.sentences import Part, Sentence, in_words, say
from dyag_core.comparison.statistics import Measured
from dyag_core.records import Difference, Recommendation
from dyag_core.records.comparison import MINIMUM_DOCUMENTS, MINIMUM_QUESTIONS

#: Arms that the verdict may call the simplest of those that tie, and says why.
_SIMPLE = ("base", "rag", "finetuned")


#: From this share of an arm's answers on, those that failed, are empty or were cut may decide the verdict.
_MANY = 0.1

#: Sentences, and the differences that they rest on.
Said: TypeAlias = tuple[list[Sentence], list[Difference]]


@dataclass(frozen=True)
class Verdict:
    """What the rule says. `kind` is None where one arm has only a ceiling beside it: there is nothing to choose."""

    kind: Literal["use", "no_clear_difference", "too_few"] | None
    place: Standing


def decide(measured: Measured) -> Verdict:
    """How the arms stand, and whether one of them is to be recommended. A ceiling takes no part."""
    if len(measured.contenders) == 1:
        alone = measured.contenders[0].name
        return Verdict(None, Standing(best=alone, leader=None, tied=[alone], beaten=[]))
    place = standing(measured.pairs(), measured.means(), measured.higher_is_better)
    if not measured.enough:
        return Verdict("too_few", place)
    return Verdict("use" if place.leader else "no_clear_difference", place)


def verdict_line(verdict: Verdict, measured: Measured, *, in_doubt: bool) -> list[Recommendation]:
    """The verdict in words, with the differences it rests on; nothing where there is nothing to choose.

    Where many answers of an arm are none, that stands in the same line: it may be all that was measured. So does that
    the verdict is `in_doubt`: answers that may be refusals could change it.
    """
    words = {"use": _use, "no_clear_difference": _no_difference, "too_few": _too_few}
    if verdict.kind is None:
        return []
    sentences, rests_on = words[verdict.kind](verdict.place, measured)
    text = in_words(*sentences, *_many_unusable(measured), *(_refusals(measured) if in_doubt else []))
    return [Recommendation(kind=verdict.kind, text=text, rests_on=rests_on)]


def _use(place: Standing, measured: Measured) -> Said:
    against = [measured.between(place.best, other) for other in place.beaten]
    mean = quantity(measured.summary(place.best), measured.metric)
    return [
        say("use", leader=place.best, metric=measured.metric, mean=mean, beaten=wins(against, measured.metric))
    ], against


def _no_difference(place: Standing, measured: Measured) -> Said:
    open_pairs = [measured.between(place.best, other) for other in place.tied if other != place.best]
    against = [measured.between(place.best, other) for other in place.beaten]
    sentences = [say("none", tied=place.tied, metric=measured.metric, pairs=pairs(open_pairs, measured.metric))]
    if against:
        sentences.append(say("best_beats", best=place.best, beaten=wins(against, measured.metric)))
    elif any(d.difference for d in open_pairs):
        sentences.append(say("highest", best=place.best))
    if place.tied[0] in _SIMPLE:
        sentences.append(say(f"simplest_{place.tied[0]}"))
    widest = max(open_pairs, key=_detectable)
    if widest.detectable:
        sentences.append(say("detectable", n=widest.n, detectable=widest.detectable, unit=measured.metric))
    return sentences, [*open_pairs, *against]


def _too_few(_place: Standing, measured: Measured) -> Said:
    found = measured.pairs()
    so_far: dict[str, Part] = {"n": measured.n, "metric": measured.metric, "pairs": pairs(found, measured.metric)}
    if measured.n < MINIMUM_QUESTIONS:
        return [say("too_few", minimum=MINIMUM_QUESTIONS, **so_far)], found
    documents = measured.n_documents
    return [say("too_few_documents", documents=documents, minimum=MINIMUM_DOCUMENTS, **so_far)], found


def _many_unusable(measured: Measured) -> list[Sentence]:
    many = [arm for arm in measured.contenders if arm.unusable >= _MANY * measured.n]
    counts = [say("arm_unusable", arm=arm.name, count=arm.unusable, n=measured.n) for arm in many]
    return [say("many_unusable", arms=counts)] if counts else []


def _refusals(measured: Measured) -> list[Sentence]:
    doubtful = [arm for arm in measured.contenders if arm.possible_refusals]
    n = measured.n_unanswerable
    counts = [say("arm_unusable", arm=arm.name, count=arm.possible_refusals, n=n) for arm in doubtful]
    return [say("in_doubt", arms=counts)]


def _detectable(d: Difference) -> float:
    return d.detectable or 0.0
