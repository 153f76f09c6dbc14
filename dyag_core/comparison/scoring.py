"""The scores that a comparison rests on: as the files hold them where all do, else scored anew for every arm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dyag_core.comparison.matching import Matched
from dyag_core.comparison.sentences import Sentence, say
from dyag_core.errors import DyagError, UsageError, nearest
from dyag_core.plugin.metric_descriptions import primary_among, scored_by_default
from dyag_core.plugin.options import options_by_name
from dyag_core.records import MetricDescription, MetricResult, Prediction

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dyag_core.comparison.result_files import Item, ResultFile
    from dyag_core.plugin.host import Plugins
    from dyag_core.plugin.run import Run


@dataclass(frozen=True)
class Scored:
    """Metric -> arm -> scores in the order of the questions, the primary metric first; and what to tell the reader.

    `descriptions` is what these metrics say about themselves, `options` holds the options that each was scored with, as
    far as they are known.
    """

    metrics: dict[str, dict[str, MetricResult]]
    descriptions: dict[str, MetricDescription] = field(default_factory=dict)
    options: dict[str, dict[str, Any]] = field(default_factory=dict)
    warnings: list[Sentence] = field(default_factory=list)


def score(
    files: Mapping[str, ResultFile],
    matched: Matched,
    primary: str,
    plugins: Plugins,
    run: Run,
    wanted: Sequence[str] = (),
    options: Mapping[str, Mapping[str, Any]] | None = None,
) -> Scored:
    """Scores of every metric that all arms can be scored on; an answer that failed is wrong (E2).

    Args:
        wanted: metrics to score beside those that the files hold.
        options: metric -> options; a metric that has some is scored anew, whatever the files hold.

    Raises:
        UsageError: the primary metric is unknown, or neither direction of it is better; options for a metric that is
            not scored. DyagError: a wanted metric can't be scored.
    """
    described = _descriptions(files, plugins, [primary, *wanted])
    others = sorted(described, key=lambda name: (described[name].place, name))
    given = options_by_name("metrics", dict.fromkeys([primary, *others]), options)
    scored = Scored({})
    for name, chosen in given.items():
        recorded = _recorded_options(files, name)
        results = _stored(files, matched, name) if not chosen and len(recorded) < 2 else None
        used = recorded[0] if recorded else {}
        if results is None:
            try:
                results, used = _anew(plugins, run, matched, name, chosen)
            except DyagError as error:
                if name in wanted or chosen:
                    raise
                if name == primary:
                    raise UsageError(
                        f"no file holds scores of the primary metric {name!r}, and no plugin gives them: {error}",
                        error.hint or nearest(name, sorted(set().union(*(file.scored for file in files.values())))),
                    ) from error
                scored.warnings.append(say("metric_left_out", name=name, reason=error.message))
                continue
            if len(recorded) > 1 and not chosen:
                scored.warnings.append(say("metric_options_differ", name=name))
            if name in wanted and results is not None and _says_nothing(results):
                scored.warnings.append(say("metric_says_nothing", name=name))
        if results is not None:
            scored.metrics[name] = results
            scored.options[name] = used
            kind = next(iter(results.values()))
            about = {"unit": kind.unit, "higher_is_better": kind.higher_is_better}
            scored.descriptions[name] = described[name].model_copy(update=about)
    if primary not in scored.metrics:
        raise UsageError(f"the primary metric {primary!r} does not apply to these questions")
    by_arm = scored.metrics[primary]
    if next(iter(by_arm.values())).higher_is_better is None:
        raise UsageError(f"{primary!r} can't be the primary metric: neither more nor less of it is better")
    scored.metrics[primary] = {arm: _errors_are_wrong(r, matched.items[arm]) for arm, r in by_arm.items()}
    return scored


def primary_metric(files: Mapping[str, ResultFile], plugins: Plugins) -> str:
    """The metric that decides where the user doesn't say which: as the files say, else as the installed metrics do.

    Raises:
        UsageError: no metric says so, or several do.
    """
    in_files = [metric for file in files.values() for metric in file.descriptions.values()]
    return primary_among(in_files if any(metric.primary for metric in in_files) else plugins.metrics())


def _descriptions(
    files: Mapping[str, ResultFile], plugins: Plugins, named: Sequence[str]
) -> dict[str, MetricDescription]:
    """Every metric that the files have scores of, or that is `named`; as the files describe it, else its plugin.

    Files without any scores (DYAG 2.0) are scored on the default metrics.
    """
    in_files = set().union(*(file.scored for file in files.values()))
    names = {*named, *(in_files or scored_by_default(plugins.metrics(), retrieving=False))}
    return {
        name: next((f.descriptions[name] for f in files.values() if name in f.descriptions), None)
        or plugins.metric(name)
        for name in names
    }


def _recorded_options(files: Mapping[str, ResultFile], name: str) -> list[dict[str, Any]]:
    """The different options that the files say they scored a metric with."""
    found: list[dict[str, Any]] = []
    for file in files.values():
        plugins = file.metadata.get("plugins")
        for use in plugins if isinstance(plugins, list) else []:
            if isinstance(use, dict) and (use.get("family"), use.get("name")) == ("metrics", name):
                options = use.get("options")
                if isinstance(options, dict) and options not in found:
                    found.append(options)
    return found


def _stored(files: Mapping[str, ResultFile], matched: Matched, name: str) -> dict[str, MetricResult] | None:
    """The files' own scores, if every file has them and one says what kind of number they are."""
    kind = next((file.kinds[name] for file in files.values() if name in file.kinds), None)
    if kind is None or not all(name in file.scored for file in files.values()):
        return None
    unit, higher_is_better = kind
    results = {}
    for arm, items in matched.items.items():
        values = [item.scores[name] for item in items]
        if unit == "rate" and any(value is not None and not 0 <= value <= 1 for value in values):
            raise UsageError(f"{files[arm].path}: a score of {name!r} is no share between 0 and 1")
        results[arm] = MetricResult(
            name=name,
            items=values,
            higher_is_better=higher_is_better,
            unit=unit,
            unjudged=[place for place, item in enumerate(items) if name in item.unjudged],
            details=files[arm].details.get(name, {}),
        )
    return results


def _anew(
    plugins: Plugins, run: Run, matched: Matched, name: str, options: Mapping[str, Any]
) -> tuple[dict[str, MetricResult] | None, dict[str, Any]]:
    """Every arm scored by the metric's plugin, on the questions as all files together describe them; its options."""
    chosen = plugins.choose("metrics", name, options)
    results = {}
    for arm, items in matched.items.items():
        result = plugins.score(chosen, _predictions(matched.questions, items), run)
        if result is None:
            return None, {}
        results[arm] = result
    return results, chosen.options.model_dump(mode="json")


def _says_nothing(results: Mapping[str, MetricResult]) -> bool:
    return all(value is None for result in results.values() for value in result.items)


def _predictions(questions: Sequence[Prediction], items: Sequence[Item]) -> list[Prediction]:
    shared = ("id", "answerable", "stratum", "document", "chunk", "other_chunks", "fact")
    return [
        item.prediction.model_copy(update={name: getattr(question, name) for name in shared})
        for question, item in zip(questions, items, strict=True)
    ]


def _errors_are_wrong(result: MetricResult, items: Sequence[Item]) -> MetricResult:
    if result.unit != "rate" or not result.higher_is_better:
        return result
    values = [value if item.prediction.error is None else 0.0 for value, item in zip(result.items, items, strict=True)]
    return result.model_copy(update={"items": values})
