"""What to know before believing the numbers: failures, contamination, cut answers, what could not be checked."""

from __future__ import annotations

from collections.abc import Sequence

from dyag_core.comparison.quantities import amount, quantity
from dyag_core.comparison.result_files import examples_shown
from dyag_core.comparison.sentences import Part, Sentence, in_words, say
from dyag_core.comparison.statistics import Measured
from dyag_core.records import ArmSummary, MetricDescription, Recommendation
from dyag_core.records.comparison import MINIMUM_QUESTIONS
from dyag_core.text.formatting import rounded


def cautions(measured: Measured, notes: Sequence[Sentence]) -> list[Recommendation]:
    """`notes` (what reading, matching and scoring found), then each arm's, then the metrics with few scores."""
    found = [in_words(note) for note in notes]
    for arm in measured.arms:
        told = [*_few_shot(arm), *_counts(arm, measured), *_judges(arm, measured)]
        found += [in_words(*sentences) for sentences in told]
    found += [in_words(sentence) for sentence in _small_metrics(measured)]
    return [Recommendation(kind="warning", text=text) for text in found]


def _few_shot(arm: ArmSummary) -> list[list[Sentence]]:
    """The answered questions that an arm saw before each question, and the others didn't."""
    shown = examples_shown(arm.metadata)
    return [[say("few_shot", arm=arm.name, n=shown)]] if shown else []


def _counts(arm: ArmSummary, measured: Measured) -> list[list[Sentence]]:
    counts = {
        "errors": arm.errors,
        "seen": arm.seen_in_training,
        "truncated": arm.truncated,
        "empty": arm.empty,
        "unscored": arm.unscored,
    }
    found = []
    for key, count in counts.items():
        if count:
            found.append([say(key, arm=arm.name, count=count, n=measured.n)])
            if key == "seen" and arm.without_seen is not None:
                found[-1].append(_without_seen(arm.without_seen, arm, measured.metric))
    if arm.possible_refusals:
        n = measured.n_unanswerable
        found.append([say("possible_refusals", arm=arm.name, count=arm.possible_refusals, n=n)])
    return found


def _without_seen(mean: float, arm: ArmSummary, metric: MetricDescription) -> Sentence:
    """What the questions that were trained on word for word add to an arm's score."""
    whole = quantity(arm.metrics[metric.name], metric)
    return say("without_seen", metric=metric, mean=amount(mean, metric), all=whole)


def _judges(arm: ArmSummary, measured: Measured) -> list[list[Sentence]]:
    """Answers that a judge gave no verdict on, and how far people agree with it."""
    found = []
    for name, summary in arm.metrics.items():
        about: dict[str, Part] = {"arm": arm.name, "metric": measured.descriptions[name]}
        if summary.unjudged:
            most = rounded(100 * summary.unjudged / summary.n)
            found.append([say("unjudged", **about, points=most, count=summary.unjudged, n=summary.n)])
        told = arm.details.get(name, {})
        if told.get("agreement") is not None:
            about |= {"agreement": told["agreement"], "kappa": told.get("kappa")}
            found.append([say("judge_checked", **about, n=told["labelled"])])
        elif "labelled" in told:
            found.append([say("judge_unchecked", **about)])
    return found


def _small_metrics(measured: Measured) -> list[Sentence]:
    """One sentence on the metrics with few scores, where the questions are enough otherwise."""
    names = measured.arms[0].metrics
    sizes = {name: min(arm.metrics[name].n for arm in measured.arms if name in arm.metrics) for name in names}
    few = {name: n for name, n in sizes.items() if 0 < n < MINIMUM_QUESTIONS <= measured.n}
    metrics = [say("metric_size", metric=measured.descriptions[name], n=n) for name, n in few.items()]
    return [say("small_metrics", minimum=MINIMUM_QUESTIONS, metrics=metrics)] if metrics else []
