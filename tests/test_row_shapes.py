"""One reader of chat rows: training, test questions and validate take the same rows, in every shape."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dyag_core import Session, UsageError
from dyag_core.chat.conversations import read_conversations
from dyag_core.chat.questions import read_questions
from dyag_core.chat.row_shapes import SHAPES

USER, BOT = {"role": "user", "content": "Où ?"}, {"role": "assistant", "content": "Là."}
HUMAN, GPT = {"from": "human", "value": "Où ?"}, {"from": "gpt", "value": "Là."}


def written(path: Path, *rows: Any) -> Path:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def turns(messages: Any) -> list[tuple[str, str]]:
    return [(message.role, message.content) for message in messages]


READ = [
    {"messages": [USER, BOT]},
    {"messages": [HUMAN, GPT]},
    {"messages": [{"role": "Human", "content": "Où ?"}, {"role": " bot ", "content": "Là."}]},
    {"conversations": [HUMAN, GPT]},
    {"conversations": [USER, BOT]},
    {"conversations": [{"from": " HUMAN", "value": "Où ?"}, {"from": "ChatGPT", "value": "Là."}]},
    {"prompt": "Où ?", "completion": "Là."},
    {"prompt": [USER], "completion": [BOT]},
    {"prompt": "Où ?", "completion": [BOT]},
    {"instruction": "Où ?", "output": "Là."},
    {"instruction": "", "input": "Où ?", "output": "Là."},
    {"question": "Où ?", "expected_answer": "Là."},
    {"question": "Où ?", "expected": "Là."},
    {"question": "Où ?", "answer": "Là."},
    {"question": "Où ?", "answer": "Ici (le modèle l'a dit)", "expected": "Là."},
]


@pytest.mark.parametrize("row", READ)
def test_every_shape_is_read_alike_by_training_evaluation_and_validate(tmp_path: Path, row: dict[str, Any]) -> None:
    path = written(tmp_path / "x.jsonl", row)
    (trained,) = read_conversations(path)
    (question,) = read_questions(path, None)
    assert turns(trained.messages)[-2:] == [("user", "Où ?"), ("assistant", "Là.")]
    assert (question.question, question.expected_answer) == ("Où ?", "Là.")
    found = Session(tmp_path).validate(path, fix=tmp_path / "y.jsonl")
    assert found.ok
    (fixed,) = read_conversations(tmp_path / "y.jsonl")
    assert turns(fixed.messages) == turns(trained.messages)


def test_every_shape_of_the_table_stands_among_these_rows() -> None:
    read = {next(shape.name for shape in SHAPES if shape.fits(row)) for row in READ}
    assert read == {shape.name for shape in SHAPES}


@pytest.mark.parametrize(
    "row",
    [
        {"conversations": [HUMAN, GPT], "system": "S"},
        {"instruction": "Où ?", "output": "Là.", "system": "S"},
        {"question": "Où ?", "expected_answer": "Là.", "system": "S"},
        {"messages": [{"role": "developer", "content": "S"}, USER, BOT]},
    ],
)
def test_the_system_prompt_of_a_row_is_its_own_everywhere(tmp_path: Path, row: dict[str, Any]) -> None:
    path = written(tmp_path / "x.jsonl", row)
    wanted = [("system", "S"), ("user", "Où ?"), ("assistant", "Là.")]
    assert turns(read_conversations(path)[0].messages) == wanted
    assert turns(read_questions(path, "another")[0].messages) == wanted[:-1]
    Session(tmp_path).validate(path, fix=tmp_path / "y.jsonl")
    assert turns(read_conversations(tmp_path / "y.jsonl")[0].messages) == wanted


def test_the_system_prompt_beside_a_chat_that_has_one_is_not_said_twice(tmp_path: Path) -> None:
    row = {"conversations": [{"from": "system", "value": "S"}, HUMAN, GPT], "system": "another"}
    (read,) = read_conversations(written(tmp_path / "x.jsonl", row))
    assert [turn.content for turn in read.messages] == ["S", "Où ?", "Là."]


REFUSED = [
    ({"question": "Où ?"}, '"question" without "expected_answer"'),
    ({"prompt": "Où ?"}, '"prompt" without "completion"'),
    ({"text": "Où ?", "n": 3}, 'none of the known shapes: "text", "n"'),
    ({}, "no field"),
    ({"messages": [USER, {"role": "tool", "content": "x"}, BOT]}, "a turn from 'tool'"),
    ({"messages": [USER, {"content": "Là."}]}, "a turn from None"),
    ({"messages": [USER, {"role": "assistant"}]}, '"content" is missing or null'),
    ({"messages": [USER, {"role": "assistant", "content": ["Là."]}]}, '"content" is a list, not a text'),
    ({"messages": [USER, {"role": "assistant", "content": " "}]}, "answer is empty"),
    ({"messages": []}, "answer"),
    ({"question": "Où ?", "expected_answer": "Là.", "system": ["S"]}, '"system" is a list'),
]


@pytest.mark.parametrize(("row", "reason"), REFUSED)
def test_what_one_reader_refuses_all_refuse_and_say_why(tmp_path: Path, row: dict[str, Any], reason: str) -> None:
    path = written(tmp_path / "x.jsonl", row)
    for read in (lambda: read_conversations(path), lambda: read_questions(path, None)):
        with pytest.raises(UsageError) as error:
            read()
        assert "line 1: " in error.value.message
        assert reason in error.value.message
    assert not Session(tmp_path).validate(path).ok


def test_another_name_for_a_role_is_named_and_mended_but_harms_nothing(tmp_path: Path) -> None:
    path = written(tmp_path / "x.jsonl", READ[2])
    found = Session(tmp_path).validate(path, fix=tmp_path / "y.jsonl")
    assert [(p.kind, p.lines, p.grave) for p in found.problems] == [("role_alias", 1, False)]
    assert found.problems[0].examples[0].detail == "role: 'Human'"
    assert json.loads((tmp_path / "y.jsonl").read_text("utf-8"))["messages"] == [USER, BOT]
