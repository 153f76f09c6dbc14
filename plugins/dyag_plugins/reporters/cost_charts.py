"""Where the marks of the latency chart and the break-even curve stand, in per cent: see charts.py."""

from __future__ import annotations

from dataclasses import dataclass

from dyag_core.api import arm_name, fill, interval, number
from dyag_core.records import BreakEven, Comparison, Cost, Curve
from dyag_plugins.reporters.charts import Scale, Tick
from dyag_plugins.reporters.texts import texts

#: The plot inside the drawing, in per cent: the axis' numbers stand left of it, the arms' names right.
_LEFT, _RIGHT, _TOP, _BOTTOM = 14.0, 80.0, 5.0, 90.0
#: Names at the lines' ends keep so far apart (per cent of the height), and are no longer than this.
_APART = 7.0
_LONGEST_NAME = 12


@dataclass(frozen=True)
class Box:
    """One arm's times: box from quarter to quarter, whiskers from p5 to p95."""

    label: str
    arm: str
    low: float
    lower: float
    median: float
    upper: float
    high: float
    value: str
    detail: str
    title: str


@dataclass(frozen=True)
class Boxes:
    """Boxes over one axis; `zero` is where it begins."""

    boxes: list[Box]
    ticks: list[Tick]
    zero: float


@dataclass(frozen=True)
class Line:
    """One arm's total from left to right, and where its name stands."""

    arm: str
    label: str
    short: str
    x1: float
    y1: float
    x2: float
    y2: float
    name_y: float


@dataclass(frozen=True)
class Crossing:
    """Where two arms have cost the same."""

    x: float
    y: float
    label: str


@dataclass(frozen=True)
class Plot:
    """The break-even curve: ticks across and up, lines, crossings, and the frame they stand in."""

    across: list[Tick]
    up: list[Tick]
    lines: list[Line]
    crossings: list[Crossing]
    title: str
    detail: str
    left: float = _LEFT
    right: float = _RIGHT
    top: float = _TOP
    bottom: float = _BOTTOM


def latency_boxes(comparison: Comparison, lang: str) -> Boxes | None:
    """How the seconds a question are spread, arm by arm; None where no file holds times."""
    timed = [(arm.name, arm.latency) for arm in comparison.arms if arm.latency is not None]
    if not timed:
        return None
    say = texts(lang)
    scale = Scale.over([0.0, *(spread.high for _, spread in timed)])
    boxes = [
        Box(
            arm_name(name, lang),
            name,
            *(
                scale.at(v)
                for v in (spread.low, spread.lower_quarter, spread.median, spread.upper_quarter, spread.high)
            ),
            value=f"{number(spread.median, lang)} s",
            detail=f"p95 {number(spread.high, lang)} s",
            title=fill(
                say["box_title"],
                lang,
                {
                    "arm": arm_name(name, lang),
                    "median": spread.median,
                    "quarters": interval(spread.lower_quarter, spread.upper_quarter, lang),
                    "ends": interval(spread.low, spread.high, lang),
                },
            ),
        )
        for name, spread in timed
    ]
    return Boxes(boxes, scale.ticks(lang), scale.at(0.0))


def break_even_plot(cost: Cost | None, lang: str) -> Plot | None:
    """Totals against queries; None where fewer than two arms have a known cost."""
    if cost is None or cost.curve is None:
        return None
    curve, say = cost.curve, texts(lang)
    last = curve.queries[-1]
    scale = Scale.over([0.0, *(total for totals in curve.totals.values() for total in totals)])

    def x(queries: float) -> float:
        return round(_LEFT + (_RIGHT - _LEFT) * queries / last, 2)

    def y(total: float) -> float:
        return round(_BOTTOM - (_BOTTOM - _TOP) * (total - scale.low) / (scale.high - scale.low), 2)

    names = _spread_out({arm: y(totals[-1]) for arm, totals in curve.totals.items()})
    lines = [
        Line(arm, name, _short(name), x(0), y(totals[0]), x(last), y(totals[-1]), names[arm])
        for arm, totals in curve.totals.items()
        for name in (arm_name(arm, lang),)
    ]
    drawn = [p for p in cost.break_even if p.queries and p.total is not None and p.queries <= last]
    return Plot(
        across=[Tick(x(n), number(n, lang)) for n in curve.queries],
        up=[Tick(y(value), number(int(value) if value == int(value) else value, lang)) for value in _steps(scale)],
        lines=lines,
        crossings=[Crossing(x(p.queries or 0), y(p.total or 0.0), number(p.queries or 0, lang)) for p in drawn],
        title=say["curve_title"][cost.unit],
        detail=_told(curve, drawn, lang),
    )


def _told(curve: Curve, drawn: list[BreakEven], lang: str) -> str:
    """The plot in words, for those who do not see it."""
    say = texts(lang)
    ends = [
        fill(
            say["curve_line"],
            lang,
            {"arm": arm_name(arm, lang), "start": totals[0], "end": totals[-1], "n": curve.queries[-1]},
        )
        for arm, totals in curve.totals.items()
    ]
    crossings = [
        fill(
            say["curve_crossing"],
            lang,
            {"arm": arm_name(p.arm, lang), "against": arm_name(p.against, lang), "n": p.queries},
        )
        for p in drawn
    ]
    return " ".join([*ends, *crossings])


def _steps(scale: Scale) -> list[float]:
    count = round((scale.high - scale.low) / scale.step)
    return [round(scale.low + i * scale.step, 6) for i in range(count + 1)]


def _spread_out(places: dict[str, float]) -> dict[str, float]:
    """The same heights, pushed apart where names would stand on each other, and kept inside the drawing."""
    order = sorted(places, key=lambda arm: places[arm])
    spread: dict[str, float] = {}
    floor = 0.0
    for arm in order:
        spread[arm] = floor = max(places[arm], floor + _APART if spread else 0.0)
    ceiling = 100.0
    for arm in reversed(order):
        spread[arm] = round(min(spread[arm], ceiling), 2)
        ceiling = spread[arm] - _APART
    return spread


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 1].rstrip() + "…"
