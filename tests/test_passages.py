"""`generate-training --with-context`: passages in the questions that are trained on, as the hybrid arm shows them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from dyag_core import Decoding, Message, UsageError
from dyag_core.artifacts import read_jsonl, write_jsonl
from dyag_core.chat.conversations import read_conversations
from dyag_core.chat.prompts import context_text, question_messages, with_context, without_context
from dyag_core.chat.questions import read_questions
from dyag_core.chat.trained_questions import hashes_of, question_hash
from dyag_core.cli.generate_training import command
from dyag_core.plugin.host import Plugins
from dyag_core.plugin.run import Run
from dyag_core.records import Chunk
from dyag_core.records.arm import ARMS
from dyag_core.retrieval.index import OpenIndex, open_index
from dyag_core.retrieval.prompting import build_prompts
from dyag_core.text.abstention import UNKNOWN
from dyag_samples import catalogue


class Roomy:
    """All that a prompt asks of an engine: how much fits."""

    context_length = 10**6

    def count_tokens(self, prompt: Sequence[Message]) -> int:
        return sum(len(message.content) for message in prompt)


def generate(folder: Path, *more: str, name: str = "mine", lang: str = "fr") -> Any:
    call = [str(catalogue(lang)), "--output", str(folder / f"{name}.jsonl"), "--count", "150", *more]
    return CliRunner().invoke(command, call)


def opened(folder: Path) -> OpenIndex:
    plugins = Plugins()
    return open_index(folder, plugins=plugins, run=Run(stage="query", folder=folder, plugins=plugins))


def rows(path: Path) -> list[dict[str, Any]]:
    return [row for _, row in read_jsonl(path) if isinstance(row, dict)]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("passages")
    done = generate(folder, "--split", "--with-context")
    assert done.exit_code == 0, done.output
    assert "passages stand in the questions of training and validation" in done.output
    return folder


def asked_by_hybrid(index: OpenIndex, prompt: Sequence[Message], k: int) -> list[Message]:
    [shown] = build_prompts(
        [prompt],
        ARMS["hybrid"],
        engine=Roomy(),  # type: ignore[arg-type]
        index=index,
        k=k,
        lang="fr",
        decoding=Decoding(),
    )
    return list(shown.messages)


def test_a_training_prompt_is_the_hybrid_arms_prompt(made: Path, tmp_path: Path) -> None:
    index = opened(made / "mine.index")
    assert generate(tmp_path, "--with-context", "--index", str(made / "mine.index")).exit_code == 0
    same = different = 0
    for row in [row for row in rows(tmp_path / "mine.jsonl") if row["meta"]["context"]]:
        prompt = [Message.model_validate(message) for message in row["messages"][:-1]]
        bare = [*prompt[:-1], Message(role="user", content=without_context(prompt[-1].content))]
        shown = [hit.chunk.id for hit in index.search([bare[-1].content], 3)[0]]
        if row["meta"]["context"] == shown:
            assert asked_by_hybrid(index, bare, 3) == prompt
            same += 1
        else:  # the search missed the right passage, or it was left out
            passages = [chunk for name in row["meta"]["context"] if (chunk := index.chunk(name))]
            assert list(with_context(bare, context_text(passages), "fr")) == prompt
            different += 1
    assert same > 2 * different > 0


def test_an_answer_stands_in_its_passages_or_is_that_they_do_not_tell(made: Path) -> None:
    trained = [row for row in rows(made / "mine_train.jsonl") if row["meta"]["context"]]
    answerable = [row for row in trained if row["meta"]["answerable"] and not row["meta"].get("facts")]
    assert all(row["meta"]["chunk"] in row["meta"]["context"] for row in answerable)
    assert all(row["messages"][-1]["content"] == UNKNOWN["fr"] for row in trained if not row["meta"]["answerable"])
    sizes = Counter(len(row["meta"]["context"]) for row in trained)
    assert max(sizes) == 3  # bm25 finds only what shares a word
    assert sizes[3] > 0.7 * len(trained)


def test_some_questions_stand_bare_with_the_answer_that_is_to_be_learnt(made: Path) -> None:
    trained = rows(made / "mine_train.jsonl")
    bare = [row for row in trained if not row["meta"]["context"]]
    assert 0.2 < len(bare) / len(trained) < 0.4
    assert all("Extraits" not in row["messages"][-2]["content"] for row in bare)
    assert any(row["messages"][-1]["content"] != UNKNOWN["fr"] for row in bare)


def test_the_manifest_counts_them(made: Path) -> None:
    manifest = json.loads((made / "mine.manifest.json").read_text("utf-8"))
    counts = manifest["passages"]
    assert counts["the right one is there"] > 2 * counts["the right one is left out"] > 0
    assert counts["asked without passages"] > 10
    assert sum(counts.values()) == sum(manifest["by_split"][part] for part in ("train", "val"))
    assert manifest["options"]["distractors"] == 2
    assert "bm25" in {plugin["name"] for plugin in manifest["plugins"]}


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_training_sees_no_passage_of_an_unseen_document(made: Path, tmp_path: Path, seed: int) -> None:
    options = ("--split", "70/10/20", "--count", "250", "-o", "facts=4", "--seed", str(seed))
    assert generate(tmp_path, *options, "--with-context", "--index", str(made / "mine.index")).exit_code == 0
    index = opened(made / "mine.index")
    test = [row["meta"] for row in rows(tmp_path / "mine_test.jsonl")]
    unseen = {meta["document"] for meta in test if meta["stratum"] == "unseen"}
    assert len(unseen) > 2
    shown = {
        chunk.metadata["document"]
        for row in rows(tmp_path / "mine_train.jsonl")
        for name in row["meta"]["context"]
        if (chunk := index.chunk(name))
    }
    assert len(shown) > 5
    assert not unseen & shown


def test_several_right_passages_are_all_there(made: Path) -> None:
    index = opened(made / "mine.index")
    combined = [
        row for row in rows(made / "mine_train.jsonl") if row["meta"].get("facts") and row["meta"]["answerable"]
    ]
    assert combined
    assert all(index.chunk(name) for row in combined for name in row["meta"]["context"])
    assert any(row["meta"]["chunk"] in row["meta"]["context"] for row in combined)


def test_test_questions_are_bare_and_so_are_questions_read_from_other_parts(made: Path) -> None:
    for row in rows(made / "mine_test.jsonl"):
        assert "context" not in row["meta"]
        assert without_context(row["messages"][-2]["content"]) == row["messages"][-2]["content"]
    for question, row in zip(read_questions(made / "mine_val.jsonl", None), rows(made / "mine_val.jsonl"), strict=True):
        assert row["messages"][-2]["content"].endswith(question.question)
        assert "Extraits des documents" not in question.question
        assert question.messages[-1].content == question.question


def test_what_was_trained_on_is_known_by_its_question(made: Path) -> None:
    conversations = read_conversations(made / "mine_train.jsonl")
    hashes = hashes_of(conversations)
    assert all(question_hash(without_context(row.questions[-1])) in hashes for row in conversations)
    assert sum("Extraits" in row.questions[-1] for row in conversations) > 0.6 * len(conversations)


def test_a_test_question_among_trained_ones_is_found_behind_its_passages(made: Path, tmp_path: Path) -> None:
    from dyag_core.cli.validate import command as validate

    train = rows(made / "mine_train.jsonl")[:5]
    leaked = train[2] | {"messages": [*train[2]["messages"]]}
    leaked["messages"][-2] = {"role": "user", "content": without_context(leaked["messages"][-2]["content"])}
    write_jsonl(tmp_path / "x_train.jsonl", train)
    write_jsonl(tmp_path / "x_test.jsonl", [leaked])
    told = CliRunner().invoke(validate, [str(tmp_path / "x_train.jsonl")])
    assert "stands both in the training and in the test file" in told.output


def test_the_same_seed_gives_the_same_bytes_with_an_index_that_is_there(made: Path, tmp_path: Path) -> None:
    again = generate(tmp_path, "--split", "--with-context", "--index", str(made / "mine.index"))
    assert again.exit_code == 0
    assert not (tmp_path / "mine.index").exists()
    for part in ("train", "val", "test"):
        assert (tmp_path / f"mine_{part}.jsonl").read_bytes() == (made / f"mine_{part}.jsonl").read_bytes()


@pytest.mark.parametrize("distractors", [0, 4])
def test_as_many_distractors_as_asked_for(made: Path, tmp_path: Path, distractors: int) -> None:
    options = ("--with-context", "--distractors", str(distractors), "--index", str(made / "mine.index"))
    assert generate(tmp_path, *options, "--method", "rule").exit_code == 0
    sizes = [len(row["meta"]["context"]) for row in rows(tmp_path / "mine.jsonl")]
    assert max(sizes) == distractors + 1


def test_what_makes_no_sense_is_refused(made: Path, tmp_path: Path) -> None:
    for options, says in [
        (("--distractors", "2"), "add --with-context"),
        (("--index", "x.index"), "add --with-context"),
    ]:
        told = generate(tmp_path, *options).exception
        assert isinstance(told, UsageError)
        assert says in (told.hint or "")
    told = generate(tmp_path, "--with-context", "--index", str(made / "mine.index"), lang="en").exception
    assert isinstance(told, UsageError)
    assert "is no index of" in told.message


@pytest.mark.parametrize("lang", ["en", "fr"])
@pytest.mark.parametrize("question", ["Which one?", "Using these passages, answer: what?", "À l'aide de\n\nquoi ?", ""])
def test_a_question_comes_back_from_behind_its_passages(lang: str, question: str) -> None:
    turn = with_context(question_messages(question, None), context_text([Chunk(id="a", text="x\n\ny")]), lang)[-1]
    assert turn.content != question
    assert without_context(turn.content) == question
    assert without_context(question) == question
