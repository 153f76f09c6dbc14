"""A comparison at the terminal: the verdict, the table, what was written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dyag_core.cli.terminal import hint, result, table

if TYPE_CHECKING:
    from dyag_core.records import Comparison, MetricSummary
    from dyag_core.stages.compare import ComparisonFiles


def show_verdict(made: ComparisonFiles, *, as_json: bool) -> None:
    """The result on stdout, the files on stderr."""
    text = verdict(made.comparison, made.lang)
    result(made.comparison.model_dump(mode="json"), as_json=as_json, text=text)
    hint("", *[f"wrote {file}" for name, file in made.files.items() if name != "manifest"])


def verdict(comparison: Comparison, lang: str) -> str:
    """Table of arms on the primary metric, overall and by stratum, then each recommendation."""
    strata = list(dict.fromkeys(stratum for arm in comparison.arms for stratum in arm.strata))
    primary = comparison.primary_metric
    rows = [
        [
            arm.name,
            _cell(arm.metrics.get(primary)),
            *(_cell(arm.strata.get(stratum, {}).get(primary)) for stratum in strata),
            "-" if arm.median_seconds is None else f"{arm.median_seconds:.2f} s",
        ]
        for arm in comparison.arms
    ]
    words = {"en": ("questions", "median"), "fr": ("questions", "médiane")}[lang]
    head = table([primary, f"{comparison.n_questions} {words[0]}", *strata, words[1]], rows)
    advice = [f"* {recommendation.text[lang]}" for recommendation in comparison.recommendations]
    return "\n".join([head, "", *advice])


def _cell(summary: MetricSummary | None) -> str:
    if summary is None or summary.mean is None:
        return "-"
    unit = " %" if summary.unit == "rate" else ""
    return f"{summary.mean:.1f}{unit} [{summary.low:.0f}, {summary.high:.0f}]"
