"""From matched answers to a comparison: every arm's figures, every pair's difference, what to advise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from dyag_core.artifacts import file_sha256
from dyag_core.comparison.breakdown import disagreements, error_kinds
from dyag_core.comparison.cost import reckon
from dyag_core.comparison.differences import all_differences, indices_by_stratum
from dyag_core.comparison.matching import Matched, match
from dyag_core.comparison.next_steps import next_steps
from dyag_core.comparison.noise import above_noise, noise, noise_sentence
from dyag_core.comparison.recommend import cautions, recommend
from dyag_core.comparison.reproduce import commands
from dyag_core.comparison.result_files import Item, ResultFile
from dyag_core.comparison.scoring import Scored, primary_metric, score
from dyag_core.comparison.sentences import SENTENCES
from dyag_core.errors import UsageError
from dyag_core.evaluation.stats import ALPHA, summarise
from dyag_core.plugin.run import Run
from dyag_core.records import ArmSummary, Comparison, CostOptions, Latency, MetricResult, MetricSummary
from dyag_core.records.comparison import MINIMUM_QUESTIONS
from dyag_core.text.formatting import rounded
from dyag_core.text.language import LANGUAGES
from dyag_core.text.sanitize import plain
from dyag_core.version import __version__

if TYPE_CHECKING:
    from dyag_core.plugin.host import Plugins


def make_comparison(
    files: Mapping[str, ResultFile],
    *,
    primary: str | None,
    metrics: Sequence[str] = (),
    metric_options: Mapping[str, Mapping[str, Any]] | None = None,
    force: bool,
    cost: CostOptions,
    plugins: Plugins,
    run: Run,
) -> Comparison:
    """The comparison of files already read, without writing anything."""
    matched = match(files)
    if matched.mismatches and not force:
        raise UsageError(
            "these results can't be compared fairly:\n" + "\n".join(f"  - {text['en']}" for text in matched.mismatches),
            "evaluate all arms on the same questions, base model and decoding, or pass --force",
        )
    primary = primary or primary_metric(files, plugins)
    scored = score(files, matched, primary, plugins, run, metrics, metric_options)
    documents = [question.document for question in matched.questions]
    strata = [question.stratum for question in matched.questions]
    differences = all_differences(scored.metrics, primary, documents, strata)
    arms = [_arm(arm, file, matched, scored, primary) for arm, file in files.items()]
    differences = above_noise(differences, arms)
    if sum(d.primary and d.stratum is None for d in differences) < len(arms) * (len(arms) - 1) // 2:
        raise UsageError(f"no question has a score on {primary!r} in every pair of arms")
    n = len(matched.questions)
    n_documents = len(set(documents)) if None not in documents else None
    place, advice = recommend(arms, differences, scored.descriptions[primary], n)
    notes = [*matched.notes, *scored.warnings]
    if matched.mismatches:
        notes.insert(0, {lang: SENTENCES[lang]["forced"] for lang in LANGUAGES})
    values = {name: {arm: r.items for arm, r in by_arm.items()} for name, by_arm in scored.metrics.items()}
    errors = {arm: error_kinds(matched.questions, matched.items[arm], values[primary][arm]) for arm in files}
    return Comparison(
        measured=max(
            (str(f.metadata["timestamp"]) for f in files.values() if f.metadata.get("timestamp")), default=None
        ),
        primary_metric=primary,
        descriptions=scored.descriptions,
        n_questions=n,
        n_documents=n_documents,
        leader=place.leader if n >= MINIMUM_QUESTIONS else None,
        tied=place.tied,
        arms=arms,
        differences=differences,
        noise_floor=noise_sentence(arms, scored.descriptions[primary]),
        recommendations=[*advice, *cautions(arms, notes, n, scored.descriptions)],
        next_steps=next_steps(arms, place.tied, differences, errors, n, n_documents),
        cost=reckon(files, matched.items, cost),
        disagreements=disagreements(matched.questions, matched.items, values[primary], _graded(values)),
        errors_breakdown=errors,
        mismatches=matched.mismatches,
        method=_method(files, primary, scored, plugins),
    )


def _graded(values: Mapping[str, Mapping[str, Sequence[float | None]]]) -> Mapping[str, Sequence[float | None]] | None:
    """The scores of the first metric that tells more than yes and no, for where those are all equally far apart."""
    shares = (by_arm for by_arm in values.values() if any(_is_share(v) for scores in by_arm.values() for v in scores))
    return next(shares, None)


def _is_share(value: float | None) -> bool:
    return value is not None and 0 < value < 1


def _arm(arm: str, file: ResultFile, matched: Matched, scored: Scored, primary: str) -> ArmSummary:
    items, clusters = matched.items[arm], [question.document for question in matched.questions]
    results = {name: by_arm[arm] for name, by_arm in scored.metrics.items()}
    seconds = [item.prediction.seconds for item in items if item.prediction.error is None]
    timed = np.asarray(seconds) if any(seconds) else None
    # A metric that does not apply to the answers of either arm is no news; one that fails for a single arm is.
    others = [by_arm.items for other, by_arm in scored.metrics[primary].items() if other != arm]
    mine = results[primary].items
    unscored = sum(
        value is None and any(values[index] is not None for values in others) for index, value in enumerate(mine)
    )
    return ArmSummary(
        name=arm,
        file=plain(file.path.name),
        metadata=file.metadata,
        metrics={name: _summary(result, clusters, range(len(items))) for name, result in results.items()},
        strata={
            stratum: {name: _summary(result, clusters, places) for name, result in results.items()}
            for stratum, places in indices_by_stratum([q.stratum for q in matched.questions]).items()
        },
        errors=sum(item.prediction.error is not None for item in items),
        truncated=sum(item.prediction.truncated for item in items),
        unscored=unscored,
        repeats=max(1, len(file.repeats)),
        noise=noise(file.repeats),
        details={name: result.details for name, result in results.items() if result.details},
        seen_in_training=sum(item.prediction.seen_in_training for item in items),
        without_seen=_without_seen(results[primary], items),
        median_seconds=None if timed is None else rounded(float(np.median(timed)), 2),
        p95_seconds=None if timed is None else rounded(float(np.percentile(timed, 95)), 2),
        latency=_latency(timed),
        prompt_tokens=_median([item.prediction.prompt_tokens for item in items]),
        completion_tokens=_median([item.prediction.completion_tokens for item in items]),
        total_tokens=_total(items),
    )


def _without_seen(result: MetricResult, items: Sequence[Item]) -> float | None:
    """The mean over the questions that were not trained on word for word; None where that is all of them or none."""
    places = [place for place, item in enumerate(items) if not item.prediction.seen_in_training]
    mean = summarise(result.part(places), [None] * len(places)).mean if 0 < len(places) < len(items) else None
    return None if mean is None else rounded(mean)


def _summary(result: MetricResult, clusters: Sequence[str | None], places: Sequence[int]) -> MetricSummary:
    """A metric over some of the questions, rounded as it will be shown."""
    summary = summarise(result.part(places), [clusters[i] for i in places])
    numbers = {name: getattr(summary, name) for name in ("mean", "low", "high")}
    return summary.model_copy(update={k: None if v is None else rounded(v) for k, v in numbers.items()})


def _latency(seconds: np.ndarray[Any, Any] | None) -> Latency | None:
    if seconds is None:
        return None
    low, lower, median, upper, high, longest = (
        rounded(float(np.percentile(seconds, percent)), 2) for percent in (5, 25, 50, 75, 95, 100)
    )
    return Latency(
        low=low, lower_quarter=lower, median=median, upper_quarter=upper, high=high, longest=longest, n=len(seconds)
    )


def _median(counts: Sequence[int]) -> float | None:
    return round(float(np.median(counts))) if any(counts) else None


def _total(items: Sequence[Item]) -> int | None:
    return sum(item.tokens for item in items) or None


def _method(files: Mapping[str, ResultFile], primary: str, scored: Scored, plugins: Plugins) -> dict[str, Any]:
    """How it was measured: what a reader needs to check or repeat it."""
    metrics = [use for use in plugins.used() if use["family"] == "metrics"]
    return {
        "dyag_version": __version__,
        "alpha": ALPHA,
        "confidence": round(100 * (1 - ALPHA)),
        "minimum_questions": MINIMUM_QUESTIONS,
        "power": 80,
        "latency_percentile": 95,
        "smallest_p_shown": 0.001,
        "metric_options": {name: options for name, options in scored.options.items() if options},
        "results": {arm: {"file": plain(f.path.name), "sha256": file_sha256(f.path)} for arm, f in files.items()},
        "commands": commands(files, primary),
        "scored_anew": {use["name"]: f"{use['distribution']} {use['version']}" for use in metrics},
    }
