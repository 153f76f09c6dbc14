"""Advice in sentences, each with the number and the interval it rests on. The first is the verdict.

With fewer than 30 questions nothing is recommended. With more, the arm that clearly beats every other is; else the arms
that can't be told apart are named, with the highest score and the simplest. Nothing is decided by counting metrics.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from dyag_core.comparison.differences import CEILINGS, Standing, standing
from dyag_core.comparison.matching import Text
from dyag_core.comparison.names import (
    arm_name,
    arm_phrase,
    metric_name,
    metric_phrase,
    stratum_name,
    stratum_phrase,
    unit_name,
)
from dyag_core.comparison.sentences import SENTENCES, Part, say
from dyag_core.evaluation.stats import ALPHA
from dyag_core.records import ArmSummary, Difference, MetricDescription, Recommendation
from dyag_core.records.comparison import MINIMUM_QUESTIONS
from dyag_core.text.formatting import capital, interval, listed, number, percent, rounded
from dyag_core.text.language import LANGUAGES


def recommend(
    arms: Sequence[ArmSummary], differences: Sequence[Difference], primary: MetricDescription, n_questions: int
) -> tuple[Standing, list[Recommendation]]:
    """How the arms stand overall, and what to advise: the verdict, the strata, what each ingredient adds, the ceiling.

    A ceiling takes no part in the verdict. Beside it, a single arm has nothing to be compared with: there is no leader,
    and what the ceiling says stands first.
    """
    ceiling = _ceiling(arms, [d for d in differences if d.primary and d.stratum is None], primary, n_questions)
    arms = [arm for arm in arms if arm.name not in CEILINGS]
    differences = [d for d in differences if not {d.a, d.b} & set(CEILINGS)]
    overall = [d for d in differences if d.primary and d.stratum is None]
    if len(arms) == 1:
        alone = arms[0].name
        return Standing(best=alone, leader=None, tied=[alone], beaten=[]), ceiling
    place = standing(overall, _means(arms, primary, None), _higher_is_better(arms, primary))
    if n_questions < MINIMUM_QUESTIONS:
        text = say(
            "too_few", n=n_questions, minimum=MINIMUM_QUESTIONS, metric=_metric(primary), pairs=_pairs(overall, primary)
        )
        return place, [Recommendation(kind="too_few", text=text, rests_on=list(overall)), *ceiling]
    verdict = _use(arms, overall, place, primary) if place.leader else _no_difference(overall, place, primary)
    apart = [d for d in differences if d.stratum is not None]
    return place, [verdict, *_strata(arms, apart, primary), *_ingredients(overall, primary), *ceiling]


def cautions(
    arms: Sequence[ArmSummary],
    texts: Sequence[Text],
    n_questions: int,
    described: Mapping[str, MetricDescription],
) -> list[Recommendation]:
    """What to know before believing the numbers: failures, contamination, cut answers, what could not be checked."""
    found = list(texts)
    for arm in arms:
        counts = {
            "errors": arm.errors,
            "seen": arm.seen_in_training,
            "truncated": arm.truncated,
            "unscored": arm.unscored,
        }
        for key, count in counts.items():
            if count:
                found.append(say(key, arm=_capital_arm(arm.name), count=count, n=n_questions))
                if key == "seen" and arm.without_seen is not None:
                    found[-1] = _then(found[-1], _without_seen(arm, described))
        found += _judges(arm, described)
    small = {name: min(arm.metrics[name].n for arm in arms if name in arm.metrics) for name in arms[0].metrics}
    few = {name: n for name, n in small.items() if 0 < n < MINIMUM_QUESTIONS <= n_questions}
    if few:
        metrics = lambda lang: listed([f"{metric_name(described[m], lang)} ({n})" for m, n in few.items()], lang)  # noqa: E731
        found.append(say("small_metrics", minimum=MINIMUM_QUESTIONS, metrics=metrics))
    return [Recommendation(kind="warning", text=text) for text in found]


def _without_seen(arm: ArmSummary, described: Mapping[str, MetricDescription]) -> Text:
    """What the questions that were trained on word for word add to an arm's score."""
    primary, summary = next(iter(arm.metrics.items()))
    with_unit = percent if summary.unit == "rate" else number
    return say(
        "without_seen",
        metric=_metric(described[primary]),
        mean=lambda lang: with_unit(arm.without_seen or 0.0, lang),
        all=lambda lang: with_unit(summary.mean or 0.0, lang),
    )


def _judges(arm: ArmSummary, described: Mapping[str, MetricDescription]) -> list[Text]:
    """Answers that a judge gave no verdict on, and how far people agree with it."""
    found = []
    for name, summary in arm.metrics.items():
        about: dict[str, Part] = {"arm": _capital_arm(arm.name), "metric": _metric(described[name])}
        if summary.unjudged:
            most = _number(rounded(100 * summary.unjudged / summary.n))
            found.append(say("unjudged", **about, points=most, count=summary.unjudged, n=summary.n))
        told = arm.details.get(name, {})
        if told.get("agreement") is not None:
            about |= {"agreement": _percent(told["agreement"]), "kappa": _number(told.get("kappa"))}
            found.append(say("judge_checked", **about, n=told["labelled"]))
        elif "labelled" in told:
            found.append(say("judge_unchecked", **about))
    return found


def _use(
    arms: Sequence[ArmSummary], overall: Sequence[Difference], place: Standing, primary: MetricDescription
) -> Recommendation:
    leader = place.best
    against = [_between(overall, leader, other) for other in place.beaten]
    text = say(
        "use",
        leader=lambda lang: arm_phrase(leader, lang),
        metric=_metric(primary),
        mean=_mean(arms, leader, primary, None),
        beaten=_beaten(against, primary),
    )
    return Recommendation(kind="use", text=text, rests_on=against)


def _no_difference(overall: Sequence[Difference], place: Standing, primary: MetricDescription) -> Recommendation:
    pairs = [_between(overall, place.best, other) for other in place.tied if other != place.best]
    against = [_between(overall, place.best, other) for other in place.beaten]
    text = say("none", tied=_tied(place), metric=_metric(primary), pairs=_pairs(pairs, primary))
    if against:
        best = place.best
        text = _then(
            text, say("best_beats", best=lambda lang: arm_phrase(best, lang), beaten=_beaten(against, primary))
        )
    elif any(d.difference for d in pairs):
        text = _then(text, say("highest", best=lambda lang: arm_phrase(place.best, lang)))
    if place.tied[0] in SENTENCES["en"]:
        text = _then(text, say(place.tied[0]))
    widest = max(pairs, key=lambda d: d.detectable or 0.0)
    if widest.detectable:
        seen = widest.detectable
        text = _then(
            text,
            say("detectable", n=widest.n, detectable=lambda lang: number(seen, lang), unit=_unit(widest, primary)),
        )
    return Recommendation(kind="no_clear_difference", text=text, rests_on=[*pairs, *against])


def _strata(
    arms: Sequence[ArmSummary], differences: Sequence[Difference], primary: MetricDescription
) -> list[Recommendation]:
    """A note for every stratum with enough questions, and one that names those with too few."""
    found, small = [], {}
    for stratum in dict.fromkeys(d.stratum for d in differences if d.stratum is not None):
        inside = [d for d in differences if d.stratum == stratum]
        fewest = min(d.n for d in inside)
        if fewest < MINIMUM_QUESTIONS:
            small[stratum] = fewest
        else:
            found.append(_stratum(arms, inside, stratum, primary))
    if small:
        text = say(
            "small_strata",
            minimum=MINIMUM_QUESTIONS,
            strata=lambda lang: listed([f"{stratum_name(s, lang)} ({n})" for s, n in small.items()], lang),
        )
        found.append(Recommendation(kind="note", text=text))
    return found


def _stratum(
    arms: Sequence[ArmSummary], inside: Sequence[Difference], stratum: str, primary: MetricDescription
) -> Recommendation:
    place = standing(inside, _means(arms, primary, stratum), _higher_is_better(arms, primary))
    others = place.beaten if place.leader else [arm for arm in place.tied if arm != place.best]
    rests_on = [_between(inside, place.best, other) for other in others]
    where: Callable[[str], str] = lambda lang: capital(stratum_phrase(stratum, lang))  # noqa: E731
    if place.leader:
        best = place.best
        text = say(
            "stratum_leads",
            stratum=where,
            leader=lambda lang: arm_phrase(best, lang),
            mean=_mean(arms, best, primary, stratum),
            beaten=_beaten(rests_on, primary),
        )
    else:
        text = say("stratum_none", stratum=where, tied=_tied(place), pairs=_pairs(rests_on, primary))
    if stratum == "unseen" and place.best in ("rag", "hybrid") and "finetuned" in place.beaten:
        text = _then(text, say("later"))
    return Recommendation(kind="note", text=text, rests_on=rests_on)


def _ingredients(overall: Sequence[Difference], primary: MetricDescription) -> list[Recommendation]:
    """What fine-tuning adds to retrieval, and retrieval to fine-tuning, where the hybrid arm took part."""
    found = []
    for other in ("rag", "finetuned"):
        if any({d.a, d.b} == {"hybrid", other} for d in overall):
            d = _between(overall, "hybrid", other)
            effect = "no_effect" if d.winner is None else "gain" if d.winner == "hybrid" else "loss"
            text = say(
                f"hybrid-{other}",
                metric=_metric(primary),
                effect=_word(effect),
                **_shown(d, primary),
            )
            found.append(Recommendation(kind="note", text=text, rests_on=[d]))
    return found


def _ceiling(
    arms: Sequence[ArmSummary], overall: Sequence[Difference], primary: MetricDescription, n_questions: int
) -> list[Recommendation]:
    """What the base model makes of the right passage, against what it makes of those that a search found (`rag`), or
    against the arm that is there.
    """
    found = []
    for name in (arm.name for arm in arms if arm.name in CEILINGS):
        others = [arm.name for arm in arms if arm.name not in CEILINGS]
        d = _between(overall, name, "rag" if "rag" in others else others[0])
        effect = "ceiling_unclear" if d.winner is None else "ceiling_above" if d.winner == name else "ceiling_below"
        if n_questions < MINIMUM_QUESTIONS or d.b != "rag":
            effect = "ceiling_open"
        text = say(
            "ceiling",
            ceiling=_capital_arm(name),
            mean=_mean(arms, name, primary, None),
            metric=_metric(primary),
            other=lambda lang, other=d.b: arm_phrase(other, lang),  # type: ignore[misc]
            effect=_word(effect),
            **_shown(d, primary),
        )
        found.append(Recommendation(kind="note", text=text, rests_on=[d]))
    return found


# -- words -----------------------------------------------------------------------------------------------------------


def _then(first: Text, second: Text) -> Text:
    return {lang: f"{first[lang]} {second[lang]}" for lang in LANGUAGES}


def _beaten(differences: Sequence[Difference], primary: MetricDescription) -> Callable[[str], str]:
    """ "RAG by 12.0 points (95% interval 5.1 to 18.9) and the base model by ..."; sizes without a sign."""

    def words(lang: str) -> str:
        parts = []
        for place, d in enumerate(differences):
            size = d if d.difference >= 0 else d.seen_from(d.b)
            parts.append(
                SENTENCES[lang]["beats" if place else "beats_first"].format(
                    arm=arm_phrase(d.b, lang),
                    difference=number(size.difference, lang),
                    unit=unit_name(d.unit, lang, primary),
                    interval=interval(size.low, size.high, lang),
                )
            )
        return listed(parts, lang)

    return words


def _pairs(differences: Sequence[Difference], primary: MetricDescription) -> Callable[[str], str]:
    """ "hybrid minus RAG is +2.0 points (95% interval -3.1 to 7.0), ..."."""

    def words(lang: str) -> str:
        return listed(
            [
                SENTENCES[lang]["pair" if place else "pair_first"].format(
                    a=arm_name(d.a, lang),
                    b=arm_name(d.b, lang),
                    **{name: part(lang) for name, part in _shown(d, primary).items()},
                )
                for place, d in enumerate(differences)
            ],
            lang,
        )

    return words


def _shown(d: Difference, primary: MetricDescription) -> dict[str, Callable[[str], str]]:
    return {
        "difference": lambda lang: number(d.difference, lang, sign=True),
        "interval": lambda lang: interval(d.low, d.high, lang, sign=True) + _correction(d, lang),
        "unit": _unit(d, primary),
    }


def _correction(d: Difference, lang: str) -> str:
    """Why there is no winner although the interval leaves out zero: it is one of several pairs."""
    if d.winner or d.p_holm is None or d.low <= 0 <= d.high or d.p_holm < ALPHA:
        return ""
    return SENTENCES[lang]["corrected"].format(p=number(d.p_holm, lang))


def _number(value: float | None) -> Callable[[str], str]:
    return lambda lang: "–" if value is None else number(value, lang)


def _percent(value: float) -> Callable[[str], str]:
    return lambda lang: percent(value, lang)


def _word(key: str) -> Callable[[str], str]:
    return lambda lang: SENTENCES[lang][key]


def _unit(d: Difference, primary: MetricDescription) -> Callable[[str], str]:
    return lambda lang: unit_name(d.unit, lang, primary)


def _metric(primary: MetricDescription) -> Callable[[str], str]:
    return lambda lang: metric_phrase(primary, lang)


def _capital_arm(arm: str) -> Callable[[str], str]:
    return lambda lang: capital(arm_phrase(arm, lang))


def _tied(place: Standing) -> Callable[[str], str]:
    return lambda lang: listed([arm_phrase(arm, lang) for arm in place.tied], lang)


def _mean(
    arms: Sequence[ArmSummary], arm: str, primary: MetricDescription, stratum: str | None
) -> Callable[[str], str]:
    found = next(a for a in arms if a.name == arm)
    summary = (found.metrics if stratum is None else found.strata[stratum])[primary.name]
    value = summary.mean or 0.0
    return lambda lang: (
        percent(value, lang)
        if summary.unit == "rate"
        else f"{number(value, lang)} {unit_name(summary.unit, lang, primary)}"
    )


# -- numbers ---------------------------------------------------------------------------------------------------------


def _between(differences: Sequence[Difference], arm: str, other: str) -> Difference:
    """The difference between two arms, `arm` first."""
    return next(d for d in differences if {d.a, d.b} == {arm, other}).seen_from(arm)


def _means(arms: Sequence[ArmSummary], primary: MetricDescription, stratum: str | None) -> Mapping[str, float]:
    return {
        arm.name: (arm.metrics if stratum is None else arm.strata[stratum])[primary.name].mean or 0.0 for arm in arms
    }


def _higher_is_better(arms: Sequence[ArmSummary], primary: MetricDescription) -> bool:
    return bool(arms[0].metrics[primary.name].higher_is_better)
