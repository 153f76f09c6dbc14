"""The comparison as Markdown: the verdict first, then the tables, then answers side by side.

Every text that comes from models, files or names is escaped where it is put in: it can open no table cell, no link,
no image and no HTML.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from pydantic import BaseModel

from dyag_core import Comparison, Report, hookimpl
from dyag_core.api import arm_name, fill, plain, stratum_name
from dyag_core.records import Disagreement
from dyag_plugins.reporters import cost_tables, verdict_tables
from dyag_plugins.reporters.tables import (
    Cell,
    Table,
    difference_table,
    error_table,
    filled,
    method_facts,
    method_sentences,
    parts,
    score_table,
    stratum_table,
)
from dyag_plugins.reporters.texts import texts

_SPECIAL = re.compile(r"([\\`*_\[\]|~!$@])")
_BLANK = re.compile(r"\s+")


class MarkdownReporter:
    """PREFIX.md, readable as it is and on any forge."""

    dyag_api = 1

    class Options(BaseModel, extra="forbid"):
        """None."""

    @hookimpl
    def dyag_report(self, comparison: Comparison, lang: str) -> Report:
        """The whole report, one blank line between blocks."""
        return Report(suffix=".md", text="\n\n".join(_blocks(comparison, lang)) + "\n")


def escape(text: str) -> str:
    """`text` as one line of Markdown that shows exactly these characters."""
    line = _BLANK.sub(" ", plain(text)).strip()
    line = _SPECIAL.sub(r"\\\1", line.replace("&", "&amp;")).replace("<", "&lt;").replace(">", "&gt;")
    # Forges turn addresses into links by themselves.
    line = line.replace("://", ":\\//").replace("www.", "www\\.")
    # Headings, lists and rules count at a line's start.
    return re.sub(r"^(\d*)([#+=.)-])(?=[\s#+=-]|$)", r"\1\\\2", line)


def _blocks(comparison: Comparison, lang: str) -> Iterator[str]:
    say = texts(lang)
    names = [arm_name(arm.name, lang) for arm in comparison.arms]
    yield "# " + escape(fill(say["title"], lang, {"arms": names}))
    if comparison.mismatches:
        yield _bullets([f"**{say['mismatches']}**"], [text[lang] for text in comparison.mismatches])
    verdict, *advice = comparison.recommendations
    yield f"**{escape(verdict.text[lang])}**"
    yield from _table(score_table(comparison, lang))
    yield escape(filled("arms_note", comparison, lang))
    warnings = [r.text[lang] for r in advice if r.kind == "warning"]
    if warnings:
        yield f"## {say['warnings']}"
        yield _bullets([], warnings)
    notes = [r.text[lang] for r in advice if r.kind != "warning"]
    if notes:
        yield f"## {say['advice']}"
        yield _bullets([], notes)
    if comparison.next_steps:
        yield f"## {say['next']}"
        yield _bullets([], [step.text[lang] for step in comparison.next_steps])
    yield from _differences(comparison, lang)
    if any(comparison.errors_breakdown.values()):
        yield f"## {say['errors_title']}"
        yield say["errors_note"]
        yield from _table(error_table(comparison, lang))
    yield from _refusals(comparison, lang)
    yield from _times(comparison, lang)
    yield from _cost(comparison, lang)
    if comparison.disagreements:
        yield f"## {say['disagreements']}"
        for disagreement in comparison.disagreements:
            yield from _disagreement(disagreement, lang)
    yield f"## {say['method']}"
    yield _bullets([], method_sentences(comparison, lang))
    yield _bullets([], [f"{label}: {value}" for label, value in method_facts(comparison, lang)])
    yield from _rules(comparison, lang)
    if comparison.method.get("commands"):
        yield say["commands"]
        yield _bullets([], comparison.method["commands"])


def _differences(comparison: Comparison, lang: str) -> Iterator[str]:
    say = texts(lang)
    primary, apart, secondary = parts(comparison)
    yield "## " + escape(filled("differences", comparison, lang))
    yield escape(filled("differences_note", comparison, lang))
    if comparison.noise_floor:
        yield escape(comparison.noise_floor[lang])
    yield from _table(difference_table(comparison, primary, lang))
    if comparison.strata:
        yield "## " + escape(filled("strata", comparison, lang))
        yield from _table(stratum_table(comparison, lang))
        yield from _table(difference_table(comparison, apart, lang))
    if secondary:
        yield f"## {say['secondary']}"
        yield say["secondary_note"]
        yield from _table(difference_table(comparison, secondary, lang))


def _refusals(comparison: Comparison, lang: str) -> Iterator[str]:
    table = verdict_tables.refusal_table(comparison, lang)
    if table.rows:
        yield f"## {texts(lang)['refusals']}"
        yield escape(filled("refusals_note", comparison, lang))
        yield from _table(table)


def _rules(comparison: Comparison, lang: str) -> Iterator[str]:
    table = verdict_tables.rule_table(comparison, lang)
    if table.rows:
        yield f"{texts(lang)['rules_title']}. {escape(filled('rules_note', comparison, lang))}"
        yield from _table(table)


def _times(comparison: Comparison, lang: str) -> Iterator[str]:
    table = cost_tables.latency_table(comparison, lang)
    if table.rows:
        yield f"## {texts(lang)['latency']}"
        yield from _table(table)
        yield escape(texts(lang)["latency_note"])


def _cost(comparison: Comparison, lang: str) -> Iterator[str]:
    say, cost = texts(lang), comparison.cost
    if cost is None or not cost.arms:
        return
    yield f"## {say['cost']}"
    if cost.sentences:
        yield _bullets([], [text[lang] for text in cost.sentences])
    yield from _table(cost_tables.cost_table(cost, lang))
    given = cost_tables.option_facts(cost, lang)
    yield escape(" ".join([say["cost_note"], *([fill(say["cost_given"], lang, {"facts": given})] if given else [])]))
    yield from _table(cost_tables.break_even_table(cost, lang))
    if cost.curve is not None:
        yield f"{say['curve_title'][cost.unit]}"
        yield from _table(cost_tables.curve_table(cost, lang))
    if cost.missing:
        yield _bullets([f"**{say['cost_missing']}**"], [text[lang] for text in cost.missing])


def _disagreement(disagreement: Disagreement, lang: str) -> Iterator[str]:
    say = texts(lang)
    where = [stratum_name(disagreement.stratum, lang)] if disagreement.stratum else []
    where += [f"{say['document']} {disagreement.document}"] if disagreement.document else []
    yield f"### {escape(disagreement.question)}"
    places = f" ({escape(', '.join(where))})" if where else ""
    yield f"{say['expected']}{say['colon']} **{escape(disagreement.expected)}**{places}"
    rows = []
    for answer in disagreement.answers:
        shown = fill(say["error"], lang, {"error": answer.error}) if answer.error else answer.answer or say["empty"]
        rows.append([Cell(arm_name(answer.arm, lang)), Cell(shown), Cell(mark(answer.score, lang))])
    yield from _table(Table([say["arm"], say["answer"], ""], rows))


def mark(score: float | None, lang: str) -> str:
    """Right, wrong, or the score in between."""
    say = texts(lang)
    if score is None:
        return "–"
    if score in (0.0, 100.0):
        return "✓ " + str(say["right"]) if score else "✗ " + str(say["wrong"])
    return fill(say["score"], lang, {"score": score})


def _bullets(head: Iterable[str], lines: Iterable[str]) -> str:
    return "\n".join([*(line + "\n" for line in head), *(f"- {escape(line)}" for line in lines)])


def _table(table: Table) -> Iterator[str]:
    """A Markdown table; nothing if it has no rows."""
    if not table.rows:
        return
    lines = [[escape(header) for header in table.headers], [":--"] + ["--:"] * (len(table.headers) - 1)]
    if any(len(cell.value) > 40 for row in table.rows for cell in row[1:]):
        lines[1] = [":--"] * len(table.headers)
    lines += [[_cell(cell) for cell in row] for row in table.rows]
    yield "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _cell(cell: Cell) -> str:
    value = f"**{escape(cell.value)}**" if cell.strong and cell.value else escape(cell.value)
    return f"{value} ({escape(cell.detail)})" if cell.detail else value
