"""Success against what a person says: pairs of both languages, which rule a verdict rests on, and equal styles."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dyag_core import Prediction, Run
from dyag_core.plugin.host import Plugins
from dyag_core.records import MetricResult

PAIRS = [
    json.loads(line)
    for line in (Path(__file__).parent / "data" / "success_pairs.jsonl").read_text("utf-8").splitlines()
]


def score(*predictions: Prediction, **options: object) -> MetricResult:
    plugins = Plugins()
    run = Run(stage="evaluate", folder=Path(), plugins=plugins)
    result = plugins.score(plugins.choose("metrics", "success", options), predictions, run)
    assert result is not None
    return result


def answered(answer: str, expected: str, question: str = "What is the licence?", **more: object) -> Prediction:
    return Prediction(id="1", question=question, expected=expected, answer=answer, **more)


@pytest.mark.parametrize("half", ["tuned", "held_out"])
def test_it_agrees_with_a_person(half: str) -> None:
    pairs = [pair for pair in PAIRS if pair["half"] == half]
    assert len(pairs) >= 238
    result = score(*(answered(pair["answer"], pair["expected"], pair["question"]) for pair in pairs))
    agreed = sum(item == pair["success"] for item, pair in zip(result.items, pairs, strict=True))
    accepted_wrongly = sum(item > pair["success"] for item, pair in zip(result.items, pairs, strict=True) if item)
    assert agreed >= 0.97 * len(pairs)
    assert accepted_wrongly <= (0 if half == "tuned" else 1)


@pytest.mark.parametrize(
    ("answer", "rule"),
    [
        ("MIT", "equal"),
        ("It is the MIT licence.", "value"),
        ("I don't know.", "abstained"),
        ("Maybe MIT", "hedged"),
        ("It isn't MIT.", "negation"),
        ("MIT or GPL", "not_alone"),
        ("GPL", "missing"),
        ("MIT\nUser: And the version?\nAssistant: 2", "another_turn"),
        ("MIT and so on " * 20, "rambles"),
        ("", "failed"),
    ],
)
def test_the_details_say_which_rule_each_verdict_rests_on(answer: str, rule: str) -> None:
    result = score(answered(answer, "MIT"))
    assert result.details == {"rules": {rule: 1}}
    assert result.items == [float(rule in ("equal", "value"))]


@pytest.mark.parametrize(
    "style",
    [
        "{}",
        "{}.",
        "The licence is {}.",
        "According to the passages, the licence is {}.",
        "**{}**",
        "Answer: {}",
        "It is {}, which the first passage says, in its second line, and so it has been for years.",
        "<think>Let me see.</think>{}",
    ],
)
def test_style_does_not_decide(style: str) -> None:
    assert score(answered(style.format("MIT"), "MIT"), answered(style.format("GPL"), "MIT")).items == [1, 0]


def test_any_accepted_answer_will_do() -> None:
    several = {"expected_answers": ("Expat", "3 km")}
    given = [answered(text, "MIT", **several) for text in ("MIT", "It is Expat.", "3000 m", "GPL")]
    assert score(*given).items == [1, 1, 1, 0]


def test_an_unanswerable_question_wants_a_refusal_in_any_wording() -> None:
    refusals = ("I don't know.", "The passages don't mention it.", "I don't know, but it might be Marie.", "Marie")
    result = score(*(answered(text, "I don't know.", answerable=False) for text in refusals))
    assert result.items == [1, 1, 0, 0]
    assert result.details == {"rules": {"abstained": 2, "answered": 2}}
