"""Compare two or more arms on the same questions: result files in, one comparison, a report from each reporter out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dyag_core.artifacts import (
    MANIFEST_SUFFIX,
    atomic_text,
    disk_errors,
    file_sha256,
    output_lock,
    refuse_inputs,
    remove_leftovers,
    write_manifest,
)
from dyag_core.errors import UsageError
from dyag_core.language import LANGUAGES, check_language, detect_language
from dyag_core.options import options_by_name
from dyag_core.plain import plain
from dyag_core.records import ArmSummary, Comparison, CostOptions, Latency, MetricResult, MetricSummary, Record, Report
from dyag_core.records.comparison import MINIMUM_QUESTIONS
from dyag_core.run import Run, SilentProgress
from dyag_core.stages.breakdown import disagreements, error_kinds
from dyag_core.stages.commands import commands
from dyag_core.stages.cost import checked, reckon
from dyag_core.stages.differences import (
    CEILINGS,
    SIMPLEST_FIRST,
    all_differences,
    indices_by_stratum,
)
from dyag_core.stages.matching import Matched, match
from dyag_core.stages.next_steps import next_steps
from dyag_core.stages.recommend import cautions, recommend
from dyag_core.stages.repeats import above_noise, noise, noise_sentence
from dyag_core.stages.result_files import Item, ResultFile, read_results
from dyag_core.stages.scoring import Scored, score
from dyag_core.stages.sentences import SENTENCES
from dyag_core.stats import ALPHA, summarise
from dyag_core.version import __version__
from dyag_core.wording import rounded

if TYPE_CHECKING:
    from dyag_core.manager import Chosen, Plugins
    from dyag_core.protocols import Progress


class ComparisonFiles(Record):
    """What `compare` made: the comparison, its language, and the files written (reporter -> path, and "manifest")."""

    comparison: Comparison
    lang: str
    files: dict[str, Path]


def compare(
    *,
    results: Mapping[str, Path] | Sequence[Path],
    output: Path,
    reporters: Sequence[str] = ("markdown", "json", "html"),
    reporter_options: Mapping[str, Mapping[str, Any]] | None = None,
    primary: str = "success",
    metrics: Sequence[str] = (),
    metric_options: Mapping[str, Mapping[str, Any]] | None = None,
    lang: str | None = None,
    force: bool = False,
    cost: CostOptions | None = None,
    seed: int = 42,
    plugins: Plugins,
    progress: Progress | None = None,
) -> ComparisonFiles:
    """Compare arms pair by pair on the questions that all of them answered.

    Args:
        results: arm name -> results file; or files alone, named after the arm in their metadata, else after the file.
        output: PREFIX of the files to write: PREFIX.md, PREFIX.json, PREFIX.html, PREFIX.manifest.json.
        reporters: names of reporter plugins.
        reporter_options: reporter -> its options.
        primary: the metric that decides; all others are Holm-corrected.
        metrics: metrics to score from the answers where the files don't hold them.
        metric_options: metric -> its options; such a metric is scored anew.
        lang: "en" or "fr"; None follows the result files.
        force: compare although questions, base model or decoding differ; the list then stands on top of the report.
        cost: prices, the rate of changes, and seconds that no results file holds.
        seed: recorded; the statistics draw nothing at random.

    Raises:
        UsageError: fewer than two arms, a file that holds no results, nothing in common, or (without `force`)
            settings or questions that differ.
    """
    check_language(lang)
    cost = checked(cost or CostOptions())
    files = _read(results)
    lang = lang or _language(files)
    run = Run(
        stage="compare",
        folder=output.parent,
        output=output,
        plugins=plugins,
        seed=seed,
        lang=lang,
        progress=progress or SilentProgress(),
    )
    wanted = options_by_name("reporters", dict.fromkeys(reporters), reporter_options)
    chosen = [plugins.choose("reporters", name, options) for name, options in wanted.items()]
    with disk_errors(output), output_lock(output), plugins.stage(run) as done:
        comparison = make_comparison(
            files,
            primary=primary,
            metrics=metrics,
            metric_options=metric_options,
            force=force,
            cost=cost,
            run=run,
        )
        rendered = _render(comparison, chosen, lang, run)
        manifest = output.with_name(output.name + MANIFEST_SUFFIX)
        remove_leftovers(manifest)
        places = _places(rendered, output)
        refuse_inputs([*places.values(), manifest], [file.path for file in files.values()])
        _write(rendered, places)
        write_manifest(
            manifest,
            stage="compare",
            options={
                "reporters": list(rendered),
                "primary": primary,
                "metrics": list(metrics),
                "lang": lang,
                "force": force,
                "cost": cost.model_dump(mode="json", exclude_none=True),
            },
            seed=seed,
            inputs={arm: file.path for arm, file in files.items()},
            plugins=plugins.used(),
        )
        done.result = ComparisonFiles(comparison=comparison, lang=lang, files={**places, "manifest": manifest})
    result: ComparisonFiles = done.result
    return result


def make_comparison(
    files: Mapping[str, ResultFile],
    *,
    primary: str,
    metrics: Sequence[str] = (),
    metric_options: Mapping[str, Mapping[str, Any]] | None = None,
    force: bool,
    cost: CostOptions,
    run: Run,
) -> Comparison:
    """The comparison of files already read, without writing anything."""
    matched = match(files)
    if matched.mismatches and not force:
        raise UsageError(
            "these results can't be compared fairly:\n" + "\n".join(f"  - {text['en']}" for text in matched.mismatches),
            "evaluate all arms on the same questions, base model and decoding, or pass --force",
        )
    scored = score(files, matched, primary, run, metrics, metric_options)
    documents = [question.document for question in matched.questions]
    strata = [question.stratum for question in matched.questions]
    differences = all_differences(scored.metrics, primary, documents, strata)
    arms = [_arm(arm, file, matched, scored, primary) for arm, file in files.items()]
    differences = above_noise(differences, arms)
    if sum(d.primary and d.stratum is None for d in differences) < len(arms) * (len(arms) - 1) // 2:
        raise UsageError(f"no question has a score on {primary!r} in every pair of arms")
    n = len(matched.questions)
    n_documents = len(set(documents)) if None not in documents else None
    place, advice = recommend(arms, differences, primary, n)
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
        n_questions=n,
        n_documents=n_documents,
        leader=place.leader if n >= MINIMUM_QUESTIONS else None,
        tied=place.tied,
        arms=arms,
        differences=differences,
        noise_floor=noise_sentence(arms, primary),
        recommendations=[*advice, *cautions(arms, notes, n)],
        next_steps=next_steps(arms, place.tied, differences, errors, n, n_documents),
        cost=reckon(files, matched.items, cost),
        disagreements=disagreements(matched.questions, matched.items, values[primary], values.get("token_f1")),
        errors_breakdown=errors,
        mismatches=matched.mismatches,
        method=_method(files, primary, scored, run.plugins),
    )


def _read(results: Mapping[str, Path] | Sequence[Path]) -> dict[str, ResultFile]:
    """Result files by arm: the usual arms in their usual order, then the others as given, ceilings last."""
    if isinstance(results, Mapping):
        names = [plain(str(arm)) for arm in results]
        loaded = [read_results(Path(path)) for path in results.values()]
    else:
        loaded = [read_results(Path(path)) for path in results]
        names = [str(file.metadata.get("arm") or file.path.stem) for file in loaded]
        if len(set(names)) < len(names):
            names = [file.path.stem for file in loaded]
    if len(set(names)) < len(names):
        raise UsageError("two result files have the same name", "name the arms: --results NAME=FILE")
    read = dict(zip(names, loaded, strict=True))
    if len(read) < 2:
        raise UsageError("at least two result files are needed to compare")
    usual = [arm for arm in SIMPLEST_FIRST if arm in read]
    ceilings = [arm for arm in CEILINGS if arm in read]
    return {arm: read[arm] for arm in [*usual, *(arm for arm in read if arm not in usual + ceilings), *ceilings]}


def _language(files: Mapping[str, ResultFile]) -> str:
    told = {file.metadata.get("language", file.metadata.get("lang")) for file in files.values()}
    if len(told) == 1 and (only := told.pop()) in LANGUAGES:
        return str(only)
    return detect_language(item.prediction.question for file in files.values() for item in file.items)


def _render(comparison: Comparison, reporters: Sequence[Chosen], lang: str, run: Run) -> dict[str, Report]:
    """What each reporter makes of the comparison; one that has nothing to write is left out, and the user told."""
    rendered = {}
    for reporter in reporters:
        report = run.plugins.report(reporter, comparison, lang)
        if report is None:
            run.progress.message(f"{reporter} has nothing to write about this comparison")
        else:
            rendered[reporter.name] = report
    return rendered


def _places(rendered: Mapping[str, Report], output: Path) -> dict[str, Path]:
    """Where each report stands: beside the others, under the prefix `output`."""
    places = {name: output.with_name(output.name + report.suffix) for name, report in rendered.items()}
    twice = [str(path) for path, count in Counter(places.values()).items() if count > 1]
    if twice:
        raise UsageError(f"two reporters would both write {twice[0]}", "choose one of them")
    return places


def _write(rendered: Mapping[str, Report], places: Mapping[str, Path]) -> None:
    remove_leftovers(*places.values())
    for name, report in rendered.items():
        atomic_text(places[name], report.text)


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
