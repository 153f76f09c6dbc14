"""Evaluation on tiny models: four arms, results files, journals, fairness between the arms."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from dyag_core import Chunk, Decoding, Hit, Message, Reply, UsageError, hookimpl
from dyag_core.artifacts import Journal, output_lock, write_jsonl
from dyag_core.chat.prompts import SYSTEM
from dyag_core.chat.trained_questions import question_hash
from dyag_core.errors import LockedError
from dyag_core.plugin.host import Plugins
from dyag_core.records.arm import ARMS, Arm, arms_named
from dyag_core.records.evaluation import EvaluationFiles
from dyag_core.records.options import CompareOptions, EvaluateOptions, IndexOptions
from dyag_core.retrieval.prompting import build_prompts
from dyag_core.stages.compare import compare
from dyag_core.stages.evaluate import evaluate
from dyag_core.stages.index import index
from dyag_core.text.abstention import UNKNOWN

DOCUMENTS = {
    "d1": "# 7zip\n\n- Licence: LGPL-2.0-only\n- Version minimale: 19",
    "d2": "# Ansible\n\n- Licence: GPL-3.0-only\n- Version minimale: 2.9",
    "d3": "# Antidote\n\n- Fonction: Correcteur\n",
}


class Oracle:
    """An engine that answers from a table of (question part -> answer), counts what it is asked, and may break off."""

    name = "oracle"
    context_length = 400

    def __init__(self, table: dict[str, str], stop_after: int | None = None, fails_on: str = "\x00") -> None:
        self.table, self.stop_after, self.fails_on = table, stop_after, fails_on
        self.asked: list[tuple[Path | None, tuple[Message, ...]]] = []
        self.opened: list[Path | None] = []

    @hookimpl
    def dyag_open_engine(self, base_path: str, adapter: Path | None) -> Oracle:
        self.opened.append(adapter)
        return self

    def answer(self, prompts: Sequence[Sequence[Message]], decoding: Decoding) -> Iterator[tuple[int, Reply]]:
        for i in reversed(range(len(prompts))):
            if self.stop_after is not None and len(self.asked) >= self.stop_after:
                raise KeyboardInterrupt
            self.asked.append((self.opened[-1], tuple(prompts[i])))
            text = prompts[i][-1].content
            failed = "broken" if self.fails_on in text else None
            found = next((answer for part, answer in self.table.items() if part in text), "Je ne sais pas.")
            seconds = 0.001 * len(self.asked)
            yield i, Reply(text=found, prompt_tokens=10, completion_tokens=2, seconds=seconds, error=failed)

    def count_tokens(self, prompt: Sequence[Message]) -> int:
        return sum(len(message.content.split()) for message in prompt)

    def close(self) -> None:
        """Nothing held."""


@pytest.fixture
def work(tmp_path: Path, tiny_model: Path, make_passport: Callable[[Path, Path, str], None]) -> Path:
    """A folder with documents, an index, questions in three strata, and a fine-tuned model's folder."""
    rows = [{"id": name, "content": text, "metadata": {"id": name}} for name, text in DOCUMENTS.items()]
    write_jsonl(tmp_path / "documents.jsonl", rows)
    index(IndexOptions(), source=tmp_path / "documents.jsonl", output=tmp_path / "x.index", plugins=Plugins())
    questions = [
        ("Quelle est la licence de 7zip ?", "LGPL-2.0-only", "d1", "recall"),
        ("Quelle est la version minimale de 7zip ?", "19", "d1", "recall"),
        ("Quelle est la licence d'Ansible ?", "GPL-3.0-only", "d2", "unseen"),
        ("Quel est le prix d'Antidote ?", UNKNOWN["fr"], "d3", "unanswerable"),
    ]
    write_jsonl(
        tmp_path / "test.jsonl",
        [
            {"question": q, "expected_answer": a, "meta": {"document": d, "stratum": s, "chunk": f"c{d}"}}
            for q, a, d, s in questions
        ],
    )
    final = tmp_path / "model" / "final"
    final.mkdir(parents=True)
    make_passport(final, tiny_model, "Système appris.")
    (final / "adapter_config.json").write_text("{}", encoding="utf-8")
    (final / "adapter_model.safetensors").write_bytes(b"weights")
    (final / "trained_questions.txt").write_text(question_hash(questions[0][0]) + "\n", encoding="ascii")
    return tmp_path


TABLE = {"licence de 7zip": "LGPL-2.0-only.", "version": "La version minimale est 19.", "Ansible": "MIT"}


def run(work: Path, engine: Oracle, arms: Sequence[str] = ("finetuned",), output: str = "out.json", **more: Any):
    arguments: dict[str, Any] = {"model": work / "model" / "final", "index": work / "x.index"} | more
    plugins = Plugins(objects=[engine])
    given = EvaluateOptions(arms=arms, engine="oracle", **arguments)
    return evaluate(given, questions=work / "test.jsonl", output=work / output, plugins=plugins)


def test_a_results_file_has_every_key(work: Path) -> None:
    made = run(work, Oracle(TABLE))
    assert isinstance(made, EvaluationFiles)
    assert made.files == {"finetuned": work / "out.json"}
    text = (work / "out.json").read_text("utf-8")
    results = json.loads(text)
    assert results == made.evaluations["finetuned"].model_dump(mode="json")
    metrics = results["metrics"]
    assert metrics["success_rate"] == 75.0
    assert metrics["exact_match_rate"] == 25.0
    assert (metrics["errors"], metrics["total_tokens"], metrics["avg_tokens"]) == (0, 48, 12)
    assert metrics["avg_time_seconds"] == pytest.approx(0.0025)
    assert (metrics["median_time_seconds"], metrics["p95_time_seconds"]) == (pytest.approx(0.0025), 0.004)
    success = metrics["summaries"]["success"]
    assert (success["mean"], success["n"]) == (75.0, 4)
    assert 0 <= success["low"] < 75 < success["high"] <= 100
    assert metrics["summaries"]["abstention"]["n"] == 1
    assert {s: m["success"]["mean"] for s, m in metrics["strata"].items()} == {
        "recall": 100.0,
        "unanswerable": 100.0,
        "unseen": 0.0,
    }
    first = results["results"][0]
    assert first["question"] == "Quelle est la licence de 7zip ?"
    assert first["generated_answer"] == "LGPL-2.0-only."
    assert (first["exact_match"], first["success"], first["abstained"]) == (True, True, False)
    assert (first["tokens"], first["prompt_tokens"], first["completion_tokens"]) == (12, 10, 2)
    assert (first["stratum"], first["document"], first["answerable"]) == ("recall", "d1", True)
    assert results["results"][3]["abstained"]
    assert str(work) not in text


def test_what_was_seen_in_training_is_counted(work: Path) -> None:
    made = run(work, Oracle(TABLE), ("base", "finetuned"), "out").evaluations
    assert [item["seen_in_training"] for item in made["finetuned"].results] == [True, False, False, False]
    assert made["finetuned"].metadata["seen_in_training"] == 1
    assert made["base"].metadata["seen_in_training"] == 0


def test_four_arms_differ_in_model_and_passages_alone(work: Path) -> None:
    engine = Oracle(TABLE)
    arms = ("hybrid", "base", "finetuned", "rag")
    made = run(work, engine, arms, "out")
    assert tuple(made.files) == tuple(made.evaluations) == arms
    assert [file.name for file in made.files.values()] == [f"out_{arm}.json" for arm in arms]
    assert engine.opened == [None, work / "model" / "final"]  # one engine for two arms
    by_arm = [engine.asked[i : i + 4] for i in range(0, 16, 4)]
    systems = {messages[0].content for _, messages in engine.asked}
    assert systems == {"Système appris."}
    asked = {("model" if adapter else "base", messages) for adapter, messages in engine.asked}
    assert {m for kind, m in asked if kind == "model"} == {m for kind, m in asked if kind == "base"}
    with_passages = [["Extraits des documents" in messages[-1].content for _, messages in arm] for arm in by_arm]
    assert with_passages == [[False] * 4, [True] * 4, [True] * 4, [False] * 4]  # base, rag, hybrid, finetuned
    items = made.evaluations["rag"].results
    assert items[0]["sources"][0]["score"] > 0
    assert made.evaluations["base"].results[0]["sources"] == []
    ids = [[item["id"] for item in evaluation.results] for evaluation in made.evaluations.values()]
    assert ids[0] == ids[1] == ids[2] == ids[3]
    metadata = made.evaluations["hybrid"].metadata
    assert metadata["index"]["k"] == 3
    assert metadata["questions"]["asked"] == 4
    assert metadata["decoding"]["temperature"] == 0
    assert "index" not in made.evaluations["base"].metadata
    assert "model" not in made.evaluations["base"].metadata
    assert metadata["model"]["sha256"] == made.evaluations["finetuned"].metadata["model"]["sha256"]


def test_metrics_of_the_users_choice_with_their_options(work: Path) -> None:
    table = {"licence de 7zip": "lgpl-2.0-only.", "version minimale de": "C'est la 19.", "licence d'Ansible": "MIT"}
    metrics = {"metrics": ("bleu", "rouge_l", "groundedness"), "metric_options": {"bleu": {"lowercase": True}}}
    made = run(work, Oracle(table), ("base", "rag", "hybrid"), "out", **metrics)
    scores = {
        arm: {name: [item["metrics"][name] for item in found.results] for name in found.results[0]["metrics"]}
        for arm, found in made.evaluations.items()
    }
    assert list(scores["rag"]) == ["success", "exact_match", "bleu", "rouge_l", "groundedness"]
    assert scores["rag"]["groundedness"] == [1.0, 1.0, 0.0, None]
    assert scores["base"]["groundedness"] == [None] * 4
    assert scores["rag"]["rouge_l"] == [1.0, pytest.approx(0.5), 0.0, None]
    # "lgpl-2.0 - only ." against "lgpl-2.0 - only": 3/4, 2/3, 1/2, and 0/1 smoothed to 1/2
    # "c'est la 19 ." against "19": 1/4, 0/3, 0/2 and 0/1 smoothed to 1/6, 1/8, 1/8
    right, padded = (3 / 4 * 2 / 3 / 2 / 2) ** 0.25, (1 / 4 / 6 / 8 / 8) ** 0.25
    assert scores["rag"]["bleu"] == [pytest.approx(right), pytest.approx(padded), 0.0, None]
    summary = made.evaluations["rag"].metrics["summaries"]["groundedness"]
    assert (summary["mean"], summary["n"]) == (pytest.approx(200 / 3), 3)
    assert made.evaluations["base"].metrics["summaries"]["groundedness"]["mean"] is None
    used = {use["name"]: use["options"] for use in made.evaluations["rag"].metadata["plugins"] if "options" in use}
    assert used["bleu"] == {"tokenize": "13a", "smooth": "exp", "lowercase": True}
    compared = compare(CompareOptions(), results=made.files, output=work / "c", plugins=Plugins()).comparison
    assert compared.arm("rag").metrics["groundedness"].mean == 66.7
    assert [(d.a, d.b) for d in compared.differences if d.metric == "groundedness"] == [("hybrid", "rag")]
    assert compared.method["metric_options"]["bleu"]["lowercase"] is True


def test_errors_count_as_wrong_over_all_questions(work: Path) -> None:
    made = run(work, Oracle(TABLE, fails_on="7zip")).evaluations["finetuned"]
    assert made.metrics["errors"] == 2
    assert made.metrics["success_rate"] == 25.0
    assert made.metrics["total_questions"] == 4
    assert made.results[0]["error"] == "broken"


@pytest.mark.parametrize("killed_after", [1, 3, 5, 7])
def test_killed_and_run_again_asks_nothing_twice(
    work: Path, killed_after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dyag_core.retrieval.prompting.perf_counter", itertools.count().__next__)  # a search takes 1 s
    whole = Oracle(TABLE)
    run(work, whole, ("base", "rag"), "whole")
    first = Oracle(TABLE, stop_after=killed_after)
    with pytest.raises(KeyboardInterrupt):
        run(work, first, ("base", "rag"), "out")
    assert not (work / "out_base.json").exists()
    second = Oracle(TABLE)
    second.asked = list(first.asked)  # the oracle's clock goes on where it stopped
    run(work, second, ("base", "rag"), "out")
    assert len(second.asked) == 8
    assert sorted(map(repr, second.asked)) == sorted(map(repr, whole.asked))
    for arm in ("base", "rag"):
        ours, theirs = ((work / f"{name}_{arm}.json").read_bytes() for name in ("out", "whole"))
        assert ours == theirs
        assert len(json.loads(ours)["results"]) == 4
    assert not list(work.glob(".*journal*"))


def test_final_files_come_from_the_journal(work: Path) -> None:
    """Killed once everything was answered but nothing was written: the files are those of the unkilled run."""

    class Interrupted(Oracle):
        def close(self) -> None:
            if self.stop_after is not None:
                raise KeyboardInterrupt

    run(work, Oracle(TABLE), output="whole.json")
    with pytest.raises(KeyboardInterrupt):
        run(work, Interrupted(TABLE, stop_after=99))
    again = Oracle(TABLE)
    run(work, again)
    assert again.asked == []
    assert (work / "out.json").read_bytes() == (work / "whole.json").read_bytes()


def test_results_say_what_training_and_index_took(work: Path) -> None:
    passport = work / "model" / "final" / "dyag.json"
    told = json.loads(passport.read_text("utf-8"))
    told |= {"training": {"seconds": 120.5}, "options": {"device": "cpu"}, "parent": {"training_seconds": 60.0}}
    passport.write_text(json.dumps(told), encoding="utf-8")
    made = run(work, Oracle(TABLE), ("base", "hybrid"), "timed").evaluations
    assert made["hybrid"].metadata["training"] == {"seconds": 180.5, "device": "cpu"}
    assert made["hybrid"].metadata["index"]["seconds"] > 0
    assert not {"training", "index"} & made["base"].metadata.keys()
    # An adapter that went on from one whose time nobody knows has no time either; nor has an older index.
    passport.write_text(json.dumps(told | {"parent": {"data": {}}}), encoding="utf-8")
    (work / "x.index" / "times.json").unlink()
    metadata = run(work, Oracle(TABLE), ("hybrid",), "untimed.json").evaluations["hybrid"].metadata
    assert "training" not in metadata
    assert "seconds" not in metadata["index"]


def test_failed_answers_are_asked_for_again(work: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(work, Oracle(TABLE, fails_on="Antidote", stop_after=3))
    second = Oracle(TABLE)
    run(work, second)
    assert ["Antidote" in messages[-1].content for _, messages in second.asked] == [True, False]


@pytest.mark.parametrize("change", ["decoding", "model", "question"])
def test_a_journal_serves_only_the_same_question(work: Path, change: str) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(work, Oracle(TABLE, stop_after=3))
    more: dict[str, Any] = {}
    if change == "decoding":
        more = {"decoding": Decoding(max_new_tokens=5)}
    elif change == "model":
        (work / "model" / "final" / "adapter_model.safetensors").write_bytes(b"other")
    else:
        path = work / "test.jsonl"
        path.write_text(path.read_text("utf-8").replace("Quel", "Dis-moi quel"), encoding="utf-8")
    second = Oracle(TABLE)
    run(work, second, **more)
    assert len(second.asked) == 4


def test_a_damaged_journal_line_is_asked_again(work: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(work, Oracle(TABLE, stop_after=3))
    journal = work / ".out.json.journal.jsonl"
    journal.write_bytes(journal.read_bytes()[:-10])
    second = Oracle(TABLE)
    run(work, second)
    assert len(second.asked) == 2


def test_limit_spreads_over_the_file(work: Path) -> None:
    made = run(work, Oracle(TABLE), limit=2).evaluations["finetuned"]
    assert [item["stratum"] for item in made.results] == ["recall", "unseen"]


def test_asked_for_metrics_come_with_the_two_that_always_stand(work: Path) -> None:
    made = run(work, Oracle(TABLE), metrics=("containment",)).evaluations["finetuned"]
    assert list(made.metrics["summaries"]) == ["success", "exact_match", "containment"]


@pytest.mark.parametrize(
    ("arms", "more", "says"),
    [
        (["finetund"], {}, "Did you mean 'finetuned'"),
        (["hybrid"], {"model": None, "base_model": "TINY"}, "needs a fine-tuned model"),
        (["rag"], {"index": None}, "needs an index"),
        (["base"], {"model": None}, "no model was named"),
        ([], {}, "no arm"),
    ],
)
def test_what_is_missing_is_said(
    work: Path, tiny_model: Path, arms: list[str], more: dict[str, Any], says: str
) -> None:
    if more.get("base_model") == "TINY":
        more = more | {"base_model": str(tiny_model)}
    engine = Oracle(TABLE)
    with pytest.raises(UsageError) as caught:
        run(work, engine, arms, **more)
    assert says in f"{caught.value.message} {caught.value.hint}"
    assert engine.asked == []


def test_the_base_alone_gets_the_system_prompt_of_its_language(work: Path, tiny_model: Path) -> None:
    engine = Oracle(TABLE)
    made = run(work, engine, ["base"], model=None, base_model=str(tiny_model)).evaluations["base"]
    assert engine.asked[0][1][0].content == SYSTEM["fr"]
    assert made.metadata["base_model"] == {"name": "tiny-llama", "source": "folder", "revision": None}


# -- prompts -----------------------------------------------------------------------------------------------------------


class Found:
    """An index that finds the same two passages for everything."""

    lang = "en"

    def __init__(self, *texts: str) -> None:
        self.hits = [Hit(chunk=Chunk(id=f"c{i}", text=text), score=9 - i) for i, text in enumerate(texts)]

    def search(self, queries: Sequence[str], k: int) -> list[list[Hit]]:
        return [self.hits[:k] for _ in queries]


def prompt_with(arm: Arm, found: Found, context_length: int = 400, k: int = 3) -> Any:
    engine = Oracle({})
    engine.context_length = context_length
    question = (Message(role="user", content="Which licence?"),)
    decoding = Decoding(max_new_tokens=20)
    [prompt] = build_prompts(
        [question],
        arm,
        engine=engine,
        index=found,  # type: ignore[arg-type]
        k=k,
        lang="en",
        decoding=decoding,
    )
    assert engine.count_tokens(prompt.messages) <= context_length - 20
    return prompt


def test_passages_that_do_not_fit_are_left_out_the_worst_first() -> None:
    found = Found("alpha " * 60, "beta " * 60)
    whole = prompt_with(ARMS["rag"], found)
    assert [hit.chunk.id for hit in whole.hits] == ["c0", "c1"]
    assert not whole.cut
    short = prompt_with(ARMS["rag"], found, context_length=120)
    assert [hit.chunk.id for hit in short.hits] == ["c0"]
    assert short.cut
    assert "beta" not in short.messages[-1].content


def test_the_last_passage_is_cut_at_a_word() -> None:
    prompt = prompt_with(ARMS["hybrid"], Found("alpha " * 600), context_length=100)
    assert prompt.cut
    assert prompt.context.endswith("alpha")
    assert 10 < prompt.context.count("alpha") < 80


def test_no_room_or_nothing_found_leaves_the_question() -> None:
    for found, length in ((Found("alpha " * 600), 34), (Found(), 400)):
        prompt = prompt_with(ARMS["rag"], found, context_length=length)
        assert prompt.messages == (Message(role="user", content="Which licence?"),)
        assert prompt.hits == ()


def test_arms_are_named_once_and_in_order() -> None:
    assert [arm.name for arm in arms_named(["rag", "base", "rag"])] == ["rag", "base"]


# -- the real engine, tiny ---------------------------------------------------------------------------------------------


def test_the_same_evaluation_gives_the_same_answers(work: Path, make_model: Callable[..., Path]) -> None:
    base = make_model("lively", initializer_range=0.4, tie_word_embeddings=False)

    def answers(name: str, batch_size: int) -> list[tuple[str, bool]]:
        given = EvaluateOptions(
            arms=["base", "rag"],
            base_model=str(base),
            index=work / "x.index",
            decoding=Decoding(max_new_tokens=8),
            engine_options={"batch_size": batch_size},
        )
        made = evaluate(given, questions=work / "test.jsonl", output=work / name, plugins=Plugins())
        return [(i["generated_answer"], i["truncated"]) for e in made.evaluations.values() for i in e.results]

    one = answers("one", 1)
    assert one == answers("eight", 8)
    assert len(set(one)) > 4


def test_the_journal_is_what_its_name_says(work: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(work, Oracle(TABLE, stop_after=2))
    with Journal(work / ".out.json.journal.jsonl") as journal:
        assert len(journal) == 2


def test_a_file_that_another_run_writes_is_left_to_it(work: Path) -> None:
    with output_lock(work / "out_rag.json"), pytest.raises(LockedError, match=r"out_rag\.json"):
        run(work, Oracle(TABLE), arms=("base", "rag"), output="out")
    run(work, Oracle(TABLE), arms=("base", "rag"), output="out")
