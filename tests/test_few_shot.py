"""Base models that were never taught a chat are shown answered validation questions, and nothing of the test."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from dyag_core import Decoding, Message, Reply, Session, UsageError, hookimpl
from dyag_core.api import load_tokenizer, prompt_ids, stop_texts
from dyag_core.models.chat_templates import untrained_template

ASKED = [
    {"question": f"Quelle est la licence de l'outil {i} ?", "expected_answer": "MIT", "document": f"d{i}"}
    for i in range(6)
]
SHOWN = [
    {"question": "Quel est le statut de l'outil 3 ?", "expected_answer": "Observé", "document": "d3"},
    {"question": "Qui édite l'outil 0 ?", "expected_answer": "DINUM", "document": "d20", "fact": "d0 éditeur"},
    {"question": "Qui édite l'outil 21 ?", "expected_answer": "INSEE", "document": "d21"},
    {"question": "Quel est le statut de l'outil 21 ?", "expected_answer": "Ouvert", "document": "d21"},
    {"question": "Quelle est la licence de l'outil 4 ?", "expected_answer": "MIT", "document": "d22"},
    {
        "question": "Qui édite l'outil 22 ?",
        "expected_answer": "Je ne sais pas.",
        "document": "d22",
        "answerable": False,
    },
]


def lines(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("\n".join(json.dumps({"id": f"{path.stem}{i}", **row}) for i, row in enumerate(rows)), "utf-8")
    return path


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    lines(tmp_path / "q_val.jsonl", SHOWN)
    return lines(tmp_path / "q_test.jsonl", [row | {"fact": f"{row['document']} éditeur"} for row in ASKED])


class Reads:
    """An engine that keeps what a model would read, as text."""

    name, remote, context_length = "reads", False, 2000

    def __init__(self) -> None:
        self.read: list[str] = []

    @hookimpl
    def dyag_open_engine(self, base_path: str, chat_template: str | None) -> Reads:
        self.tokenizer = load_tokenizer(base_path, self.context_length, chat_template)
        return self

    def answer(self, prompts: Sequence[Sequence[Message]], decoding: Decoding) -> Iterator[tuple[int, Reply]]:
        for i, prompt in enumerate(prompts):
            self.read.append(self.tokenizer.decode(prompt_ids(self.tokenizer, prompt)))
            yield i, Reply(text="MIT")

    def count_tokens(self, prompt: Sequence[Message]) -> int:
        return sum(len(message.content.split()) for message in prompt)

    def close(self) -> None: ...


@pytest.fixture
def reads() -> Reads:
    return Reads()


def evaluate(questions: Path, base: Path, reads: Reads, **given: Any) -> Any:
    options: dict[str, Any] = {"arms": ["base"], "base_model": str(base), "chat_template": "chatml", "engine": "reads"}
    return Session(questions.parent, plugins=[reads]).evaluate(questions, **options | given)


def shown(made: Any, arm: str = "base") -> list[str]:
    return made.evaluations[arm].metadata.get("few_shot", {"examples": []})["examples"]


def test_a_model_without_turns_sees_answered_questions_in_words(bare: Path, questions: Path, reads: Reads) -> None:
    made = evaluate(questions, bare, reads)
    # not the one that asks for the fact of a test question, nor the one that a test question is; one a document,
    # documents that nobody asks about first, and one of four without an answer
    assert shown(made) == ["q_val2", "q_val5", "q_val0"]
    assert made.evaluations["base"].metadata["few_shot"]["plain"]
    assert "<|im_start|>" not in reads.read[0]
    for question, answer in (("Qui édite l'outil 21 ?", "INSEE"), ("Qui édite l'outil 22 ?", "Je ne sais pas.")):
        assert f"Question : {question}\nRéponse : {answer}\n\n" in reads.read[0]
    assert reads.read[0].endswith(f"\n\nQuestion : {ASKED[0]['question']}\nRéponse :")


def test_a_model_with_its_own_template_sees_none_unless_asked_to(
    tiny_model: Path, questions: Path, reads: Reads
) -> None:
    assert shown(evaluate(questions, tiny_model, reads, chat_template=None)) == []
    assert shown(evaluate(questions, tiny_model, reads, chat_template=None, few_shot=1)) == ["q_val2"]
    assert "<|im_start|>assistant\nINSEE<|im_end|>" in reads.read[-1]


def test_examples_come_with_the_passage_that_answers_them(bare: Path, questions: Path, reads: Reads) -> None:
    documents = [
        {"id": f"c{i}", "content": f"# Outil {i}\n\n- Éditeur : INSEE\n- Licence : MIT", "metadata": {"id": f"d{i}"}}
        for i in range(30)
    ]
    lines(questions.parent / "documents.jsonl", documents)
    folder = questions.parent / "x.index"
    Session(questions.parent).index(questions.parent / "documents.jsonl", output=folder)
    lines(questions.parent / "q_val.jsonl", [row | {"chunk": f"c{row['document'][1:]}"} for row in SHOWN])
    made = evaluate(questions, bare, reads, arms=["base", "rag"], index=folder, k=1)
    assert shown(made, "rag") == shown(made, "base")
    example, _ = reads.read[-1].split("Réponse : INSEE")
    assert "Extraits des documents" in example
    assert "# Outil 21\n" in example
    assert "Extraits" not in reads.read[0]


def test_without_validation_rows_the_remedy_is_named(bare: Path, questions: Path, reads: Reads, heard: Any) -> None:
    (questions.parent / "q_val.jsonl").unlink()
    Session(questions.parent, plugins=[reads], progress=heard).evaluate(
        questions, arms=["base"], base_model=str(bare), chat_template="chatml", engine="reads"
    )
    assert any("was never taught a chat" in line and "--validation FILE" in line for line in heard.lines)
    with pytest.raises(UsageError, match=r"there is no q_val\.jsonl beside q_test\.jsonl"):
        evaluate(questions, bare, reads, few_shot=2)


def test_validation_that_nothing_would_read_is_refused(tiny_model: Path, questions: Path, reads: Reads) -> None:
    with pytest.raises(UsageError, match="neither is asked for") as refused:
        evaluate(questions, tiny_model, reads, chat_template=None, validation=questions.parent / "q_val.jsonl")
    assert "--few-shot 4" in str(refused.value.hint)


def test_a_blank_line_or_the_next_mark_ends_an_answer_in_words(bare: Path) -> None:
    assert stop_texts(load_tokenizer(str(bare), 500, untrained_template("fr"))) == ("\n\n", "\nRéponse :")
    assert stop_texts(load_tokenizer(str(bare), 500, untrained_template("en"))) == ("\n\n", "\nAnswer:")


def test_the_report_says_so_and_how_to_repeat_it(bare: Path, questions: Path, reads: Reads) -> None:
    session = Session(questions.parent, plugins=[reads], lang="fr")
    many = [row | {"question": f"Licence de l'outil {i} ?"} for i, row in enumerate(ASKED * 6)]
    lines(questions, many)
    options: dict[str, Any] = {"base_model": str(bare), "chat_template": "chatml", "engine": "reads"}
    files = session.evaluate(questions, arms=["base"], **options).files["base"]
    compared = session.compare({"base": files, "other": files}, output=questions.parent / "c").comparison
    told = [one.text["fr"] for one in compared.recommendations]
    assert any("après 4 exemples avec leurs réponses" in text for text in told), told
