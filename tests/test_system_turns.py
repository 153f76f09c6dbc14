"""A template that refuses a system turn: its text begins the first question, in training and asking, said once."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from dyag_core import Decoding, Session
from dyag_core.api import load_tokenizer, prompt_ids
from dyag_core.chat.prompts import SYSTEM, question_messages

REFUSES = (
    "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system role here') }}{% endif %}"
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
SAID = "no place for a system turn"


@pytest.fixture
def stern(tiny_model: Path, tmp_path: Path) -> Path:
    """A base model whose template refuses a system turn."""
    folder = shutil.copytree(tiny_model, tmp_path / "stern-base")
    (folder / "chat_template.jinja").write_text(REFUSES, encoding="utf-8")
    return folder


def test_it_begins_the_first_question_in_training_and_in_asking_and_is_said_once_each(stern, tmp_path, heard):
    asked = {"role": "user", "content": "What is the licence of Alba?"}
    turns = [{"role": "system", "content": SYSTEM["en"]}, asked, {"role": "assistant", "content": "MIT"}]
    (tmp_path / "train.jsonl").write_text(json.dumps({"messages": turns}), encoding="utf-8")
    (tmp_path / "test.jsonl").write_text(
        json.dumps({"question": asked["content"], "expected_answer": "MIT"}), encoding="utf-8"
    )
    session = Session(tmp_path, progress=heard)

    session.finetune(
        tmp_path / "train.jsonl",
        base_model=str(stern),
        epochs=1,
        output=tmp_path / "ft",
        options={"rank": 4, "device": "cpu"},
    )
    shown = next(line for line in heard.lines if "⟦" in line)
    assert f"user\n{SYSTEM['en']}\n\n{asked['content']}<|im_end|>" in shown
    assert sum(SAID in line for line in heard.lines) == 1

    heard.lines.clear()
    made = session.evaluate(
        tmp_path / "test.jsonl", model=tmp_path / "ft", arms=["base", "finetuned"], decoding=Decoding(max_new_tokens=4)
    )
    tokens = len(prompt_ids(load_tokenizer(str(stern)), question_messages(asked["content"], SYSTEM["en"])))
    for evaluation in made.evaluations.values():
        assert evaluation.metrics["errors"] == 0
        assert [row["prompt_tokens"] for row in evaluation.results] == [tokens]
    assert sum(SAID in line for line in heard.lines) == 1


def test_a_template_with_a_place_for_it_says_nothing(tiny_model, tmp_path, heard):
    (tmp_path / "test.jsonl").write_text(json.dumps({"question": "Q?", "expected_answer": "A"}), encoding="utf-8")
    session = Session(tmp_path, progress=heard)
    session.evaluate(
        tmp_path / "test.jsonl", base_model=str(tiny_model), arms=["base"], decoding=Decoding(max_new_tokens=2)
    )
    assert not any(SAID in line for line in heard.lines)
