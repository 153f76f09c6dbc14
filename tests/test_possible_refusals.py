"""Answers that may be refusals in words that no rule knows: listed, and told beside a verdict they could change."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dyag_core.plugin.host import Plugins
from dyag_core.records import Comparison
from dyag_core.records.options import CompareOptions
from dyag_core.stages.compare import compare

#: It denies something and refuses, in no wording that the rule knows.
DOUBTFUL = "Nothing of that kind was written down by anybody."
REFUSAL = "I don't know."
VALUE = "Marie Dupont"


def results(arm: str, answers: list[str], metric: str = "success") -> dict[str, Any]:
    """A results file: question i, which nothing answers, on document i; refusals alone are right."""
    items = [
        {
            "id": f"q{i:03}",
            "question": f"Who is the owner of tool {i}?",
            "expected_answer": REFUSAL,
            "generated_answer": answer,
            "metrics": {metric: float(answer == REFUSAL)},
            "answerable": False,
            "document": f"d{i}",
        }
        for i, answer in enumerate(answers)
    ]
    kinds = {metric: {"unit": "rate", "higher_is_better": True}}
    rules = {
        metric: {"rules": {"abstained": answers.count(REFUSAL), "answered": len(answers) - answers.count(REFUSAL)}}
    }
    told = {"arm": arm, "base_model": {"name": "tiny:1m"}, "decoding": {"temperature": 0.0}, "lang": "en"}
    return {"metadata": told, "metrics": {"summaries": kinds, "details": rules}, "results": items}


def compared(folder: Path, lang: str = "en", primary: str | None = None, **files: dict[str, Any]) -> Comparison:
    paths = {}
    for arm, content in files.items():
        paths[arm] = folder / f"in_{arm}.json"
        paths[arm].write_text(json.dumps(content), encoding="utf-8")
    options = CompareOptions(primary=primary, reporters=("html", "markdown", "json"))
    return compare(options, results=paths, output=folder / "out", lang=lang, plugins=Plugins()).comparison


def test_a_winner_that_rests_on_the_wording_of_refusals_is_told_as_such(tmp_path: Path) -> None:
    files = {
        "rag": results("rag", [DOUBTFUL] * 30 + [REFUSAL] * 10),
        "finetuned": results("finetuned", [REFUSAL] * 40),
    }
    comparison = compared(tmp_path, **files)
    verdict = comparison.recommendations[0]
    assert (verdict.kind, comparison.leader) == ("use", "finetuned")
    assert "(RAG 30 of 40); counted as refusals they could change this verdict" in verdict.text["en"]
    assert "(RAG 30 sur 40) ; comptées comme refus, elles pourraient changer ce verdict" in verdict.text["fr"]
    assert comparison.arm("rag").possible_refusals == 30
    assert len(comparison.possible_refusals) == 20
    assert {(found.arm, found.answer) for found in comparison.possible_refusals} == {("rag", DOUBTFUL)}
    page, markdown = ((tmp_path / f"out.{kind}").read_text("utf-8") for kind in ("html", "md"))
    for text in (page, markdown):
        assert "Answers that may be refusals" in text
        assert text.count(DOUBTFUL) >= 20
        assert "at most the first 20" in text
        assert "counted as wrong: 30 of 40" in text


def test_a_tie_that_one_arms_refusals_would_break_is_told_as_such(tmp_path: Path) -> None:
    """Both arms' together leave the tie as it is; either arm's alone would not."""
    doubtful = [DOUBTFUL] * 30 + [REFUSAL] * 10
    comparison = compared(tmp_path, rag=results("rag", doubtful), finetuned=results("finetuned", doubtful))
    verdict = comparison.recommendations[0]
    assert verdict.kind == "no_clear_difference"
    assert "could change this verdict" in verdict.text["en"]


@pytest.mark.parametrize(
    ("rag", "primary"),
    [
        ([VALUE] * 35 + [DOUBTFUL] * 2 + [REFUSAL] * 3, None),  # too few to change anything
        ([VALUE] * 37 + [REFUSAL] * 3, None),  # none at all
    ],
)
def test_a_verdict_that_they_cannot_change_stands_alone(tmp_path: Path, rag: list[str], primary: str | None) -> None:
    comparison = compared(
        tmp_path, primary=primary, rag=results("rag", rag), finetuned=results("finetuned", [REFUSAL] * 40)
    )
    assert comparison.leader == "finetuned"
    assert "may be refusals" not in comparison.recommendations[0].text["en"]
    assert comparison.arm("rag").possible_refusals == rag.count(DOUBTFUL)
    listed = any("may be refusals" in r.text["en"] for r in comparison.recommendations)
    assert listed == (DOUBTFUL in rag)


def test_a_metric_that_does_not_reward_refusals_is_not_recounted(tmp_path: Path) -> None:
    """Where refusals that were counted got 0, these would get 0 as well."""
    rag = results("rag", [DOUBTFUL] * 20 + [VALUE] * 20, "exact_match")
    finetuned = results("finetuned", [REFUSAL] * 20 + [VALUE] * 20, "exact_match")
    for item in finetuned["results"]:
        item["metrics"]["exact_match"] = float(item["generated_answer"] == VALUE)
    comparison = compared(tmp_path, primary="exact_match", rag=rag, finetuned=finetuned)
    assert comparison.arm("rag").possible_refusals == 20
    assert "could change" not in comparison.recommendations[0].text["en"]


def test_with_too_few_questions_there_is_no_verdict_to_change(tmp_path: Path) -> None:
    comparison = compared(tmp_path, rag=results("rag", [DOUBTFUL] * 10), finetuned=results("finetuned", [REFUSAL] * 10))
    assert comparison.recommendations[0].kind == "too_few"
    assert "could change" not in comparison.recommendations[0].text["en"]
    assert len(comparison.possible_refusals) == 10


@pytest.mark.parametrize(
    ("lang", "title", "rule"),
    [
        ("en", "What the verdicts rest on", "wrong: answered what nothing answers"),
        ("fr", "Sur quoi reposent les verdicts", "faux : répond à ce qui n'a pas de réponse"),
    ],
)
def test_a_report_says_which_rules_the_verdicts_rest_on(tmp_path: Path, lang: str, title: str, rule: str) -> None:
    rag = results("rag", [VALUE] * 33 + [REFUSAL] * 7)
    compared(tmp_path, lang=lang, rag=rag, finetuned=results("finetuned", [REFUSAL] * 40))
    markdown = (tmp_path / "out.md").read_text("utf-8")
    assert title in markdown
    assert f"| {rule} | 33 | 0 |" in markdown
    assert title in (tmp_path / "out.html").read_text("utf-8")
    told = json.loads((tmp_path / "out.json").read_text("utf-8"))
    assert told["arms"][0]["details"]["success"]["rules"] == {"abstained": 7, "answered": 33}
