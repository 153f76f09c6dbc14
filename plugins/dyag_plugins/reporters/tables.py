"""The tables that Markdown and HTML both show: numbers as text in the report's language, not yet escaped."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, get_args

from dyag_core import Comparison, MetricSummary
from dyag_core.api import (
    arm_name,
    fill,
    interval,
    listed,
    metric_meaning,
    metric_name,
    number,
    percent,
    stratum_name,
    unit_name,
)
from dyag_core.records import ArmSummary, Difference, ErrorKind
from dyag_plugins.reporters.texts import texts


@dataclass(frozen=True)
class Cell:
    """What stands in one place of a table: the value, and a detail in brackets (an interval, a count)."""

    value: str
    detail: str = ""
    strong: bool = False


@dataclass(frozen=True)
class Table:
    """A header for each column, rows of cells; the first cell of a row is its label. `arms` colours the rows."""

    headers: list[str]
    rows: list[list[Cell]]
    arms: list[str] = field(default_factory=list)


def score_table(comparison: Comparison, lang: str) -> Table:
    """Arms down; metrics with intervals, failures, times and tokens across. A column that says nothing is left out."""
    say = texts(lang)
    columns: list[tuple[str, list[Cell]]] = [
        (
            metric_name(comparison.metric(name), lang),
            [
                _score(arm.metrics.get(name), lang, arm.name == comparison.leader and place == 0)
                for arm in comparison.arms
            ],
        )
        for place, name in enumerate(comparison.metrics)
    ]
    columns.append((say["errors"], [Cell(str(arm.errors)) for arm in comparison.arms]))
    for key, attribute in (("truncated", "truncated"), ("seen", "seen_in_training")):
        counts = [getattr(arm, attribute) for arm in comparison.arms]
        if any(counts):
            columns.append((say[key], [Cell(str(count)) for count in counts]))
    if any(arm.median_seconds is not None for arm in comparison.arms):
        columns.append((say["time"], [_time(arm, lang) for arm in comparison.arms]))
    if any(arm.prompt_tokens is not None for arm in comparison.arms):
        columns.append((say["tokens"], [_tokens(arm) for arm in comparison.arms]))
    elif any(arm.total_tokens is not None for arm in comparison.arms):
        totals = [arm.total_tokens for arm in comparison.arms]
        columns.append((say["total_tokens"], [Cell("–" if total is None else str(total)) for total in totals]))
    arms = [arm.name for arm in comparison.arms]
    rows = [
        [Cell(arm_name(arm, lang), strong=arm == comparison.leader), *(cells[row] for _, cells in columns)]
        for row, arm in enumerate(arms)
    ]
    return Table([say["arm"], *(header for header, _ in columns)], rows, arms)


def stratum_table(comparison: Comparison, lang: str) -> Table:
    """Arms down, strata across: the primary metric with its interval."""
    metric = comparison.primary_metric
    headers = [texts(lang)["arm"]]
    for stratum in comparison.strata:
        sizes = {arm.strata[stratum][metric].n for arm in comparison.arms if stratum in arm.strata}
        headers.append(f"{stratum_name(stratum, lang)} ({max(sizes)})")
    rows = [
        [Cell(arm_name(arm.name, lang)), *(_score(_in(arm, s, metric), lang) for s in comparison.strata)]
        for arm in comparison.arms
    ]
    return Table(headers, rows, [arm.name for arm in comparison.arms])


def difference_table(comparison: Comparison, differences: Sequence[Difference], lang: str) -> Table:
    """One line a pair of arms; a metric or stratum column where the differences are not all on the same."""
    say = texts(lang)
    metrics, strata = len({d.metric for d in differences}) > 1, any(d.stratum for d in differences)
    headers = [say["pair"], say["difference"], _filled(say["interval"], comparison, lang), say["p"], say["detectable"]]
    headers = [*([say["metric"]] if metrics else []), *([say["stratum"]] if strata else []), *headers, say["result"]]
    rows = []
    for d in differences:
        row = [Cell(metric_name(comparison.metric(d.metric), lang))] if metrics else []
        row += [Cell(stratum_name(d.stratum or "", lang))] if strata else []
        row += [
            Cell(pair_name(d, lang)),
            Cell(f"{number(d.difference, lang, sign=True)} {unit_name(d.unit, lang, comparison.metric(d.metric))}"),
            Cell(interval(d.low, d.high, lang, sign=True)),
            Cell(_p(comparison, d.p_holm, lang)),
            Cell("–" if d.detectable is None else number(d.detectable, lang)),
            Cell(_result(comparison, d, lang), strong=d.winner is not None),
        ]
        rows.append(row)
    return Table(headers, rows)


def error_table(comparison: Comparison, lang: str) -> Table:
    """Kinds of error down, arms across; kinds that no arm shows are left out."""
    kinds = [k for k in get_args(ErrorKind) if any(k in found for found in comparison.errors_breakdown.values())]
    arms = [arm.name for arm in comparison.arms]
    rows = [
        [
            Cell(texts(lang)["kinds"][kind]),
            *(_error_count(comparison, arm, kind, lang) for arm in arms),
        ]
        for kind in kinds
    ]
    return Table(["", *(arm_name(arm, lang) for arm in arms)], rows)


def _error_count(comparison: Comparison, arm: str, kind: ErrorKind, lang: str) -> Cell:
    """How many; and of how many, where only the unanswerable questions can be answered so."""
    count = comparison.errors_breakdown.get(arm, {}).get(kind, 0)
    of = comparison.n_unanswerable if kind == "should_have_abstained" else None
    return Cell(str(count), "" if of is None else fill(texts(lang)["of_unanswerable"], lang, {"n": of}))


def method_facts(comparison: Comparison, lang: str) -> list[tuple[str, str]]:
    """What a reader needs to repeat the measurement: label and value. What several arms share is said once."""
    say, method = texts(lang), comparison.method
    told: dict[tuple[str, str], list[str]] = {}
    for arm in comparison.arms:
        for fact in _arm_facts(arm, method.get("results", {}).get(arm.name, {}), say):
            told.setdefault(fact, []).append(arm_name(arm.name, lang))
    facts = _metric_facts(comparison, lang)
    facts += [
        (label if len(arms) == len(comparison.arms) else f"{label} ({listed(arms, lang)})", value)
        for (label, value), arms in told.items()
    ]
    if method.get("scored_anew"):
        facts.append((say["scored_anew"], _compact(method["scored_anew"])))
    if method.get("dyag_version"):
        facts.append((say["dyag"], str(method["dyag_version"])))
    return facts


def _metric_facts(comparison: Comparison, lang: str) -> list[tuple[str, str]]:
    """What each metric counts, and the options it was scored with."""
    facts = []
    for name in comparison.metrics:
        options = _compact(comparison.method.get("metric_options", {}).get(name) or {})
        metric = comparison.metric(name)
        told = [metric_meaning(metric, lang), f"({options})" if options else None]
        if any(told):
            facts.append((metric_name(metric, lang), " ".join(filter(None, told))))
    return facts


def _arm_facts(arm: ArmSummary, result: dict[str, Any], say: dict[str, Any]) -> Iterator[tuple[str, str]]:
    about = arm.metadata
    yield say["results"], f"{arm.file} sha256 {result.get('sha256', '–')}"
    base = about.get("base_model") or about.get("model")
    if base:
        yield say["base_model"], _compact(base)
    for name, label in _MEASURED:
        # DYAG 2.0 puts the base model's name under "model".
        if about.get(name) is not None and (name == "seed" or isinstance(about[name], dict)):
            yield say[label], _compact(about[name])
    if isinstance(about.get("plugins"), list):
        yield say["libraries"], _plugins(about["plugins"])


#: What a results file says about its making, beside the base model, and how that is called.
_MEASURED = (
    ("decoding", "decoding"),
    ("questions", "questions_file"),
    ("engine", "engine"),
    ("model", "model"),
    ("index", "retrieval"),
    ("training", "training"),
    ("seed", "seed"),
)


def _plugins(used: list[Any]) -> str:
    """ "success (dyag 3.0.0), ..."; each once."""
    named = [use for use in used if isinstance(use, dict) and use.get("name")]
    return ", ".join(
        dict.fromkeys(f"{use['name']} ({use.get('distribution', '?')} {use.get('version', '?')})" for use in named)
    )


def method_sentences(comparison: Comparison, lang: str) -> list[str]:
    """How the numbers were made."""
    return [_filled(text, comparison, lang) for text in texts(lang)["method_items"].values()]


def filled(key: str, comparison: Comparison, lang: str) -> str:
    """The text `key` with the comparison's numbers and names put in."""
    metric = metric_name(comparison.metric(comparison.primary_metric), lang)
    return _filled(texts(lang)[key], comparison, lang, metric=metric, primary=metric)


def pair_name(difference: Difference, lang: str) -> str:
    """ "hybrid − RAG"."""
    return f"{arm_name(difference.a, lang)} − {arm_name(difference.b, lang)}"


def parts(comparison: Comparison) -> tuple[list[Difference], list[Difference], list[Difference]]:
    """The differences on the primary metric, those by stratum in the strata's order, those on other metrics."""
    order = {stratum: place for place, stratum in enumerate(comparison.strata)}
    every = comparison.differences
    apart = sorted((d for d in every if d.stratum is not None), key=lambda d: order.get(d.stratum or "", 99))
    whole = [d for d in every if d.stratum is None]
    return [d for d in whole if d.primary], apart, [d for d in whole if not d.primary]


def _filled(text: str, comparison: Comparison, lang: str, **more: str) -> str:
    method = comparison.method
    parts = {
        "n": comparison.n_questions,
        "confidence": method.get("confidence", 95),
        "power": method.get("power", 80),
        "minimum": method.get("minimum_questions", 30),
        "minimum_documents": method.get("minimum_documents", 8),
        "shown": method.get("possible_refusals_shown", 20),
    }
    return fill(text, lang, {**parts, **more})


def _in(arm: ArmSummary, stratum: str, metric: str) -> MetricSummary | None:
    return arm.strata.get(stratum, {}).get(metric)


def _score(summary: MetricSummary | None, lang: str, strong: bool = False) -> Cell:
    if summary is None or summary.mean is None or summary.low is None or summary.high is None:
        return Cell("–")
    value = percent(summary.mean, lang) if summary.unit == "rate" else number(summary.mean, lang)
    return Cell(value, interval(summary.low, summary.high, lang), strong)


def _time(arm: ArmSummary, lang: str) -> Cell:
    if arm.median_seconds is None or arm.p95_seconds is None:
        return Cell("–")
    return Cell(f"{number(arm.median_seconds, lang)} s", f"p95 {number(arm.p95_seconds, lang)} s")


def _tokens(arm: ArmSummary) -> Cell:
    if arm.prompt_tokens is None or arm.completion_tokens is None:
        return Cell("–")
    return Cell(f"{arm.prompt_tokens:.0f} + {arm.completion_tokens:.0f}")


def _p(comparison: Comparison, value: float | None, lang: str) -> str:
    if value is None:
        return "–"
    smallest = comparison.method.get("smallest_p_shown", 0.001)
    return f"< {number(smallest, lang)}" if value < smallest else number(value, lang)


def _result(comparison: Comparison, difference: Difference, lang: str) -> str:
    say = texts(lang)
    if difference.n < comparison.method.get("minimum_questions", 30):
        return fill(say["too_few"], lang, {"n": difference.n})
    documents = difference.n_documents
    if documents is not None and documents < comparison.method.get("minimum_documents", 8):
        return fill(say["too_few_documents"], lang, {"n": documents})
    if difference.winner is not None:
        return fill(say["wins"], lang, {"arm": arm_name(difference.winner, lang)})
    summary = comparison.arms[0].metrics.get(difference.metric)
    directed = summary is None or summary.higher_is_better is not None
    return str(say["tie"] if directed else say["undirected"])


def _compact(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_compact(item)}" for key, item in value.items() if item not in (None, ""))
    return str(value)
