"""Reporter `csv`: the metrics of every arm as one table, for a spreadsheet.

One line an arm, stratum and metric. Rates are percentages, `low` and `high` bound the 95 % interval.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from pydantic import BaseModel, Field

from dyag_core import Comparison, MetricSummary, Report, hookimpl
from dyag_core.text.sanitize import plain

dyag_api = 1

_HEADERS = {
    "en": ("arm", "stratum", "metric", "mean", "low", "high", "questions", "unit"),
    "fr": ("bras", "strate", "métrique", "moyenne", "bas", "haut", "questions", "unité"),
}
#: A spreadsheet takes a text that begins so for a formula, and runs it.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class Options(BaseModel, extra="forbid"):
    """How the table is written."""

    delimiter: str = Field(",", min_length=1, max_length=1, description="between cells; French spreadsheets want ;")


@hookimpl
def dyag_report(comparison: Comparison, options: Options, lang: str) -> Report:
    """All metrics, over all questions first, then stratum by stratum."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=options.delimiter, lineterminator="\n")
    writer.writerow(_HEADERS[lang])
    for row in _rows(comparison):
        writer.writerow([_as_text(cell) if isinstance(cell, str) else cell for cell in row])
    return Report(suffix=".csv", text=text.getvalue())


def _rows(comparison: Comparison) -> Iterator[list[str | float | int | None]]:
    for arm in comparison.arms:
        for stratum, metrics in {"": arm.metrics, **arm.strata}.items():
            for metric in metrics.values():
                yield [arm.name, stratum, *_numbers(metric)]


def _numbers(metric: MetricSummary) -> list[str | float | int | None]:
    return [metric.name, metric.mean, metric.low, metric.high, metric.n, "%" if metric.unit == "rate" else metric.unit]


def _as_text(cell: str) -> str:
    """Names come from files of others: no control characters, and nothing that a spreadsheet runs."""
    cell = plain(cell)
    return f"'{cell}" if cell.startswith(_FORMULA) else cell
