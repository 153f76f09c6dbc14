"""A file of questions of which some rows can't be asked, and results of questions that accept different answers."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from dyag_core import Reply, Session, UsageError, hookimpl
from dyag_core.artifacts import read_json
from dyag_core.cli.root import main
from dyag_core.progress import SilentProgress


class Canned:
    """An engine that says MIT to everything."""

    name, remote, context_length = "canned", True, 1000

    @hookimpl
    def dyag_open_engine(self) -> Canned:
        return self

    def answer(self, prompts, decoding):
        for i, _ in enumerate(prompts):
            yield i, Reply(text="MIT")

    def count_tokens(self, prompt) -> int:
        return 1

    def close(self) -> None: ...


@dataclass
class Heard(SilentProgress):
    lines: list[str] = field(default_factory=list)

    def message(self, text: str) -> None:
        self.lines.append(text)


def good(i: int) -> str:
    return json.dumps({"id": f"q{i}", "question": f"Licence of tool {i}?", "expected_answer": "MIT"})


def asked(folder: Path, *lines: str) -> tuple[dict[str, Any], list[str]]:
    (folder / "q.jsonl").write_text("\n".join(lines), encoding="utf-8")
    heard = Heard()
    Session(folder, plugins=[Canned()], progress=heard).evaluate(
        folder / "q.jsonl", arms=["base"], base_model="none", engine="canned", output=folder / "r.json"
    )
    return read_json(folder / "r.json"), heard.lines


def test_a_row_that_is_no_question_is_named_and_the_others_are_asked(tmp_path: Path) -> None:
    made, heard = asked(tmp_path, good(1), '{"question": "", "expected_answer": "MIT"}', good(2), "{torn")
    assert [row["id"] for row in made["results"]] == ["q1", "q2"]
    assert made["metadata"]["questions"]["asked"] == 2
    second, fourth = made["metadata"]["questions"]["left_out"]
    assert second.startswith("line 2: ")
    assert fourth.startswith("line 4: not JSON")
    [warning] = [line for line in heard if "no questions" in line]
    assert "q.jsonl: 2 rows" in warning
    assert second in warning
    assert fourth in warning


def test_a_whole_file_says_nothing_of_rows_left_out(tmp_path: Path) -> None:
    made, heard = asked(tmp_path, good(1), good(2))
    assert "left_out" not in made["metadata"]["questions"]
    assert not any("no questions" in line for line in heard)


def test_a_file_without_a_single_question_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="2 of 2 lines are no questions"):
        asked(tmp_path, "{torn", '{"text": "x"}')
    assert not (tmp_path / "r.json").exists()


def results(arm: str, accepted: list[str], **questions: Any) -> dict[str, Any]:
    rows = [
        {"id": f"q{i}", "question": f"Licence of tool {i}?", "expected_answer": accepted[0],
         "expected_answers": accepted[1:], "generated_answer": "MIT", "document": f"d{i}"}
        for i in range(40)
    ]  # fmt: skip
    return {"metadata": {"arm": arm, "lang": "en", "questions": questions}, "results": rows}


def compared(folder: Path, rag: dict[str, Any], finetuned: dict[str, Any], *more: str) -> int:
    for name, told in (("rag", rag), ("finetuned", finetuned)):
        (folder / f"{name}.json").write_text(json.dumps(told), encoding="utf-8")
    files = ["--rag-results", str(folder / "rag.json"), "--finetuned-results", str(folder / "finetuned.json")]
    with pytest.raises(SystemExit) as ended:
        main(["compare-models", *files, "--output", str(folder / "c"), "--format", "all", *more])
    return int(ended.value.code or 0)


def test_questions_that_accept_different_answers_are_not_compared_unless_forced(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, other = results("rag", ["MIT", "Expat"]), results("finetuned", ["MIT"])
    other["results"][:39] = one["results"][:39]
    assert compared(tmp_path, one, other) == 2
    assert "q39" in capsys.readouterr().err
    assert not (tmp_path / "c.json").exists()
    assert compared(tmp_path, one, other, "--force") == 0
    assert "q39" in (tmp_path / "c.md").read_text("utf-8")


def test_the_same_answers_in_another_order_or_writing_are_the_same(tmp_path: Path) -> None:
    assert compared(tmp_path, results("rag", ["MIT", "Expat"]), results("finetuned", ["expat", "MIT."])) == 0


@pytest.mark.parametrize(("lang", "said"), [("en", "1 row of the questions' file"), ("fr", "1 ligne du fichier")])
def test_a_report_says_that_rows_were_left_out(tmp_path: Path, lang: str, said: str) -> None:
    about = {"asked": 40, "left_out": ["line 7: not JSON"]}
    arms = results("rag", ["MIT"], **about), results("finetuned", ["MIT"], **about)
    assert compared(tmp_path, *arms, "--lang", lang) == 0
    report = (tmp_path / "c.md").read_text("utf-8")
    assert said in report
    assert "line 7: not JSON" in report


BAD = '{"question": "", "expected_answer": "MIT"}'


def test_a_review_leaves_out_what_is_no_row_and_counts_lines_as_the_file_has_them(tmp_path: Path) -> None:
    file, better, verdicts = tmp_path / "rows.jsonl", tmp_path / "better.jsonl", tmp_path / "v.jsonl"
    file.write_text("\n".join([good(1), "{torn", good(2), BAD, good(3)]), encoding="utf-8")
    heard = Heard()
    session = Session(tmp_path, progress=heard)
    found = session.review(file, sample=3)
    assert (found.rows, sorted(row.line for row in found.sample)) == (3, [1, 3, 5])
    said = next(line for line in heard.lines if "left out" in line)
    assert "2 rows can't be read as a question and its answer" in said
    assert "line 2" in said
    assert "line 4" in said

    wrong = next(row for row in found.sample if row.line == 3)
    verdicts.write_text(json.dumps({"key": wrong.key, "value": {"verdict": "wrong"}}) + "\n", encoding="utf-8")
    dropped = session.review(file, sample=3, verdicts=verdicts, drop="wrong", output=better)
    assert dropped.dropped == 1
    kept = [json.loads(line) for line in better.read_text(encoding="utf-8").splitlines()]
    assert kept == [json.loads(good(1)), json.loads(good(3))]


def test_validation_questions_that_are_none_are_left_out_and_named(tmp_path: Path) -> None:
    (tmp_path / "docs.jsonl").write_text('{"id": "alba", "content": "Alba is under MIT."}\n', encoding="utf-8")
    heard = Heard()
    session = Session(tmp_path, plugins=[Canned()], progress=heard)
    session.index(tmp_path / "docs.jsonl", output=tmp_path / "index")
    chunk = json.loads((tmp_path / "index" / "chunks.jsonl").read_text(encoding="utf-8").splitlines()[0])["id"]
    row = {"question": "Licence of Alba?", "expected_answer": "MIT", "meta": {"document": "alba", "chunk": chunk}}
    (tmp_path / "q_test.jsonl").write_text(json.dumps(row), encoding="utf-8")
    (tmp_path / "q_val.jsonl").write_text("\n".join([json.dumps(row), BAD]), encoding="utf-8")
    made = session.evaluate(
        tmp_path / "q_test.jsonl",
        arms=["rag"],
        base_model="none",
        engine="canned",
        index=tmp_path / "index",
        k="auto",
    )
    assert made.evaluations["rag"].metrics["errors"] == 0
    said = next(line for line in heard.lines if "q_val.jsonl" in line and "left out" in line)
    assert "1 rows are no questions" in said
    assert "line 2" in said
