"""The verdict: the rule that names an arm, and the sentences that say so.

With fewer than 30 questions nothing is recommended. With more, the arm that clearly beats every other is; else the arms
that can't be told apart are named, with the highest score and the simplest. Nothing is decided by counting metrics.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from dyag_core.comparison.differences import Standing, standing
from dyag_core.comparison.quantities import pairs, quantity, wins
from dyag_core.comparison.sentences import in_words, say
from dyag_core.comparison.statistics import Measured
from dyag_core.records import Difference, Recommendation
from dyag_core.records.comparison import MINIMUM_QUESTIONS

#: Arms that the verdict may call the simplest of those that tie, and says why.
_SIMPLE = ("base", "rag", "finetuned")


@dataclass(frozen=True)
class Verdict:
    """What the rule says. `kind` is None where one arm has only a ceiling beside it: there is nothing to choose."""

    kind: Literal["use", "no_clear_difference", "too_few"] | None
    place: Standing

    @property
    def concludes(self) -> bool:
        """Whether the numbers are enough to conclude anything from them, be it that the arms tie."""
        return self.kind in ("use", "no_clear_difference")


def decide(measured: Measured) -> Verdict:
    """How the arms stand, and whether one of them is to be recommended. A ceiling takes no part."""
    if len(measured.contenders) == 1:
        alone = measured.contenders[0].name
        return Verdict(None, Standing(best=alone, leader=None, tied=[alone], beaten=[]))
    place = standing(measured.pairs(), measured.means(), measured.higher_is_better)
    if measured.n < MINIMUM_QUESTIONS:
        return Verdict("too_few", place)
    return Verdict("use" if place.leader else "no_clear_difference", place)


def verdict_line(verdict: Verdict, measured: Measured) -> list[Recommendation]:
    """The verdict in words, with the differences it rests on; nothing where there is nothing to choose."""
    if verdict.kind == "use":
        return [_use(verdict.place, measured)]
    if verdict.kind == "no_clear_difference":
        return [_no_difference(verdict.place, measured)]
    return [_too_few(measured)] if verdict.kind == "too_few" else []


def _use(place: Standing, measured: Measured) -> Recommendation:
    against = [measured.between(place.best, other) for other in place.beaten]
    mean = quantity(measured.summary(place.best))
    sentence = say("use", leader=place.best, metric=measured.primary, mean=mean, beaten=wins(against))
    return Recommendation(kind="use", text=in_words(sentence), rests_on=against)


def _no_difference(place: Standing, measured: Measured) -> Recommendation:
    open_pairs = [measured.between(place.best, other) for other in place.tied if other != place.best]
    against = [measured.between(place.best, other) for other in place.beaten]
    sentences = [say("none", tied=place.tied, metric=measured.primary, pairs=pairs(open_pairs))]
    if against:
        sentences.append(say("best_beats", best=place.best, beaten=wins(against)))
    elif any(d.difference for d in open_pairs):
        sentences.append(say("highest", best=place.best))
    if place.tied[0] in _SIMPLE:
        sentences.append(say(f"simplest_{place.tied[0]}"))
    widest = max(open_pairs, key=_detectable)
    if widest.detectable:
        sentences.append(say("detectable", n=widest.n, detectable=widest.detectable, unit=widest.unit))
    return Recommendation(kind="no_clear_difference", text=in_words(*sentences), rests_on=[*open_pairs, *against])


def _too_few(measured: Measured) -> Recommendation:
    found: Sequence[Difference] = measured.pairs()
    sentence = say("too_few", n=measured.n, minimum=MINIMUM_QUESTIONS, metric=measured.primary, pairs=pairs(found))
    return Recommendation(kind="too_few", text=in_words(sentence), rests_on=list(found))


def _detectable(d: Difference) -> float:
    return d.detectable or 0.0
