"""The three shapes of test questions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dyag_core import Question, UsageError
from dyag_core.chat.questions import read_questions
from dyag_core.chat.trained_questions import question_hash, trained_questions
from dyag_core.text.abstention import UNKNOWN
from dyag_core.text.sanitize import plain

SYSTEM = "Réponds brièvement."


def read(tmp_path: Path, *rows: Any, system: str | None = SYSTEM) -> list[Question]:
    path = tmp_path / "questions.jsonl"
    path.write_text("".join(f"{row if isinstance(row, str) else json.dumps(row)}\n" for row in rows), encoding="utf-8")
    return read_questions(path, system)


def turns(question: Question) -> list[tuple[str, str]]:
    return [(message.role, message.content) for message in question.messages]


CHAT = [
    {"role": "system", "content": "S"},
    {"role": "user", "content": "Avant ?"},
    {"role": "assistant", "content": "Oui."},
    {"role": "user", "content": "Licence ?"},
    {"role": "assistant", "content": "MIT"},
]


@pytest.mark.parametrize("key", ["expected_answer", "expected", "answer"])
def test_question_and_answer(tmp_path: Path, key: str) -> None:
    (question,) = read(tmp_path, {"question": "Licence ?", key: "MIT"})
    assert turns(question) == [("system", SYSTEM), ("user", "Licence ?")]
    assert (question.question, question.expected_answer) == ("Licence ?", "MIT")


def test_no_system_prompt(tmp_path: Path) -> None:
    (question,) = read(tmp_path, {"question": "Licence ?", "expected": "MIT"}, system=None)
    assert turns(question) == [("user", "Licence ?")]


def test_messages_keep_their_own_system_and_history(tmp_path: Path) -> None:
    (question,) = read(tmp_path, {"messages": CHAT})
    assert turns(question) == [(m["role"], m["content"]) for m in CHAT[:-1]]
    assert (question.question, question.expected_answer) == ("Licence ?", "MIT")


@pytest.mark.parametrize(
    "row",
    [
        {"prompt": "Licence ?", "completion": "MIT"},
        {"prompt": CHAT[:-1], "completion": CHAT[-1:]},
    ],
)
def test_prompt_and_completion(tmp_path: Path, row: dict[str, Any]) -> None:
    (question,) = read(tmp_path, row)
    assert (question.question, question.expected_answer) == ("Licence ?", "MIT")
    assert question.messages[0].role == "system"


def test_origin_comes_from_meta(tmp_path: Path) -> None:
    meta = {"document": 12, "chunk": "c1", "fact": "f1", "stratum": "unseen", "id": "q7"}
    (question,) = read(tmp_path, {"messages": CHAT, "meta": meta})
    assert (question.document, question.chunk, question.fact, question.stratum) == ("12", "c1", "f1", "unseen")
    assert question.id == "q7"
    assert question.answerable


def test_what_is_answerable(tmp_path: Path) -> None:
    rows = [
        {"question": "A ?", "expected": "MIT"},
        {"question": "B ?", "expected": UNKNOWN["fr"]},
        {"question": "C ?", "expected": "x", "meta": {"stratum": "unanswerable"}},
        {"question": "D ?", "expected": "x", "meta": {"stratum": "recall"}},
        {"question": "E ?", "expected": "x", "answerable": False},
    ]
    assert [question.answerable for question in read(tmp_path, *rows)] == [True, False, False, True, False]


def test_ids_are_stable_and_unique(tmp_path: Path) -> None:
    a, b = {"question": "A ?", "expected": "1"}, {"question": "B ?", "expected": "2"}
    first = [question.id for question in read(tmp_path, a, b, a)]
    moved = [question.id for question in read(tmp_path, b, a, a)]
    assert len(set(first)) == 3
    assert sorted(first) == sorted(moved)
    assert first[2] == f"{first[0]}-2"
    assert [question.id for question in read(tmp_path, {**a, "id": 5}, {**b, "id": 5})] == ["5", "5-2"]


def test_bad_lines_are_named(tmp_path: Path) -> None:
    rows = [
        {"question": "A ?", "expected": "1"},
        "{not json",
        {"question": "", "expected": "1"},
        {"text": "no question"},
        {"messages": CHAT[:-1]},
        {"messages": [{"role": "robot", "content": "x"}, {"role": "assistant", "content": "x"}]},
        {"prompt": "P ?"},
        {"question": "A ?"},
    ]
    with pytest.raises(UsageError) as caught:
        read(tmp_path, *rows)
    message = caught.value.message
    assert "questions.jsonl: 7 of 8 lines" in message
    assert all(f"line {number}:" in message for number in (2, 3, 4, 5, 6))
    assert "and 2 more" in message


def test_an_empty_file_and_a_missing_one(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no questions"):
        read(tmp_path)
    with pytest.raises(UsageError, match="no such file"):
        read_questions(tmp_path / "none.jsonl", None)


def test_unicode_survives(tmp_path: Path) -> None:
    (question,) = read(tmp_path, {"question": "Où\u2028est 数据库 👍 ?", "expected": "Œuvre"})
    assert question.question == "Où\u2028est 数据库 👍 ?"


def test_trained_questions_are_known_again(tmp_path: Path) -> None:
    (tmp_path / "trained_questions.txt").write_text(f"{question_hash('Quelle licence ?')}\n", encoding="ascii")
    known = trained_questions(tmp_path)
    assert question_hash("quelle  LICENCE") in known
    assert question_hash("Quelle version ?") not in known
    assert trained_questions(tmp_path / "nowhere") == frozenset()


def test_ids_are_told_apart_also_from_those_that_a_number_would_make(tmp_path):
    """Two questions with one id can't be compared, so a numbered id never meets one that the file holds."""
    ids = ["a", "a", "a-2", "a", "a-2", "b\u202e", "b"]
    rows = [{"id": name, "question": f"q{n}", "expected_answer": "x"} for n, name in enumerate(ids)]
    found = [question.id for question in read(tmp_path, *rows)]
    assert found == ["a", "a-3", "a-2", "a-4", "a-2-2", "b", "b-2"]
    assert found == [plain(name) for name in found]  # as a results file gives them back
