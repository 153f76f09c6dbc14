"""Compare two or more arms on the same questions: result files in, one comparison, a report from each reporter out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dyag_core.artifacts import (
    MANIFEST_SUFFIX,
    atomic_text,
    disk_errors,
    output_lock,
    refuse_inputs,
    remove_leftovers,
    write_manifest,
)
from dyag_core.comparison.build import make_comparison
from dyag_core.comparison.cost import checked
from dyag_core.comparison.differences import CEILINGS, SIMPLEST_FIRST
from dyag_core.comparison.result_files import ResultFile, read_results
from dyag_core.errors import UsageError
from dyag_core.plugin.options import options_by_name
from dyag_core.plugin.run import Run
from dyag_core.progress import SilentProgress
from dyag_core.records import Comparison, CostOptions, Report
from dyag_core.records.comparison import ComparisonFiles
from dyag_core.text.language import LANGUAGES, check_language, detect_language
from dyag_core.text.sanitize import plain

if TYPE_CHECKING:
    from dyag_core.plugin.entry import Chosen
    from dyag_core.plugin.host import Plugins
    from dyag_core.progress import Progress
    from dyag_core.records.options import CompareOptions


def compare(
    given: CompareOptions,
    *,
    results: Mapping[str, Path] | Sequence[Path],
    output: Path,
    lang: str | None = None,
    seed: int = 42,
    plugins: Plugins,
    progress: Progress | None = None,
) -> ComparisonFiles:
    """Compare arms pair by pair on the questions that all of them answered.

    Args:
        results: arm name -> results file; or files alone, named after the arm in their metadata, else after the file.
        output: PREFIX of the files to write: PREFIX.md, PREFIX.json, PREFIX.html, PREFIX.manifest.json.
        given: all metrics but the primary one are Holm-corrected; one with options is scored anew. By force, what
            differs stands on top of the report.
        lang: "en" or "fr"; None follows the result files.
        seed: recorded; the statistics draw nothing at random.

    Raises:
        UsageError: fewer than two arms, a file that holds no results, nothing in common, or (unless by force)
            settings or questions that differ.
    """
    check_language(lang)
    cost = checked(given.cost or CostOptions())
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
    wanted = options_by_name("reporters", dict.fromkeys(given.reporters), given.reporter_options)
    chosen = [plugins.choose("reporters", name, options) for name, options in wanted.items()]
    with disk_errors(output), output_lock(output), plugins.stage(run) as done:
        comparison = make_comparison(
            files,
            primary=given.primary,
            metrics=given.metrics,
            metric_options=given.metric_options,
            force=given.force,
            cost=cost,
            votes=given.votes,
            plugins=plugins,
            run=run,
        )
        rendered = _render(comparison, chosen, plugins, run)
        manifest = output.with_name(output.name + MANIFEST_SUFFIX)
        remove_leftovers(manifest)
        places = _places(rendered, output)
        inputs = {arm: file.path for arm, file in files.items()}
        if given.votes is not None:
            inputs["votes"] = given.votes
        refuse_inputs([*places.values(), manifest], [*inputs.values()])
        _write(rendered, places)
        write_manifest(
            manifest,
            stage="compare",
            options={
                "reporters": list(rendered),
                "primary": comparison.primary_metric,
                "metrics": list(given.metrics),
                "lang": lang,
                "force": given.force,
                "cost": cost.model_dump(mode="json", exclude_none=True),
            },
            seed=seed,
            inputs=inputs,
            plugins=plugins.used(),
        )
        done.result = ComparisonFiles(comparison=comparison, lang=lang, files={**places, "manifest": manifest})
    result: ComparisonFiles = done.result
    return result


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


def _render(comparison: Comparison, reporters: Sequence[Chosen], plugins: Plugins, run: Run) -> dict[str, Report]:
    """What each reporter makes of the comparison; one that has nothing to write is left out, and the user told."""
    rendered = {}
    for reporter in reporters:
        report = plugins.report(reporter, comparison, run.lang)
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
