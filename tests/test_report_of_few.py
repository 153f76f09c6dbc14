"""What a report says where numbers mislead: few documents, answers that are none, errors that need their own count."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from dyag_core.plugin.host import Plugins
from dyag_core.records import Comparison, Quality
from dyag_core.records.comparison import ComparisonFiles
from dyag_core.records.options import CompareOptions
from dyag_core.records.quality import Variety
from dyag_core.stages.compare import compare
from dyag_plugins.reporters.html import HTMLReporter


def results(arm: str, right: list[bool], **item_keys: list[Any]) -> dict[str, Any]:
    """A results file in which question i is on document i."""
    items = [
        {
            "id": f"q{i:03}",
            "question": f"Quelle est la licence de l'outil {i} ?",
            "expected_answer": f"GPL-{i}",
            "generated_answer": f"GPL-{i}" if good else "MIT",
            "metrics": {"success": float(good)},
            "document": f"d{i}",
            "chunk": f"d{i}#0",
            **{key: values[i] for key, values in item_keys.items()},
        }
        for i, good in enumerate(right)
    ]
    kinds = {"success": {"unit": "rate", "higher_is_better": True}}
    told = {"arm": arm, "base_model": {"name": "tiny:1m"}, "decoding": {"temperature": 0.0}, "lang": "fr"}
    return {"metadata": told, "metrics": {"summaries": kinds}, "results": items}


def made(folder: Path, **files: dict[str, Any]) -> ComparisonFiles:
    paths = {}
    for arm, content in files.items():
        paths[arm] = folder / f"in_{arm}.json"
        paths[arm].write_text(json.dumps(content), encoding="utf-8")
    return compare(CompareOptions(), results=paths, output=folder / "out", lang="en", plugins=Plugins())


def run(folder: Path, **files: dict[str, Any]) -> Comparison:
    return made(folder, **files).comparison


def on(documents: int, questions: int = 80) -> list[str]:
    return [f"d{i % documents}" for i in range(questions)]


@pytest.mark.parametrize("documents", [1, 2, 7])
def test_on_fewer_than_eight_documents_nobody_wins_and_the_verdict_says_why(tmp_path: Path, documents: int) -> None:
    rag = results("rag", [True] * 80, document=on(documents))
    files = made(tmp_path, base=results("base", [False] * 80, document=on(documents)), rag=rag)
    comparison = files.comparison
    assert comparison.leader is None
    assert {(d.winner, d.detectable) for d in comparison.differences} == {(None, None)}
    verdict = comparison.recommendations[0]
    assert verdict.kind == "too_few"
    named = "1 document" if documents == 1 else f"{documents} documents"
    assert f"80 questions come from {named} only, at least 8 are needed" in verdict.text["en"]
    assert f"les 80 questions ne viennent que de {named}, il en faut au moins 8" in verdict.text["fr"]
    assert f"too few documents ({documents})" in files.files["markdown"].read_text(encoding="utf-8").replace("\\", "")


def test_eight_documents_are_enough_and_questions_without_one_count_as_one_each(tmp_path: Path) -> None:
    for documents in (on(8), [None] * 80):
        base, rag = (results(a, [a == "rag"] * 80, document=documents) for a in ("base", "rag"))
        assert run(tmp_path, base=base, rag=rag).leader == "rag"


def test_a_stratum_on_few_documents_is_shown_and_not_concluded_from(tmp_path: Path) -> None:
    documents, strata = [*on(40, 40), *(f"u{i % 3}" for i in range(40))], ["recall"] * 40 + ["unseen"] * 40
    base, rag = (results(a, [a == "rag"] * 80, document=documents, stratum=strata) for a in ("base", "rag"))
    files = made(tmp_path, base=base, rag=rag)
    winners = {d.stratum: d.winner for d in files.comparison.differences if d.primary}
    assert winners == {None: "rag", "recall": "rag", "unseen": None}
    notes = [r.text["en"] for r in files.comparison.recommendations if r.kind == "note"]
    assert any("unseen" in note and "on fewer than 8 documents" in note and "(3)" in note for note in notes)
    assert "(3) – on fewer than 8 documents" in files.files["html"].read_text(encoding="utf-8")


def test_many_answers_that_are_none_stand_in_the_verdict_line(tmp_path: Path) -> None:
    """15 of 100: five failed, five are empty, five hold reasoning alone and were cut, which counts once."""
    answers = [f"GPL-{i}" for i in range(100)]
    answers[5:10] = [" "] * 5
    answers[10:15] = ["<think>The licence might be"] * 5
    rag = results(
        "rag",
        [False] * 15 + [True] * 85,
        generated_answer=answers,
        error=["timeout"] * 5 + [None] * 95,
        truncated=[False] * 10 + [True] * 5 + [False] * 85,
    )
    comparison = run(tmp_path, base=results("base", [False] * 100), rag=rag)
    arm = comparison.arm("rag")
    assert (arm.errors, arm.empty, arm.truncated, arm.unusable) == (5, 10, 5, 15)
    verdict = comparison.recommendations[0]
    assert verdict.kind == "use"
    assert verdict.text["en"].endswith(
        "But many answers failed, are empty or were cut, which may be all that shows here: RAG 15 of 100."
    )
    assert verdict.text["fr"].endswith(": RAG 15 sur 100.")
    assert any("hold nothing but the model's reasoning: 10 of 100" in r.text["en"] for r in comparison.recommendations)


def test_a_few_such_answers_are_a_caution_and_leave_the_verdict_alone(tmp_path: Path) -> None:
    rag = results("rag", [True] * 100, truncated=[True] * 9 + [False] * 91)
    comparison = run(tmp_path, base=results("base", [False] * 100), rag=rag)
    assert "were cut" not in comparison.recommendations[0].text["en"]
    assert any("9 of 100" in r.text["en"] for r in comparison.recommendations if r.kind == "warning")


def test_an_answer_with_its_reasoning_is_no_empty_one(tmp_path: Path) -> None:
    told = [f"<think>Hm.</think> GPL-{i}" for i in range(40)]
    comparison = run(
        tmp_path, base=results("base", [True] * 40, generated_answer=told), rag=results("rag", [True] * 40)
    )
    assert comparison.arm("base").empty == 0


def test_should_have_abstained_counts_of_the_unanswerable_questions(tmp_path: Path) -> None:
    answerable = [True] * 80 + [False] * 20
    rag = results("rag", [True] * 90 + [False] * 10, answerable=answerable)
    files = made(tmp_path, base=results("base", [False] * 100, answerable=answerable), rag=rag)
    (step,) = (s for s in files.comparison.next_steps if s.kind == "abstention")
    assert step.numbers == {"count": 10, "n": 20}
    assert "do not tell: 10 of 20, the questions that they do not answer" in step.text["en"]
    assert "10 sur 20, soit les questions" in step.text["fr"]
    (row,) = re.findall(r"^\| should have said .*", files.files["markdown"].read_text(encoding="utf-8"), re.MULTILINE)
    assert row.endswith("| 20 (of 20) | 10 (of 20) |")


def test_nothing_is_recalled_wrongly_about_a_document_that_training_never_saw(tmp_path: Path) -> None:
    strata = ["recall"] * 30 + ["unseen"] * 30
    tuned = results("finetuned", [False] * 60, stratum=strata)
    comparison = run(tmp_path, base=results("base", [True] * 60, stratum=strata), finetuned=tuned)
    assert comparison.errors_breakdown["finetuned"] == {"recalled_wrongly": 30, "never_seen": 30}


def test_a_passage_that_was_found_and_answered_wrongly_gets_advice(tmp_path: Path) -> None:
    found = [[{"chunk": f"d{i}#0", "score": 1.0}] for i in range(100)]
    rag = results("rag", [False] * 30 + [True] * 70, sources=found)
    comparison = run(tmp_path, base=results("base", [False] * 100), rag=rag)
    assert comparison.errors_breakdown["rag"] == {"context_ignored": 30}
    (step,) = comparison.next_steps
    assert (step.kind, step.numbers) == ("context", {"count": 30, "n": 100})
    assert "larger base model" in step.text["en"]


@pytest.mark.parametrize(
    ("lang", "said"),
    [("en", "Questions measured: 5000 of 20000."), ("fr", "Questions mesurées\u00a0: 5000 sur 20000.")],
)
def test_the_report_on_training_data_says_of_how_many_questions_it_measured_some(lang: str, said: str) -> None:
    variety = Variety(distinct_1=0.1, distinct_2=0.2, mean_similarity=0.1, pairs=2000)
    quality = Quality(file="x.jsonl", rows=20_000, sampled=5_000, variety=variety)
    assert said in HTMLReporter().dyag_report_quality(quality, lang).text
