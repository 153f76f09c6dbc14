"""The tables of times and costs that Markdown and HTML both show: numbers as text, not yet escaped."""

from __future__ import annotations

from dyag_core.api import arm_name, fill, number
from dyag_core.records import ArmCost, BreakEven, Comparison, Cost
from dyag_plugins.reporters.tables import Cell, Table
from dyag_plugins.reporters.texts import texts


def latency_table(comparison: Comparison, lang: str) -> Table:
    """Arms down, percentiles of the seconds a question across; arms without times are left out."""
    say = texts(lang)
    timed = [(arm.name, arm.latency) for arm in comparison.arms if arm.latency is not None]
    rows = [
        [
            Cell(arm_name(name, lang)),
            *(
                Cell(f"{number(value, lang)} s")
                for value in (
                    spread.low,
                    spread.lower_quarter,
                    spread.median,
                    spread.upper_quarter,
                    spread.high,
                    spread.longest,
                )
            ),
            Cell(str(spread.n)),
        ]
        for name, spread in timed
    ]
    headers = [say["arm"], "p5", say["lower_quarter"], say["median"], say["upper_quarter"], "p95", say["longest"]]
    return Table([*headers, say["answers"]], rows, [name for name, _ in timed])


def cost_table(cost: Cost, lang: str) -> Table:
    """Arms down; what was spent once and what a query takes across. A column that says nothing is left out."""
    say = texts(lang)
    columns = [
        (say["training"], [_seconds(arm, "training", lang) for arm in cost.arms]),
        (say["data"], [_seconds(arm, "data", lang) for arm in cost.arms]),
        (say["index"], [_seconds(arm, "index", lang) for arm in cost.arms]),
        (say["once"], [_amount(cost, arm.once, lang, incomplete=_incomplete(arm)) for arm in cost.arms]),
        (say["query_seconds"], [_amount(None, arm.query_seconds, lang) for arm in cost.arms]),
        (say["mean_tokens"], [_tokens(arm, lang) for arm in cost.arms]),
        (say["thousand"], [_amount(cost, arm.thousand, lang) for arm in cost.arms]),
    ]
    if cost.options.queries_per_month is not None:
        columns.append((say["month"], [_amount(cost, arm.month, lang) for arm in cost.arms]))
    said = [(header, cells) for header, cells in columns if any(cell.value not in ("–", "?") for cell in cells)]
    rows = [[Cell(arm_name(arm.arm, lang)), *(cells[row] for _, cells in said)] for row, arm in enumerate(cost.arms)]
    return Table([say["arm"], *(header for header, _ in said)], rows, [arm.arm for arm in cost.arms])


def break_even_table(cost: Cost, lang: str) -> Table:
    """One line a pair: who costs more once, against whom, and when that has paid."""
    say = texts(lang)
    rows = [
        [
            Cell(arm_name(pair.arm, lang)),
            Cell(arm_name(pair.against, lang)),
            Cell(_pays(pair, lang)),
            _amount(cost, pair.total, lang),
        ]
        for pair in cost.break_even
    ]
    return Table([say["dearer_once"], say["against"], say["pays_after"], say["total_then"]], rows)


def curve_table(cost: Cost, lang: str) -> Table:
    """Arms down, numbers of queries across: the points of the break-even curve."""
    if cost.curve is None:
        return Table([], [])
    rows = [
        [Cell(arm_name(arm, lang)), *(_amount(cost, total, lang) for total in totals)]
        for arm, totals in cost.curve.totals.items()
    ]
    headers = [fill(texts(lang)["after_queries"], lang, {"n": n}) for n in cost.curve.queries]
    return Table([texts(lang)["arm"], *headers], rows, list(cost.curve.totals))


def option_facts(cost: Cost, lang: str) -> list[str]:
    """What the user gave: prices, rates, seconds; "price of an hour 2"."""
    named = texts(lang)["cost_options"]
    return [f"{named[name]} {_plain_number(value, lang)}" for name, value in cost.options if value is not None]


def _plain_number(value: float, lang: str) -> str:
    return number(int(value) if value == int(value) else value, lang)


def _pays(pair: BreakEven, lang: str) -> str:
    say = texts(lang)
    if pair.queries is None:
        return str(say["never"])
    if pair.queries == 0 and not pair.at_least:
        return str(say["at_once"])
    return fill(say["queries_at_least" if pair.at_least else "queries"], lang, {"n": pair.queries})


def _seconds(arm: ArmCost, part: str, lang: str) -> Cell:
    """A part of what an arm costs once: "?" where it is not recorded, a dash where the arm has no such part."""
    value = getattr(arm, f"{part}_seconds")
    if value is None:
        return Cell("?" if part in arm.missing else "–")
    device = arm.training_device if part == "training" and arm.training_device else ""
    return Cell(f"{number(value, lang)} s", device)


def _incomplete(arm: ArmCost) -> bool:
    return any(part in arm.missing for part in ("training", "data", "index"))


def _amount(cost: Cost | None, value: float | None, lang: str, *, incomplete: bool = False) -> Cell:
    """Seconds, or an amount of money; with a note where a part of it is not known."""
    if value is None:
        return Cell("?" if incomplete else "–")
    money = cost is not None and cost.unit == "money"
    detail = str(texts(lang)["incomplete"]) if incomplete else ""
    return Cell(number(value, lang) + ("" if money else " s"), detail)


def _tokens(arm: ArmCost, lang: str) -> Cell:
    if arm.prompt_tokens is None or arm.completion_tokens is None:
        return Cell("–")
    return Cell(f"{number(arm.prompt_tokens, lang)} + {number(arm.completion_tokens, lang)}")
