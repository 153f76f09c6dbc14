"""One answer and conversations, on tiny models."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest

from dyag_core import Decoding, UsageError
from dyag_core.artifacts import write_jsonl
from dyag_core.evaluation.conversation import Conversation
from dyag_core.plugin.host import Plugins
from dyag_core.records.answer import Answer
from dyag_core.records.options import IndexOptions, QueryOptions
from dyag_core.stages.index import index
from dyag_core.stages.query import query

SHORT = Decoding(max_new_tokens=16)


@pytest.fixture
def base(make_model: Callable[..., Path]) -> Path:
    return make_model("lively", initializer_range=0.4, tie_word_embeddings=False)


@pytest.fixture
def passages(tmp_path: Path) -> Path:
    rows = [
        {"id": "z", "content": "# 7zip\n\nLicence: LGPL-2.0-only", "metadata": {"id": "1"}},
        {"id": "a", "content": "# Ansible\n\nLicence: GPL-3.0-only", "metadata": {"id": "2"}},
    ]
    write_jsonl(tmp_path / "documents.jsonl", rows)
    return index(
        IndexOptions(), source=tmp_path / "documents.jsonl", output=tmp_path / "x.index", plugins=Plugins()
    ).folder


@pytest.fixture
def model(tmp_path: Path, base: Path, make_passport: Callable[[Path, Path, str], None]) -> Path:
    """A fine-tuned model's `final` folder, with a LoRA of random weights."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM, AutoTokenizer

    wrapped = get_peft_model(AutoModelForCausalLM.from_pretrained(base), LoraConfig(r=4, target_modules="all-linear"))
    for name, weight in wrapped.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight, std=0.5)
    final = tmp_path / "sill" / "final"
    wrapped.save_pretrained(final)
    AutoTokenizer.from_pretrained(base).save_pretrained(final)
    make_passport(final, base, "Réponds brièvement.")
    return final


def drained(stream: Generator[str, None, Answer]) -> tuple[str, Answer]:
    pieces = []
    while True:
        try:
            pieces.append(next(stream))
        except StopIteration as stopped:
            return "".join(pieces), stopped.value


def test_the_model_folder_is_enough_and_all_arms_answer(base: Path, model: Path, passages: Path) -> None:
    def ask(**given: Any) -> Answer:
        return query(
            QueryOptions(decoding=SHORT, **given), question="Quelle est la licence de 7zip ?", plugins=Plugins()
        )

    answers = [
        ask(base_model=str(base)),
        ask(base_model=str(base), index=passages),
        ask(model=model),
        ask(model=model, index=passages, k=1),
    ]
    assert [answer.arm for answer in answers] == ["base", "rag", "finetuned", "hybrid"]
    assert len({answer.answer for answer in answers}) == 4
    assert [[source.chunk for source in answer.sources] for answer in answers] == [[], ["z", "a"], [], ["z"]]
    assert answers[1].prompt_tokens > answers[0].prompt_tokens
    assert all(answer.completion_tokens <= 16 and answer.seconds > 0 for answer in answers)
    assert ask(model=model.parent).answer == answers[2].answer
    assert json.loads(answers[1].model_dump_json())["sources"][0]["score"] > 0


def test_another_base_is_refused_naming_both(model: Path, make_model: Callable[..., Path]) -> None:
    other = make_model("other", hidden_size=32)
    with pytest.raises(UsageError) as caught:
        query(QueryOptions(model=model, base_model=str(other)), question="Q ?", plugins=Plugins())
    assert "lively" in caught.value.message
    assert "other" in caught.value.message


def test_one_shot_and_conversation_give_the_same_answer(base: Path) -> None:
    once = query(QueryOptions(base_model=str(base), decoding=SHORT), question="What is it?", plugins=Plugins())
    with Conversation(QueryOptions(base_model=str(base), decoding=SHORT), plugins=Plugins()) as conversation:
        text, answer = drained(conversation.ask("What is it?"))
    assert text == answer.answer == once.answer


def test_truncation_is_noticed(base: Path) -> None:
    answer = query(
        QueryOptions(base_model=str(base), decoding=Decoding(max_new_tokens=1)), question="What?", plugins=Plugins()
    )
    assert answer.truncated
    assert "limit of 1" in (answer.notice or "")


def test_history_is_remembered_reset_and_saved(base: Path, tmp_path: Path) -> None:
    with Conversation(QueryOptions(base_model=str(base), decoding=SHORT), plugins=Plugins()) as conversation:
        first = drained(conversation.ask("Quelle licence ?"))[1]
        second = drained(conversation.ask("Quelle licence ?"))[1]
        assert second.prompt_tokens > first.prompt_tokens
        conversation.save(tmp_path / "talk.jsonl")
        conversation.reset()
        again = drained(conversation.ask("Quelle licence ?"))[1]
        assert (again.answer, again.prompt_tokens) == (first.answer, first.prompt_tokens)
    (row,) = [json.loads(line) for line in (tmp_path / "talk.jsonl").read_text("utf-8").splitlines()]
    assert [m["role"] for m in row["messages"]] == ["system", "user", "assistant", "user", "assistant"]
    assert row["messages"][2]["content"] == first.answer


def test_history_is_cut_to_the_context_and_said_so(base: Path) -> None:
    with Conversation(QueryOptions(base_model=str(base), decoding=SHORT), plugins=Plugins()) as conversation:
        answers = [drained(conversation.ask(f"licence version outil {i} " * 8))[1] for i in range(8)]
    assert all(answer.prompt_tokens + 16 <= 512 for answer in answers)
    assert answers[0].notice is None or "context is full" not in answers[0].notice
    assert "context is full" in (answers[-1].notice or "")


def test_a_cancelled_answer_is_forgotten(base: Path) -> None:
    with Conversation(QueryOptions(base_model=str(base), decoding=SHORT), plugins=Plugins()) as conversation:
        fresh = drained(conversation.ask("Quelle licence ?"))[1]
        conversation.reset()
        stream = conversation.ask("Quelle version minimale ?")
        next(stream)
        stream.close()
        assert drained(conversation.ask("Quelle licence ?"))[1].prompt_tokens == fresh.prompt_tokens


def test_what_cannot_be_asked_is_said(base: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="empty"):
        query(QueryOptions(base_model=str(base)), question="  ", plugins=Plugins())
    with pytest.raises(UsageError, match="no model"):
        query(QueryOptions(), question="Q ?", plugins=Plugins())
    with pytest.raises(UsageError, match="no index here"):
        query(QueryOptions(base_model=str(base), index=tmp_path / "none"), question="Q ?", plugins=Plugins())


def test_passages_matter_more_than_a_long_history(base: Path, passages: Path) -> None:
    with Conversation(
        QueryOptions(base_model=str(base), index=passages, decoding=SHORT), plugins=Plugins()
    ) as conversation:
        for i in range(6):
            answer = drained(conversation.ask(f"Quelle est la licence de 7zip, version {i} ? " * 3))[1]
        assert answer.sources
        assert answer.prompt_tokens + 16 <= 512
