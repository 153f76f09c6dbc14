"""A comparison at the terminal: the verdict, the table, the advice, what was written."""

from __future__ import annotations

import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING

from dyag_core.cli.terminal import hint, result, table
from dyag_core.comparison.names import arm_name, metric_name
from dyag_core.text.formatting import interval, number, percent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dyag_core.records import Comparison, MetricSummary
    from dyag_core.records.comparison import ComparisonFiles

_WORDS = {
    "en": {"recall": "recall", "unseen": "unseen", "unanswerable": "unanswerable", "median": "s/question"},
    "fr": {"recall": "rappel", "unseen": "inédit", "unanswerable": "sans réponse", "median": "s/question"},
}


def show_verdict(made: ComparisonFiles, *, as_json: bool, metrics: Sequence[str] = ()) -> None:
    """The result on stdout, the files on stderr; the table has `metrics` beside the primary one."""
    text = verdict(made.comparison, made.lang, metrics)
    result(made.comparison.model_dump(mode="json"), as_json=as_json, text=text)
    hint("", *[f"wrote {file}" for name, file in made.files.items() if name != "manifest"])


def show_in_browser(page: Path) -> None:
    """Open `page` in the user's browser; where there is none, say where the page is. Never an error."""
    address = page.resolve().as_uri()
    try:
        opened = webbrowser.open(address)
    except (webbrowser.Error, OSError):
        opened = False
    if not opened:
        hint(f"no browser could be opened; the report is {page}")


def verdict(comparison: Comparison, lang: str, metrics: Sequence[str] = ()) -> str:
    """The verdict; the arms on the primary metric, overall and by stratum, then on `metrics`; the other advice.

    All with 95 % intervals.
    """
    primary, words = comparison.primary_metric, _WORDS[lang]
    others = [metric for metric in dict.fromkeys(metrics) if metric != primary]
    strata = list(dict.fromkeys(stratum for arm in comparison.arms for stratum in arm.strata))
    rows = [
        [
            arm_name(arm.name, lang),
            _shown(arm.metrics.get(primary), lang),
            *(_shown(arm.strata.get(stratum, {}).get(primary), lang) for stratum in strata),
            *(_shown(arm.metrics.get(metric), lang) for metric in others),
            "-" if arm.median_seconds is None else number(arm.median_seconds, lang),
        ]
        for arm in comparison.arms
    ]
    parts = [words.get(stratum, stratum) for stratum in strata]
    more = [metric_name(comparison.metric(metric), lang) for metric in others]
    head = ["", metric_name(comparison.metric(primary), lang), *parts, *more, words["median"]]
    first, *rest = (recommendation.text[lang] for recommendation in comparison.recommendations)
    return "\n".join([first, "", table(head, rows), "", *(f"- {advice}" for advice in rest)]).rstrip()


def _shown(summary: MetricSummary | None, lang: str) -> str:
    """ "84.2% (77.6 to 88.6)"."""
    if summary is None or summary.mean is None or summary.low is None or summary.high is None:
        return "-"
    value = percent(summary.mean, lang) if summary.unit == "rate" else number(summary.mean, lang)
    return f"{value} ({interval(summary.low, summary.high, lang)})"
