"""Comparisons and training data as one HTML file: no script, no request, light and dark, for screen, phone, paper."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from dyag_core import Comparison, Quality, Report, hookimpl
from dyag_core.api import arm_name, fill, plain, stratum_name
from dyag_plugins.reporters import charts, cost_charts, cost_tables, tables, verdict_tables
from dyag_plugins.reporters.markdown import mark
from dyag_plugins.reporters.page import render
from dyag_plugins.reporters.quality import view
from dyag_plugins.reporters.texts import texts

#: Arms that have a colour of their own in report.css; others take the next free one.
_COLOURS = {"base": 0, "rag": 1, "finetuned": 2, "hybrid": 3, "oracle": 4}
_FREE = (5, 6, 4, 1, 2, 3)


class HTMLReporter:
    """PREFIX.html for a comparison, NAME.report.html for training data."""

    dyag_api = 1

    class Options(BaseModel, extra="forbid"):
        """None."""

    @hookimpl
    def dyag_report(self, comparison: Comparison, lang: str) -> Report:
        """The whole page."""
        return Report(suffix=".html", text=render("report.html.jinja", lang, _view(comparison, lang)))

    @hookimpl
    def dyag_report_quality(self, quality: Quality, lang: str) -> Report:
        """The same page for training data."""
        return Report(suffix=".html", text=render("quality.html.jinja", lang, view(quality, lang)))


def _view(comparison: Comparison, lang: str) -> dict[str, Any]:
    """Everything that the template shows, already in words."""
    say = texts(lang)
    primary, apart, secondary = tables.parts(comparison)
    verdict, *advice = comparison.recommendations
    return {
        "lang": lang,
        "say": say,
        "title": fill(say["title"], lang, {"arms": [arm_name(arm.name, lang) for arm in comparison.arms]}),
        "facts": _facts(comparison, lang),
        "colour": _colours(comparison),
        "mismatches": [text[lang] for text in comparison.mismatches],
        "verdict": verdict.text[lang],
        "verdict_kind": verdict.kind,
        "notes": [r.text[lang] for r in advice if r.kind != "warning"],
        "warnings": [r.text[lang] for r in advice if r.kind == "warning"],
        "scores": tables.score_table(comparison, lang),
        "scores_note": tables.filled("arms_note", comparison, lang),
        "forest": charts.forest(comparison, [*primary, *apart], lang),
        "forest_title": tables.filled("differences", comparison, lang),
        "forest_note": tables.filled("differences_note", comparison, lang),
        "noise_floor": comparison.noise_floor[lang] if comparison.noise_floor else None,
        "differences": tables.difference_table(comparison, primary, lang),
        "strata": charts.strata_bars(comparison, lang),
        "strata_title": tables.filled("strata", comparison, lang),
        "strata_differences": tables.difference_table(comparison, apart, lang),
        "secondary": tables.difference_table(comparison, secondary, lang),
        "errors": tables.error_table(comparison, lang),
        "refusals": verdict_tables.refusal_table(comparison, lang),
        "refusals_note": tables.filled("refusals_note", comparison, lang),
        "rules": verdict_tables.rule_table(comparison, lang),
        "rules_note": tables.filled("rules_note", comparison, lang),
        "next_steps": [step.text[lang] for step in comparison.next_steps],
        "latency": cost_charts.latency_boxes(comparison, lang),
        "latency_table": cost_tables.latency_table(comparison, lang),
        **_cost(comparison, lang),
        "disagreements": [
            {
                "question": plain(d.question),
                "expected": plain(d.expected),
                "where": [
                    *([stratum_name(d.stratum, lang)] if d.stratum else []),
                    *([d.document] if d.document else []),
                ],
                "answers": [
                    {
                        "arm": a.arm,
                        "name": arm_name(a.arm, lang),
                        "text": plain(
                            fill(say["error"], lang, {"error": a.error}) if a.error else a.answer or say["empty"]
                        ),
                        "mark": mark(a.score, lang),
                        "right": None if a.score is None else a.score >= 50,
                        "sources": fill(say["sources"], lang, {"sources": a.sources}) if a.sources else "",
                    }
                    for a in d.answers
                ],
            }
            for d in comparison.disagreements
        ],
        "method": tables.method_sentences(comparison, lang),
        "method_facts": tables.method_facts(comparison, lang),
        "commands": comparison.method.get("commands", []),
    }


def _cost(comparison: Comparison, lang: str) -> dict[str, Any]:
    """The section on cost; nothing where no arm has one."""
    cost = comparison.cost
    if cost is None or not cost.arms:
        return {"cost": None}
    given = cost_tables.option_facts(cost, lang)
    return {
        "cost": cost_tables.cost_table(cost, lang),
        "cost_sentences": [text[lang] for text in cost.sentences],
        "cost_missing": [text[lang] for text in cost.missing],
        "cost_given": fill(texts(lang)["cost_given"], lang, {"facts": given}) if given else "",
        "break_even": cost_tables.break_even_table(cost, lang),
        "plot": cost_charts.break_even_plot(cost, lang),
        "curve": cost_tables.curve_table(cost, lang),
    }


def _facts(comparison: Comparison, lang: str) -> list[str]:
    say = texts(lang)
    facts = [fill(say["questions"], lang, {"n": comparison.n_questions})]
    if comparison.n_documents is not None:
        facts.append(fill(say["documents"], lang, {"n": comparison.n_documents}))
    if comparison.measured:
        facts.append(fill(say["measured"], lang, {"when": comparison.measured}))
    return facts


def _colours(comparison: Comparison) -> dict[str, str]:
    """Arm -> CSS class of its colour."""
    free = iter(_FREE * len(comparison.arms))
    return {arm.name: f"arm{_COLOURS[arm.name] if arm.name in _COLOURS else next(free)}" for arm in comparison.arms}
