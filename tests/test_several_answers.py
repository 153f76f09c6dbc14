"""Questions with several accepted answers: every metric counts the one that suits the answer best."""

from __future__ import annotations

from pathlib import Path

import pytest

from dyag_core import Prediction, Run
from dyag_core.plugin.host import Plugins
from dyag_plugins.metrics.judge import Options, Prompts

MIT = ("MIT", "MIT License", "the X11 licence of the Massachusetts Institute")


def scored(metric: str, *predictions: Prediction, **options: object) -> list[float | None]:
    plugins = Plugins()
    run = Run(stage="evaluate", folder=Path(), plugins=plugins)
    result = plugins.score(plugins.choose("metrics", metric, options), predictions, run)
    assert result is not None
    return result.items


def said(answer: str, *accepted: str, **more: object) -> Prediction:
    first, *others = accepted
    question = "Which licence has Alba?"
    return Prediction(id="1", question=question, expected=first, expected_answers=tuple(others), answer=answer, **more)


@pytest.mark.parametrize("metric", ["success", "exact_match", "token_f1", "containment", "rouge_l", "bleu", "chrf"])
@pytest.mark.parametrize("right", MIT)
def test_any_accepted_answer_is_as_right_as_the_first(metric: str, right: str) -> None:
    assert scored(metric, said(right, *MIT)) == [1.0]
    assert scored(metric, said("GPL", *MIT)) < [1.0]
    assert scored(metric, said(right, *MIT, error="timeout")) == [0.0]


@pytest.mark.parametrize("metric", ["token_f1", "rouge_l", "bleu", "chrf", "containment", "squad"])
def test_the_score_is_the_best_one_and_the_order_does_not_matter(metric: str) -> None:
    answer = "licence of the Massachusetts Institute, or MIT License"
    one_by_one = [scored(metric, said(answer, one))[0] for one in MIT]
    assert len(set(one_by_one)) > 1
    assert scored(metric, said(answer, *MIT)) == scored(metric, said(answer, *reversed(MIT))) == [max(one_by_one)]


def test_words_of_two_accepted_answers_are_not_mixed() -> None:
    """BLEU with several references at once would find every word pair of this answer in one or the other."""
    answer, accepted = "the red house by the sea", ("the red house on a hill", "a big boat by the sea")
    assert scored("bleu", said(answer, *accepted)) == [max(scored("bleu", *(said(answer, one) for one in accepted)))]


@pytest.mark.parametrize("part", ["f1", "precision", "recall"])
def test_closeness_of_meaning_too(tiny_encoder: Path, part: str) -> None:
    options = {"model": str(tiny_encoder), "score": part}
    answer = "MIT License"
    one_by_one = [scored("bertscore", said(answer, one), **options)[0] for one in MIT]
    assert scored("bertscore", said(answer, *MIT), **options) == [max(one_by_one)]
    assert one_by_one[0] < max(one_by_one)


def test_a_judge_is_shown_every_accepted_answer() -> None:
    one, several = said("x11", "MIT"), said("x11", "MIT", "X11 licence")
    prompts = Prompts.load([one, several], Options())
    for prompt in prompts.both_orders(several):
        assert "Expected answers, one of which is enough: MIT / X11 licence" in prompt[-1].content
    for prompt in prompts.both_orders(one):
        assert "Expected answer: MIT\n" in prompt[-1].content


def test_ones_own_prompts_for_the_judge_need_no_line_for_several(tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text("system: s\nuser: $question $first $second\nexpected: 'E: $text'\nanswer: 'A: $text'\n", "utf-8")
    several = said("x11", "MIT", "X11 licence")
    first, _ = Prompts.load([several], Options(prompts=own)).both_orders(several)
    assert "E: MIT / X11 licence A: x11" in first[-1].content


def test_a_judge_is_not_asked_about_an_accepted_answer(tmp_path: Path) -> None:
    plugins = Plugins()
    run = Run(stage="evaluate", folder=tmp_path, output=tmp_path / "r.json", plugins=plugins)
    options = {"model": "nobody", "base_url": "http://127.0.0.1:9/v1"}
    result = plugins.score(plugins.choose("metrics", "judge", options), [said("mit license.", *MIT)], run)
    assert result is not None
    assert (result.items, result.details["asked"]) == ([1.0], 0)
