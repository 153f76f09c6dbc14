"""What abstains: labelled answers, the prompt's own words, reasoning blocks, gold answers, and what stays in doubt."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dyag_core import Prediction, Reply, Run, Session, hookimpl
from dyag_core.api import UNKNOWN, abstains, might_abstain, wants_abstention
from dyag_core.artifacts import read_json
from dyag_core.chat.prompts import SYSTEM
from dyag_core.chat.questions import read_questions
from dyag_core.plugin.host import Plugins
from dyag_core.records import MetricResult
from dyag_core.text.reasoning import without_reasoning

LABELLED = [
    json.loads(line) for line in (Path(__file__).parent / "data" / "abstentions.jsonl").read_text("utf-8").splitlines()
]


def score(metric: str, *predictions: Prediction) -> MetricResult:
    plugins = Plugins()
    result = plugins.score(
        plugins.choose("metrics", metric), predictions, Run(stage="evaluate", folder=Path(), plugins=plugins)
    )
    assert result is not None
    return result


def unanswerable(answer: str, **more: object) -> Prediction:
    return Prediction(id=answer[:8], question="Q?", expected=UNKNOWN["en"], answer=answer, answerable=False, **more)


def test_the_labelled_answers_are_enough_and_half_of_them_are_traps() -> None:
    refusals = sum(row["abstains"] for row in LABELLED)
    assert len(LABELLED) >= 400
    assert 0.4 <= refusals / len(LABELLED) <= 0.6
    assert len({(row["question"], row["answer"]) for row in LABELLED}) == len(LABELLED)


@pytest.mark.parametrize("half", ["tuned", "held_out"])
@pytest.mark.parametrize("lang", ["en", "fr"])
def test_precision_and_recall_on_labelled_answers(half: str, lang: str) -> None:
    rows = [row for row in LABELLED if (row["half"], row["lang"]) == (half, lang)]
    said = [abstains(row["answer"], row["question"], truncated=row.get("truncated", False)) for row in rows]
    right = sum(row["abstains"] and told for row, told in zip(rows, said, strict=True))
    assert right >= 0.98 * sum(said)
    assert right >= 0.98 * sum(row["abstains"] for row in rows)


@pytest.mark.parametrize("system", SYSTEM.values())
@pytest.mark.parametrize(
    "rest", ["", " La licence est une licence qui est une licence et la", " The tool was made for"]
)
def test_the_prompts_own_words_say_nothing(system: str, rest: str) -> None:
    for truncated in (True, False):
        assert not abstains(system + rest, "Quelle est la licence ?", truncated=truncated)
    assert score("abstention", unanswerable(system + rest, truncated=bool(rest))).items == [0]
    assert score("success", unanswerable(system + rest, truncated=bool(rest))).items == [0]


def test_a_question_again_before_the_refusal_is_no_answer() -> None:
    assert abstains("Who wrote it? I don't know.", "Who wrote it?")
    assert not abstains("Who wrote it? I don't know. Who read it?", "Who wrote it?")


def test_a_refusal_after_something_else_counts_where_it_is_about_what_was_asked() -> None:
    answer = "Alba is written in Go. Its licence is not specified."
    assert abstains(answer, "What is the licence of Alba?")
    assert not abstains(answer, "In which language is Alba written?")


@pytest.mark.parametrize("value", ["Unknown", "No answer", "None", "N/A", "Inconnu", "Non précisé", "Aucune réponse"])
def test_gold_answers_that_are_values_are_no_abstentions(value: str, tmp_path: Path) -> None:
    assert not wants_abstention(value)
    questions = tmp_path / "q.jsonl"
    questions.write_text(json.dumps({"question": "Status?", "expected_answer": value}), encoding="utf-8")
    assert read_questions(questions, None)[0].answerable
    right = Prediction(id="1", question="Status?", expected=value, answer=f"{value}.")
    assert score("success", right).items == [1]


@pytest.mark.parametrize("sentence", [*UNKNOWN.values(), "I don't know.", "The documents do not say.", "Je l'ignore."])
def test_gold_answers_that_say_so_in_a_sentence_want_an_abstention(sentence: str) -> None:
    assert wants_abstention(sentence)


def test_answers_that_might_refuse_are_listed_with_the_score() -> None:
    odd = "Sorry, that one escapes me."
    assert might_abstain(odd)
    assert not might_abstain("MIT")
    assert not might_abstain("I don't know.")
    result = score("abstention", unanswerable("I don't know."), unanswerable(odd), unanswerable("MIT"))
    assert result.items == [1, 0, 0]
    assert result.details == {"might_abstain": 1, "examples": [{"id": odd[:8], "answer": odd}]}
    assert score("abstention", unanswerable("I don't know."), unanswerable("MIT")).details == {}


@pytest.mark.parametrize(
    ("reply", "answer"),
    [
        ("<think>GPL or MIT?</think>\n\nMIT", "MIT"),
        ("GPL or MIT?</think>MIT", "MIT"),  # the template opened the block in the prompt
        ("<think>GPL or MIT? Let me", ""),
        ("<|channel|>analysis<|message|>GPL or MIT?<|end|><|start|>assistant<|channel|>final<|message|>MIT", "MIT"),
        ("[THINK]GPL?[/THINK]MIT", "MIT"),
        ("MIT<|im_end|>", "MIT"),
        ("MIT</s>", "MIT"),
        ("a < b", "a < b"),
        ("<b>MIT</b>", "<b>MIT</b>"),
        ("Vec<T> [1]", "Vec<T> [1]"),
    ],
)
def test_what_a_model_writes_around_its_answer_is_set_aside(reply: str, answer: str) -> None:
    assert without_reasoning(reply) == answer


def test_stored_replies_with_reasoning_are_scored_without_it_and_an_arm_gains_nothing_by_its_wording(tmp_path) -> None:
    wordings = [
        "I do not have enough information to answer.",
        "Rien dans les textes ne l'indique.",
        "Can't tell.",
    ]
    for arm in ("a", "b"):
        results = []
        for i in range(60):
            answer = UNKNOWN["en"] if arm == "a" else f"<think>It is MIT.</think>{wordings[i % 3]}"
            results.append(
                {"id": str(i), "question": f"Licence of {i}?", "expected_answer": "I don't know.",
                 "generated_answer": answer, "document": f"d{i // 4}", "metrics": {}}
            )  # fmt: skip
        (tmp_path / f"{arm}.json").write_text(json.dumps({"metadata": {}, "results": results}), encoding="utf-8")
    made = Session(tmp_path).compare({arm: tmp_path / f"{arm}.json" for arm in ("a", "b")}, reporters=["json"])
    assert {made.comparison.arm(arm).metrics["success"].mean for arm in ("a", "b")} == {100.0}


def test_several_accepted_answers_are_read_in_the_forms_that_question_sets_have(tmp_path: Path) -> None:
    rows = [
        {"question": "A?", "expected_answers": ["MIT", "MIT License", "MIT"]},
        {"question": "A?", "expected_answer": ["MIT", "MIT License"]},
        {"question": "A?", "answers": ["MIT", "MIT License"]},
        {"question": "A?", "answers": {"text": ["MIT", "MIT License"], "answer_start": [8, 8]}},
        {"question": "A?", "answers": [{"text": "MIT"}, {"text": "MIT License"}]},
        {"question": "A?", "expected_answer": 8000},
        {"question": "A?", "expected_answer": True},
    ]
    path = tmp_path / "q.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    read = [(q.expected_answer, q.expected_answers) for q in read_questions(path, None)]
    assert read == [*[("MIT", ("MIT License",))] * 5, ("8000", ()), ("true", ())]


class Thinks:
    """An engine that reasons before it answers, and takes any of two answers to be right."""

    name, remote, context_length = "thinks", True, 1000

    @hookimpl
    def dyag_open_engine(self) -> Thinks:
        return self

    def answer(self, prompts, decoding):
        for i, _ in enumerate(prompts):
            yield i, Reply(text="<think>Maybe GPL.</think>MIT License")

    def count_tokens(self, prompt) -> int:
        return 1

    def close(self) -> None: ...


def test_the_whole_reply_is_kept_and_counted(tmp_path: Path) -> None:
    row = {"question": "Licence of Alba?", "expected_answers": ["GNU", "MIT License"]}
    (tmp_path / "q.jsonl").write_text(json.dumps(row), encoding="utf-8")
    Session(tmp_path, plugins=[Thinks()]).evaluate(
        tmp_path / "q.jsonl", arms=["base"], base_model="none", engine="thinks", output=tmp_path / "r.json"
    )
    data = read_json(tmp_path / "r.json")
    [item] = data["results"]
    assert (item["generated_answer"], item["reply"]) == ("MIT License", "<think>Maybe GPL.</think>MIT License")
    assert (item["expected_answers"], item["success"]) == (["MIT License"], True)
    assert data["metrics"]["reasoned"] == 1
