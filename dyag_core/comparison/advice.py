"""What to do with the numbers beside the verdict: the strata, what each ingredient adds, how high the ceiling is."""

from __future__ import annotations

from dyag_core.comparison.differences import CEILINGS, enough, standing
from dyag_core.comparison.quantities import pairs, quantity, shown, wins
from dyag_core.comparison.sentences import in_words, say
from dyag_core.comparison.statistics import Measured
from dyag_core.records import Difference, Recommendation
from dyag_core.records.comparison import MINIMUM_DOCUMENTS, MINIMUM_QUESTIONS


def advice(measured: Measured) -> list[Recommendation]:
    """A note for every stratum, for what fine-tuning adds to retrieval and the other way round, and for the ceiling."""
    found = [*_strata(measured), *_ingredients(measured)] if measured.enough and len(measured.contenders) > 1 else []
    return [*found, *_ceilings(measured)]


def _strata(measured: Measured) -> list[Recommendation]:
    """A note for every stratum with enough questions and documents, and one each on those with too few."""
    found, few_questions, few_documents = [], [], []
    for stratum in measured.strata:
        smallest = min(measured.pairs(stratum), key=_questions)
        if enough(smallest):
            found.append(_stratum(measured, stratum))
        elif smallest.n < MINIMUM_QUESTIONS:
            few_questions.append(say("stratum_size", stratum=stratum, n=smallest.n))
        else:
            few_documents.append(say("stratum_size", stratum=stratum, n=smallest.n_documents))
    for key, minimum, strata in (
        ("small_strata", MINIMUM_QUESTIONS, few_questions),
        ("strata_of_few_documents", MINIMUM_DOCUMENTS, few_documents),
    ):
        if strata:
            found.append(Recommendation(kind="note", text=in_words(say(key, minimum=minimum, strata=strata))))
    return found


def _questions(d: Difference) -> int:
    return d.n


def _stratum(measured: Measured, stratum: str) -> Recommendation:
    place = standing(measured.pairs(stratum), measured.means(stratum), measured.higher_is_better)
    others = place.beaten if place.leader else [arm for arm in place.tied if arm != place.best]
    rests_on = [measured.between(place.best, other, stratum) for other in others]
    if place.leader:
        mean = quantity(measured.summary(place.best, stratum), measured.metric)
        sentence = say(
            "stratum_leads", stratum=stratum, leader=place.best, mean=mean, beaten=wins(rests_on, measured.metric)
        )
    else:
        sentence = say("stratum_none", stratum=stratum, tied=place.tied, pairs=pairs(rests_on, measured.metric))
    sentences = [sentence]
    if stratum == "unseen" and place.best in ("rag", "hybrid") and "finetuned" in place.beaten:
        sentences.append(say("later"))
    return Recommendation(kind="note", text=in_words(*sentences), rests_on=rests_on)


def _ingredients(measured: Measured) -> list[Recommendation]:
    """What fine-tuning adds to retrieval, and retrieval to fine-tuning, where the hybrid arm took part."""
    found = []
    for other in ("rag", "finetuned"):
        if any({d.a, d.b} == {"hybrid", other} for d in measured.pairs()):
            d = measured.between("hybrid", other)
            effect = "no_effect" if d.winner is None else "gain" if d.winner == "hybrid" else "loss"
            sentence = say(f"adds_to_{other}", metric=measured.metric, effect=say(effect), **shown(d, measured.metric))
            found.append(Recommendation(kind="note", text=in_words(sentence), rests_on=[d]))
    return found


def _ceilings(measured: Measured) -> list[Recommendation]:
    """What the base model makes of the right passage, against what it makes of those that a search found (`rag`), or
    against the arm that is there.
    """
    found = []
    others = [arm.name for arm in measured.contenders]
    for name in (arm.name for arm in measured.arms if arm.name in CEILINGS):
        d = measured.between(name, "rag" if "rag" in others else others[0])
        mean = quantity(measured.summary(name), measured.metric)
        sentences = [
            say("ceiling", ceiling=name, mean=mean, metric=measured.metric, other=d.b, **shown(d, measured.metric))
        ]
        if measured.enough and d.b == "rag":
            effect = "unclear" if d.winner is None else "above" if d.winner == name else "below"
            sentences.append(say(f"ceiling_{effect}"))
        found.append(Recommendation(kind="note", text=in_words(*sentences), rests_on=[d]))
    return found
