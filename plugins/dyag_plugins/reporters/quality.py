"""What the report on training data shows, in the report's language; drawn by quality.html.jinja."""

from __future__ import annotations

from typing import Any

from dyag_core import Quality
from dyag_core.api import (
    capital,
    fill,
    number,
    percent,
    plain,
    problem_line,
    problem_name,
    rounded,
    stratum_name,
)
from dyag_core.records import Coverage, Finding, ProblemCount, SampleRow
from dyag_plugins.reporters.quality_charts import coverage_bars, length_histogram, row_bars
from dyag_plugins.reporters.texts import texts

_SHORT = 160
#: What has an order of its own; everything else comes with the most frequent first.
_ORDER = {"split": ("train", "val", "test"), "stratum": ("recall", "unseen", "unanswerable")}


def view(quality: Quality, lang: str) -> dict[str, Any]:
    """Everything that the template shows."""
    say = texts(lang, "quality.yaml")
    grave = any(finding.grave for finding in quality.findings)
    verdict = say["grave"] if grave else say["something"] if quality.findings else say["nothing"]
    return {
        "lang": lang,
        "say": say,
        "title": fill(say["title"], lang, {"file": quality.file}),
        "facts": _facts(quality, say, lang),
        "verdict": verdict,
        "verdict_kind": "too_few" if grave else "none" if quality.findings else "use",
        "findings": [_finding(finding, say, lang) for finding in quality.findings],
        "problems": _problems(quality.problems, lang),
        "counts": _counts(quality, say, lang),
        "histogram": length_histogram(quality.lengths, say, lang) if quality.lengths else None,
        "length_title": say[f"lengths_{quality.lengths.unit}"] if quality.lengths else "",
        "length_note": _length_note(quality, say, lang),
        "coverage": _coverage(quality, say, lang),
        "coverage_charts": [
            {"name": say[f"rows_of_{name}"], "chart": coverage_bars(part.histogram, say, lang)}
            for name, part in _parts(quality)
            if len(part.histogram) > 1
        ],
        "lists": _lists(quality, say, lang),
        "variety": _variety(quality, say, lang),
        "variety_note": _variety_note(quality, say, lang),
        "clusters": _clusters(quality, say, lang),
        "clusters_note": _clusters_note(quality, say, lang),
        "answers": _answers(quality, say, lang),
        "rejected": _rejected(quality, say),
        "sample": [_sample(row, say, lang) for row in quality.sample],
    }


def _facts(quality: Quality, say: dict[str, Any], lang: str) -> list[str]:
    facts = [fill(say["usable" if quality.problems else "rows"], lang, {"n": quality.rows})]
    return [*facts, fill(say["method"], lang, {"method": quality.method})] if quality.method else facts


def _finding(finding: Finding, say: dict[str, Any], lang: str) -> dict[str, Any]:
    numbers = dict(finding.numbers)
    if "answer" in numbers:
        numbers["answer"] = _short(numbers["answer"])
    if "what" in numbers:
        numbers["what"] = capital(problem_name(numbers["what"], lang))
    return {"text": fill(say["findings"][finding.kind], lang, numbers), "grave": finding.grave}


def _problems(problems: tuple[ProblemCount, ...], lang: str) -> list[dict[str, Any]]:
    return [
        {
            "name": problem_name(problem.kind, lang),
            "lines": problem.lines,
            "grave": problem.grave,
            "examples": [
                {
                    "line": problem_line(example.line, example.other, lang) if example.line else "",
                    "detail": plain(example.detail),
                }
                for example in problem.examples
            ],
        }
        for problem in problems
    ]


def _counts(quality: Quality, say: dict[str, Any], lang: str) -> list[dict[str, Any]]:
    """One chart for each key that rows are counted by; one value alone needs no chart."""
    charts = []
    for key, counted in quality.counts.items():
        if len(counted.values) < 2:
            continue
        ordered = [value for value in _ORDER.get(key, ()) if value in counted.values]
        ordered += [value for value in counted.values if value not in ordered]
        values = {_value_name(key, value, say, lang): counted.values[value] for value in ordered}
        if counted.others:
            values[say["others"]] = counted.others
        charts.append({"name": say["counts"][key], "chart": row_bars(values, sum(values.values()), lang)})
    return charts


def _value_name(key: str, value: str, say: dict[str, Any], lang: str) -> str:
    if key == "stratum":
        return stratum_name(value, lang)
    return str(say["splits"].get(value, value)) if key == "split" else value


def _length_note(quality: Quality, say: dict[str, Any], lang: str) -> str:
    lengths = quality.lengths
    if lengths is None:
        return ""
    return fill(say[f"length_note_{lengths.unit}"], lang, {"model": lengths.base_model, **lengths.model_dump()})


def _coverage(quality: Quality, say: dict[str, Any], lang: str) -> list[dict[str, str]]:
    """One big number each for documents and facts."""
    found = []
    for name, part in _parts(quality):
        median = rounded(part.median) if part.median % 1 else int(part.median)
        found.append(
            {
                "name": say[f"covered_{name}"],
                "n": number(part.covered, lang),
                "of": fill(say["of"], lang, {"total": part.total}) if part.total is not None else "",
                "median": fill(say[f"median_{name}"], lang, {"n": median}),
            }
        )
    return found


def _parts(quality: Quality) -> list[tuple[str, Coverage]]:
    both = (("documents", quality.documents), ("facts", quality.facts))
    return [(name, part) for name, part in both if part is not None and (part.covered or part.without)]


def _lists(quality: Quality, say: dict[str, Any], lang: str) -> list[dict[str, Any]]:
    """The documents and facts with most rows, and those with none."""
    lists = []
    for name, part in _parts(quality):
        if part.most and part.most[0].rows > 1:
            sizes = [fill(say["count_rows"], lang, {"n": share.rows}) for share in part.most]
            items = [f"{_short(share.name)} · {size}" for share, size in zip(part.most, sizes, strict=True)]
            lists.append({"name": say[f"most_{name}"], "items": items, "more": say["cut"] if part.cut else ""})
        if part.without:
            count = (part.total or 0) - part.covered
            hidden = count - len(part.without)
            lists.append(
                {
                    "name": fill(say[f"without_{name}"], lang, {"n": count}),
                    "items": [_short(item) for item in part.without],
                    "more": fill(say["and_more"], lang, {"n": hidden}) if hidden > 0 else "",
                }
            )
    return lists


def _variety(quality: Quality, say: dict[str, Any], lang: str) -> list[tuple[str, str]]:
    """Label and value."""
    found = []
    if quality.variety:
        values = quality.variety.model_dump()
        found = [(say[key], number(values[key], lang)) for key in ("distinct_1", "distinct_2", "mean_similarity")]
    if quality.near_duplicates:
        found += [
            (say["near"], number(quality.near_duplicates.clusters, lang)),
            (say["redundant"], number(quality.near_duplicates.redundant, lang)),
        ]
    return found


def _variety_note(quality: Quality, say: dict[str, Any], lang: str) -> str:
    pairs = quality.variety.pairs if quality.variety else 0
    return fill(say["variety_note"], lang, {"pairs": pairs, "sampled": quality.sampled, "rows": quality.rows})


def _clusters(quality: Quality, say: dict[str, Any], lang: str) -> list[dict[str, Any]]:
    return [
        {
            "name": fill(say["cluster"], lang, {"rows": cluster.rows, "asked": cluster.asked}),
            "questions": [_short(question) for question in cluster.questions],
        }
        for cluster in (quality.near_duplicates.largest if quality.near_duplicates else ())
    ]


def _clusters_note(quality: Quality, say: dict[str, Any], lang: str) -> str:
    near = quality.near_duplicates
    return fill(say["clusters_note"], lang, {"threshold": near.threshold}) if near else ""


def _answers(quality: Quality, say: dict[str, Any], lang: str) -> list[dict[str, str]]:
    return [
        {
            "text": _short(answer.name),
            "rows": fill(say["count_rows"], lang, {"n": answer.rows}),
            "share": percent(rounded(100 * answer.rows / quality.rows), lang),
        }
        for answer in quality.answers
    ]


def _rejected(quality: Quality, say: dict[str, Any]) -> list[dict[str, Any]]:
    most_first = sorted(quality.rejected.items(), key=lambda item: (-item[1], item[0]))
    return [
        {
            "name": say["reasons"].get(reason, reason),
            "n": count,
            "examples": [_short(text) for text in quality.rejected_examples.get(reason, ())],
        }
        for reason, count in most_first
    ]


def _sample(row: SampleRow, say: dict[str, Any], lang: str) -> dict[str, Any]:
    where = [problem_line(row.line, None, lang)]
    where += [_value_name(key, row.meta[key], say, lang) for key in ("split", "stratum") if key in row.meta]
    where += [row.meta[key] for key in ("method", "subject", "attribute") if key in row.meta]
    turns = [{"role": say["roles"][turn.role], "text": plain(turn.content), "kind": turn.role} for turn in row.messages]
    return {"where": where, "turns": turns}


def _short(text: str) -> str:
    flat = " ".join(plain(text).split())
    return flat if len(flat) <= _SHORT else f"{flat[:_SHORT]}…"
