"""The metric `squad` against the functions of SQuAD 1.1's published script (evaluate-v1.1.py), pair by pair."""

from __future__ import annotations

import json
import random
import re
import string
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from dyag_core import Prediction, Reply, Run, Session, UsageError, hookimpl
from dyag_core.plugin.host import Plugins


def normalize_answer(text: str) -> str:
    """The script's steps, in its order and each as it takes it."""
    lower = text.lower()
    without_punctuation = "".join(ch for ch in lower if ch not in set(string.punctuation))
    without_articles = re.sub(r"\b(a|an|the)\b", " ", without_punctuation)
    return " ".join(without_articles.split())


def f1_score(prediction: str, ground_truth: str) -> float:
    prediction_tokens = normalize_answer(prediction).split()
    ground_truth_tokens = normalize_answer(ground_truth).split()
    common = Counter(prediction_tokens) & Counter(ground_truth_tokens)
    num_same = sum(common.values())
    if num_same == 0:
        return 0
    precision = 1.0 * num_same / len(prediction_tokens)
    recall = 1.0 * num_same / len(ground_truth_tokens)
    return (2 * precision * recall) / (precision + recall)


def exact_match_score(prediction: str, ground_truth: str) -> float:
    return float(normalize_answer(prediction) == normalize_answer(ground_truth))


#: What the script prints for these, worked out by hand: F1 and exact match.
BY_HAND = [
    ("The Normans", ["Normans"], 1.0, 1.0),
    ("in the 10th century", ["10th century"], 0.8, 0.0),
    ("35", ["3.5"], 1.0, 1.0),
    ("well known", ["well-known"], 0.0, 0.0),
    ("l'été", ["l'ete"], 0.0, 0.0),
    ("La licence", ["licence"], 2 / 3, 0.0),
    ("", [""], 0.0, 1.0),
    ("the", ["an"], 0.0, 1.0),
    ("MIT License", ["MIT", "mit license!"], 1.0, 1.0),
    ("MIT License 2", ["MIT", "License 2"], 0.8, 0.0),
    ("red red blue", ["red blue blue"], 2 / 3, 0.0),
]
PIECES = (
    "the a an The A. red blue 3.5 35 été naïve l' _ -- « » well-known a.b «a» ß İ \u00a0 \u2003 \t 漢 an, “the”".split(
        " "
    )
)


def scores(pairs: list[tuple[str, list[str]]], score: str) -> tuple[list[Any], dict[str, Any]]:
    asked = [
        Prediction(id=str(i), question="?", expected=first, expected_answers=others, answer=answer)
        for i, (answer, (first, *others)) in enumerate(pairs)
    ]
    plugins = Plugins()
    run = Run(stage="evaluate", folder=Path(), plugins=plugins)
    result = plugins.score(plugins.choose("metrics", "squad", {"score": score}), asked, run)
    assert result is not None
    return result.items, result.details


def test_the_numbers_are_those_worked_out_by_hand() -> None:
    pairs = [(answer, accepted) for answer, accepted, _, _ in BY_HAND]
    assert scores(pairs, "f1")[0] == pytest.approx([f1 for _, _, f1, _ in BY_HAND])
    assert scores(pairs, "exact_match")[0] == [exact for *_, exact in BY_HAND]


def test_they_equal_the_script_s_on_every_pair() -> None:
    chance = random.Random(11)

    def text() -> str:
        return chance.choice(["", " "]).join(chance.choices(PIECES, k=chance.randrange(6)))

    pairs = [(text(), [text() for _ in range(chance.randrange(1, 4))]) for _ in range(5000)]
    exact = [max(exact_match_score(answer, one) for one in accepted) for answer, accepted in pairs]
    f1 = [max(f1_score(answer, one) for one in accepted) for answer, accepted in pairs]
    assert {0.0, 1.0} < set(f1)
    assert scores(pairs, "exact_match")[0] == exact
    items, details = scores(pairs, "f1")
    assert items == f1
    assert details == {
        "exact_match": pytest.approx(100 * sum(exact) / len(pairs)),
        "f1": pytest.approx(100 * sum(f1) / len(pairs)),
    }


def test_a_failed_answer_is_wrong_and_an_unanswerable_question_left_out() -> None:
    plugins = Plugins()
    run = Run(stage="evaluate", folder=Path(), plugins=plugins)
    asked = [
        Prediction(id="1", question="?", expected="MIT", answer="MIT", error="timed out"),
        Prediction(id="2", question="?", expected="I don't know.", answer="I don't know.", answerable=False),
        Prediction(id="3", question="?", expected="MIT", answer="MIT"),
    ]
    chosen = plugins.choose("metrics", "squad")
    result = plugins.score(chosen, asked, run)
    assert result is not None
    assert result.items == [0.0, None, 1.0]
    assert result.details == {"exact_match": 50.0, "f1": 50.0}
    nothing = plugins.score(chosen, asked[1:2], run)
    assert nothing is not None
    assert (nothing.items, nothing.details) == ([None], {})


class Licence:
    """An engine that always gives the same answer."""

    name, remote, context_length = "licence", True, 1000

    @hookimpl
    def dyag_open_engine(self) -> Licence:
        return self

    def answer(self, prompts: Any, decoding: Any) -> Any:
        for i, _ in enumerate(prompts):
            yield i, Reply(text="the MIT licence")

    def count_tokens(self, prompt: Any) -> int:
        return 1

    def close(self) -> None: ...


def test_accepted_answers_come_from_the_questions_and_stay_in_the_results(tmp_path: Path) -> None:
    questions = tmp_path / "asked.jsonl"
    rows: list[dict[str, Any]] = [
        {"question": "Licence of Alba?", "expected_answer": "Expat", "expected_answers": ["MIT licence", "MIT"]},
        {"question": "Licence of Breva?", "expected_answer": "Expat"},
    ]
    questions.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    session = Session(tmp_path, plugins=[Licence()])
    asked = {"arms": ["base"], "base_model": "none", "engine": "licence"}
    assert "squad" not in session.evaluate(questions, **asked).evaluations["base"].metrics["summaries"]
    made = session.evaluate(questions, **asked, metrics=["squad"])
    first, second = made.evaluations["base"].results
    assert (first["metrics"]["squad"], second["metrics"]["squad"]) == (1.0, 0.0)
    assert first["expected_answers"] == ["MIT licence", "MIT"]
    assert "expected_answers" not in second
    for arm in ("rag", "finetuned"):
        (tmp_path / f"{arm}.json").write_text(made.files["base"].read_text("utf-8"), encoding="utf-8")
    anew = session.compare(
        {arm: tmp_path / f"{arm}.json" for arm in ("rag", "finetuned")},
        metrics=["squad"],
        metric_options={"squad": {"score": "exact_match"}},
    )
    assert anew.comparison.arm("rag").metrics["squad"].mean == 50.0
    rows[0]["expected_answers"] = "MIT"
    questions.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    kept = session.evaluate(questions, **asked).evaluations["base"]  # without the row that can't be asked
    assert [result["question"] for result in kept.results] == ["Licence of Breva?"]
    assert "not a list of texts" in json.dumps(kept.metadata["questions"]["left_out"])
    questions.write_text(json.dumps(rows[0]), encoding="utf-8")
    with pytest.raises(UsageError, match='line 1: "expected_answers" is not a list of texts'):
        session.evaluate(questions, **asked)
