"""From result files to a comparison, step by step: the walk that `dyag compare-models` takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dyag_core.artifacts import file_sha256
from dyag_core.comparison import possible_refusals
from dyag_core.comparison.advice import advice
from dyag_core.comparison.breakdown import disagreements, error_kinds
from dyag_core.comparison.cautions import cautions
from dyag_core.comparison.cost import reckon
from dyag_core.comparison.matching import Matched, match
from dyag_core.comparison.next_steps import next_steps
from dyag_core.comparison.noise import noise_sentence
from dyag_core.comparison.reproduce import commands
from dyag_core.comparison.result_files import ResultFile
from dyag_core.comparison.scoring import Scored, primary_metric, score
from dyag_core.comparison.sentences import in_words, say
from dyag_core.comparison.statistics import measure
from dyag_core.comparison.verdict import decide, verdict_line
from dyag_core.comparison.votes import read_votes, vote_notes
from dyag_core.errors import UsageError
from dyag_core.evaluation.stats import ALPHA
from dyag_core.plugin.run import Run
from dyag_core.records import Comparison, CostOptions
from dyag_core.records.comparison import MINIMUM_DOCUMENTS, MINIMUM_QUESTIONS
from dyag_core.text.sanitize import plain
from dyag_core.version import __version__

if TYPE_CHECKING:
    from pathlib import Path

    from dyag_core.plugin.host import Plugins


def make_comparison(
    files: Mapping[str, ResultFile],
    *,
    primary: str | None,
    metrics: Sequence[str] = (),
    metric_options: Mapping[str, Mapping[str, Any]] | None = None,
    force: bool,
    cost: CostOptions,
    votes: Path | None = None,
    plugins: Plugins,
    run: Run,
) -> Comparison:
    """The comparison of files already read, without writing anything.

    Answers are matched question by question and scored; the statistics of the scores lead to a verdict by one rule; the
    rest is what to do with it, and what to know before believing it.

    Raises:
        UsageError: the files can't be compared (fairly, without `force`), or not on this metric.
    """
    preferences = read_votes(votes, files) if votes is not None else []
    matched = match(files)
    _refuse_unfair(matched, force)
    primary = primary or primary_metric(files, plugins)
    scored = score(files, matched, primary, plugins, run, metrics, metric_options)
    refusals = possible_refusals.find(matched)
    measured = measure(files, matched, scored, primary, refusals)
    verdict = decide(measured)
    in_doubt = possible_refusals.could_change(verdict, refusals, files, matched, scored, primary)
    notes = [*([say("forced")] if matched.mismatches else []), *matched.notes, *scored.warnings]
    values = {name: {arm: r.items for arm, r in by_arm.items()} for name, by_arm in scored.metrics.items()}
    errors = {arm: error_kinds(matched.questions, matched.items[arm], values[primary][arm]) for arm in files}
    floor = noise_sentence(measured.arms, measured.metric)
    return Comparison(
        measured=_newest(files),
        primary_metric=primary,
        descriptions=scored.descriptions,
        n_questions=measured.n,
        n_documents=measured.n_documents if all(q.document is not None for q in matched.questions) else None,
        n_unanswerable=measured.n_unanswerable,
        leader=verdict.place.leader,
        tied=verdict.place.tied,
        arms=measured.arms,
        differences=measured.differences,
        noise_floor=in_words(floor) if floor else None,
        recommendations=[
            *verdict_line(verdict, measured, in_doubt=in_doubt),
            *advice(measured),
            *vote_notes(preferences),
            *cautions(measured, notes),
        ],
        next_steps=next_steps(measured, verdict.place.tied, errors),
        cost=reckon(files, matched.items, cost),
        disagreements=disagreements(matched.questions, matched.items, values[primary], _graded(values)),
        possible_refusals=possible_refusals.listed(matched, refusals),
        preferences=preferences,
        errors_breakdown=errors,
        mismatches=[in_words(mismatch) for mismatch in matched.mismatches],
        method=_method(files, primary, scored, plugins),
    )


def _graded(values: Mapping[str, Mapping[str, Sequence[float | None]]]) -> Mapping[str, Sequence[float | None]] | None:
    """The scores of the first metric that tells more than yes and no, for where those are all equally far apart."""
    shares = (by_arm for by_arm in values.values() if any(_is_share(v) for scores in by_arm.values() for v in scores))
    return next(shares, None)


def _is_share(value: float | None) -> bool:
    return value is not None and 0 < value < 1


def _refuse_unfair(matched: Matched, force: bool) -> None:
    if matched.mismatches and not force:
        raise UsageError(
            "these results can't be compared fairly:\n"
            + "\n".join(f"  - {mismatch.words('en')}" for mismatch in matched.mismatches),
            "evaluate all arms on the same questions, base model and decoding, or pass --force",
        )


def _newest(files: Mapping[str, ResultFile]) -> str | None:
    """The latest timestamp, as the files wrote it."""
    told = (file.metadata.get("timestamp") for file in files.values())
    return max((str(timestamp) for timestamp in told if timestamp), default=None)


def _method(files: Mapping[str, ResultFile], primary: str, scored: Scored, plugins: Plugins) -> dict[str, Any]:
    """How it was measured: what a reader needs to check or repeat it."""
    metrics = [use for use in plugins.used() if use["family"] == "metrics"]
    return {
        "dyag_version": __version__,
        "alpha": ALPHA,
        "confidence": round(100 * (1 - ALPHA)),
        "minimum_questions": MINIMUM_QUESTIONS,
        "minimum_documents": MINIMUM_DOCUMENTS,
        "power": 80,
        "latency_percentile": 95,
        "smallest_p_shown": 0.001,
        "possible_refusals_shown": possible_refusals.SHOWN,
        "metric_options": {name: options for name, options in scored.options.items() if options},
        "results": {arm: {"file": plain(f.path.name), "sha256": file_sha256(f.path)} for arm, f in files.items()},
        "commands": commands(files, primary),
        "scored_anew": {use["name"]: f"{use['distribution']} {use['version']}" for use in metrics},
    }
