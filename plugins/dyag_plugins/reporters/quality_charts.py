"""The charts of the report on training data: bars of rows, and a histogram of lengths."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dyag_core.api import fill, number, percent, rounded
from dyag_core.records import Bin, Lengths
from dyag_plugins.reporters.charts import Chart, Group, Mark, Scale, Tick


@dataclass(frozen=True)
class Column:
    """A bar of a histogram: left edge, width and height in per cent, and what it stands for."""

    x: float
    width: float
    height: float
    label: str


@dataclass(frozen=True)
class Histogram:
    """Columns over an axis; `limit` is where the limit stands, if it lies within."""

    columns: list[Column]
    ticks: list[Tick]
    limit: float | None


def row_bars(counts: Mapping[str, int], total: int, lang: str) -> Chart:
    """A bar for each name, with its number of rows and their share of `total`."""
    scale = _scale(max(counts.values(), default=0))
    marks = []
    for label, rows in counts.items():
        x = scale.at(rows)
        share = percent(rounded(100 * rows / total), lang) if total and rows else ""
        marks.append(Mark(label, "", x, x, x, number(rows, lang), share))
    return Chart([Group("", marks)], scale.ticks(lang), scale.at(0))


def length_histogram(lengths: Lengths, of_rows: Mapping[str, str], lang: str) -> Histogram:
    """`of_rows` holds the texts `bin` and `count_rows`."""
    bins = lengths.histogram
    most = max(bin_.count for bin_ in bins)
    width = 100 / len(bins)
    columns = [
        Column(
            x=round(i * width + 0.08 * width, 2),
            width=round(0.84 * width, 2),
            height=round(100 * bin_.count / most, 2),
            label=f"{_range(bin_, of_rows, lang)}: {fill(of_rows['count_rows'], lang, {'n': bin_.count})}",
        )
        for i, bin_ in enumerate(bins)
    ]
    every = -(-len(bins) // 6)
    ticks = [Tick(round(i * width, 2), number(bin_.low, lang)) for i, bin_ in enumerate(bins) if i % every == 0]
    return Histogram(columns, ticks, _place(lengths.limit, bins))


def coverage_bars(bins: Sequence[Bin], say: Mapping[str, str], lang: str) -> Chart:
    """A bar for none, one, 2 to 3, 4 to 7 ... rows: how many documents or facts have so many."""
    shown = bins if bins[0].count else bins[1:]
    counts = {say["no_row"] if bin_.high == 0 else _several(bin_, say, lang): bin_.count for bin_ in shown}
    return row_bars(counts, sum(counts.values()), lang)


def _several(bin_: Bin, say: Mapping[str, str], lang: str) -> str:
    if bin_.low == bin_.high:
        return fill(say["count_rows"], lang, {"n": bin_.low})
    return fill(say["range_rows"], lang, {"low": bin_.low, "high": bin_.high})


def _place(limit: int | None, bins: Sequence[Bin]) -> float | None:
    low, high = bins[0].low, bins[-1].high + 1
    return round(100 * (limit - low) / (high - low), 2) if limit is not None and low < limit < high else None


def _range(bin_: Bin, say: Mapping[str, str], lang: str) -> str:
    return str(bin_.low) if bin_.low == bin_.high else fill(say["bin"], lang, {"low": bin_.low, "high": bin_.high})


def _scale(most: int) -> Scale:
    """From zero, with whole numbers as ticks, four or five of them."""
    steps = (m * 10**e for e in range(12) for m in (1, 2, 5))
    step = next(step for step in steps if step * 4 >= most)
    return Scale(0, max(1, -(-most // step)) * step, step)
