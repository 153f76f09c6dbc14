"""Blind votes in a comparison: who was preferred, how often, and how sure that is."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from dyag_core import Session, UsageError
from dyag_core.chat.questions import read_questions
from dyag_core.cli.root import root
from dyag_core.serving.votes import Votes, read_vote

ARMS = ["rag", "finetuned", "hybrid"]


def cast(votes: Votes, left: str, right: str, choice: str, times: int = 1) -> None:
    sides = {"left": {"arm": left, "answer": "a"}, "right": {"arm": right, "answer": "b"}}
    for _ in range(times):
        votes.add(read_vote({"question": "q", **sides, "choice": choice}, ARMS))


@pytest.fixture
def results(tmp_path: Path) -> dict[str, Path]:
    files = {}
    for arm in ("rag", "finetuned"):
        rows = [{"id": f"q{n}", "question": f"{n}?", "expected_answer": "x", "generated_answer": "x"} for n in range(5)]
        files[arm] = tmp_path / f"{arm}.json"
        files[arm].write_text(json.dumps({"metadata": {"arm": arm}, "metrics": {}, "results": rows}), "utf-8")
    return files


def test_the_report_says_who_was_preferred_with_an_interval(results: dict[str, Path], tmp_path: Path) -> None:
    votes = Votes(tmp_path / "votes.sqlite")
    cast(votes, "rag", "finetuned", "left", 5)
    cast(votes, "finetuned", "rag", "right", 4)
    cast(votes, "finetuned", "rag", "left", 1)
    cast(votes, "rag", "finetuned", "same", 2)
    cast(votes, "finetuned", "rag", "wrong", 1)
    cast(votes, "hybrid", "rag", "left", 7)  # no results of hybrid here: left out
    votes.close()
    made = Session(tmp_path).compare(results, votes=tmp_path / "votes.sqlite")
    [found] = made.comparison.preferences
    assert (found.a, found.b, found.n, found.a_better, found.b_better, found.same, found.wrong) == (
        "rag",
        "finetuned",
        13,
        9,
        1,
        2,
        1,
    )
    # R: binom.test(9, 10)
    assert (found.share, found.low, found.high) == (90.0, 55.5, 99.7)
    for lang, said in (("en", "won 9 of the 10 that decided"), ("fr", "l'emporte dans 9 des 10 qui tranchent")):
        pages = Session(tmp_path, lang=lang).compare(results, votes=tmp_path / "votes.sqlite", output=tmp_path / lang)
        assert said in pages.files["markdown"].read_text("utf-8")
        assert said.replace("'", "&#39;") in pages.files["html"].read_text("utf-8")
    manifest: Any = json.loads(made.files["manifest"].read_text("utf-8"))
    assert manifest["inputs"]["votes"]["path"] == "votes.sqlite"


def test_votes_that_decide_nothing_are_told_without_a_share(results: dict[str, Path], tmp_path: Path) -> None:
    votes = Votes(tmp_path / "votes.sqlite")
    cast(votes, "rag", "finetuned", "same", 3)
    votes.close()
    arguments = [f"--results={arm}={file}" for arm, file in results.items()]
    done = CliRunner().invoke(
        root,
        ["compare-models", *arguments, "--votes", str(tmp_path / "votes.sqlite"), "--output", str(tmp_path / "out")],
        standalone_mode=False,
    )
    assert done.exception is None, done.exception
    report = json.loads((tmp_path / "out.json").read_text("utf-8"))
    assert report["preferences"][0]["share"] is None
    assert "none decided; both alike 3" in (tmp_path / "out.md").read_text("utf-8")


@pytest.mark.parametrize("content", [None, "", "no database" * 500])
def test_a_file_without_votes_is_refused(results: dict[str, Path], tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "other.sqlite"
    if content is not None:
        file.write_text(content, "utf-8")
    with pytest.raises(UsageError, match=r"other\.sqlite"):
        Session(tmp_path).compare(results, votes=file)


def test_right_answers_that_people_typed_are_test_questions(tmp_path: Path) -> None:
    votes = Votes(tmp_path / "votes.sqlite")
    sides = {"left": {"arm": "rag", "answer": "a"}, "right": {"arm": "hybrid", "answer": "b"}}
    for question, right in (("Whose is Alba?", "ANSM"), ("And Bora?", None), ("Whose is Alba?", " the ANSM ")):
        votes.add(read_vote({"question": question, **sides, "choice": "wrong", "right_answer": right}, ARMS))
    votes.close()
    [asked] = read_questions(tmp_path / "votes.sqlite", None)
    assert asked.question == "Whose is Alba?"
    assert {asked.expected_answer, *asked.expected_answers} >= {"ANSM", "the ANSM"}


def test_a_kill_loses_no_vote_that_was_acknowledged(tmp_path: Path) -> None:
    file = tmp_path / "votes.sqlite"
    script = (
        "import sys; from pathlib import Path; from dyag_core.serving.votes import Votes, read_vote;"
        "votes = Votes(Path(sys.argv[1])); sides = {'left': {'arm': 'rag', 'answer': 'a'}, 'right': {'arm': 'base',"
        " 'answer': 'b'}, 'question': 'q', 'choice': 'left'};"
        "[print(votes.add(read_vote(sides, ['rag', 'base'])), flush=True) for _ in range(100_000)]"
    )
    with subprocess.Popen([sys.executable, "-c", script, str(file)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for _ in range(20):
            acknowledged = int(process.stdout.readline())
        process.kill()
        acknowledged = max([acknowledged, *map(int, process.stdout.read().split("\n")[:-1])])
    with closing(sqlite3.connect(file)) as base:
        assert base.execute("SELECT count(*) FROM votes").fetchone()[0] >= acknowledged
