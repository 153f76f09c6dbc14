"""Success against what a person says: pairs of both languages, which rule a verdict rests on, and equal styles."""

from __future__ import annotations

import json
import time
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


@pytest.mark.parametrize("unit", ["1 ", "1,", "9", "-", "<", "(", "at least ", "MIT "])
def test_a_model_that_writes_the_same_for_ever_is_scored_at_once(unit: str) -> None:
    began = time.perf_counter()
    assert score(answered(unit * 5000, "MIT")).items == [0]
    assert time.perf_counter() - began < 10  # quadratic patterns took minutes


@pytest.mark.parametrize(
    ("question", "answer", "right", "wrong"),
    [
        ("Where was she born?", "She was born in Graz and died in Vienna.", "Graz", "Vienna"),
        ("Which format is the default?", "YAML, with JSON as an alternative", "YAML", "JSON"),
        ("Which option sorts by time?", "Use ls -S to sort by size, -t to sort by time.", "-t", "-S"),
        ("Quel est le tarif réduit ?", "Le tarif plein est de 8 €, le tarif réduit de 5 €.", "5 €", "8 €"),
        ("Combien de volumes ?", "3 volumes de 1200 pages", "3", "1200"),
        ("When does the lease end?", "It starts in 2020 and ends in 2025.", "2025", "2020"),
    ],
)
def test_of_two_values_the_one_that_answers_the_question_counts(
    question: str, answer: str, right: str, wrong: str
) -> None:
    assert score(answered(answer, right, question), answered(answer, wrong, question)).items == [1, 0]


@pytest.mark.parametrize(
    ("question", "expected", "same"),
    [
        ("Which versions?", ">= 3.11", "3.11 or newer"),
        ("Quelle est la limite d'âge ?", "≥ 18 ans", "au moins 18 ans"),
        ("How cold was it?", "-40", "minus 40"),
        ("What share voted?", "two thirds", "2/3"),
        ("Which decade?", "the 1990s", "the 90s"),
        ("How fast is it?", "90 km/h", "90 kilometres per hour"),
        ("Combien de pays ?", "92", "quatre-vingt-douze pays"),
        ("Which licence?", "Apache 2.0", "the Apache License, Version 2.0"),
        ("How much memory is needed?", "8 GB", "At least 8 GB"),
    ],
)
def test_signs_and_words_say_the_same(question: str, expected: str, same: str) -> None:
    assert score(answered(same, expected, question), answered(expected, same, question)).items == [1, 1]
