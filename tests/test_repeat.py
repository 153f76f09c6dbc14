"""evaluate --repeat N: an arm against itself, and what the comparison makes of it."""

from __future__ import annotations

import json
import random
import re

import click
import pytest

from dyag_core import Reply, Session, UsageError, hookimpl
from dyag_core.artifacts import read_json
from dyag_core.cli.root import root

COUNT = 60


class Moody:
    """An engine whose answers depend on the seed, and are right so and so often; it remembers what it was asked."""

    name = "moody"
    context_length = 512

    def __init__(self, share, stop_after=None):
        self.share, self.stop_after, self.asked = share, stop_after, []

    @hookimpl
    def dyag_open_engine(self, base_path, adapter):
        return self

    def answer(self, prompts, decoding):
        for place, prompt in enumerate(prompts):
            if self.stop_after is not None and len(self.asked) >= self.stop_after:
                raise KeyboardInterrupt
            text = prompt[-1].content
            self.asked.append((decoding.seed, text))
            right = random.Random(f"{text} {decoding.seed}").random() < self.share
            yield place, Reply(text="MIT" if right else "Apache", prompt_tokens=5, completion_tokens=1, seconds=0.01)

    def count_tokens(self, prompt):
        return 10

    def close(self):
        """Nothing held."""


@pytest.fixture
def questions(tmp_path):
    path = tmp_path / "questions.jsonl"
    rows = [
        {"id": f"q{n}", "question": f"Licence of Tool{n}?", "expected_answer": "MIT", "document": f"d{n}"}
        for n in range(COUNT)
    ]
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return path


def evaluate(questions, tiny_model, engine, name="a.json", **more):
    session = Session(questions.parent, lang="en", plugins=[engine])
    return session.evaluate(
        questions,
        arms=["base"],
        base_model=str(tiny_model),
        engine="moody",
        output=questions.parent / name,
        **more,
    ).evaluations["base"]


def test_each_time_has_its_seed_and_its_order(questions, tiny_model):
    engine = Moody(0.5)
    found = evaluate(questions, tiny_model, engine, repeat=3)
    asked = [engine.asked[start : start + COUNT] for start in range(0, 3 * COUNT, COUNT)]
    assert [{seed for seed, _ in run} for run in asked] == [{0}, {1}, {2}]
    orders = [[text for _, text in run] for run in asked]
    assert orders[0] == [f"Licence of Tool{n}?" for n in range(COUNT)]
    assert all(sorted(order) == sorted(orders[0]) for order in orders)
    assert orders[0] != orders[1] != orders[2]
    right = [100 * sum(random.Random(f"{text} {seed}").random() < 0.5 for seed, text in run) / COUNT for run in asked]
    assert [run["success"] for run in found.repeats] == pytest.approx(right)
    assert found.repeats[0]["success"] == found.metrics["success_rate"]
    assert len(found.results) == COUNT


def test_once_is_as_it_was(questions, tiny_model):
    one = evaluate(questions, tiny_model, Moody(0.5), name="one.json")
    three = evaluate(questions, tiny_model, Moody(0.5), name="three.json", repeat=3)
    assert one.repeats == []
    assert one.results == three.results
    assert one.metrics == three.metrics


def test_broken_off_it_asks_nothing_twice(questions, tiny_model):
    whole = evaluate(questions, tiny_model, Moody(0.5), name="whole.json", repeat=3)
    first, second = Moody(0.5, stop_after=100), Moody(0.5)
    with pytest.raises(KeyboardInterrupt):
        evaluate(questions, tiny_model, first, repeat=3)
    found = evaluate(questions, tiny_model, second, repeat=3)
    assert len(first.asked) + len(second.asked) == 3 * COUNT
    assert not {*first.asked} & {*second.asked}
    assert (found.repeats, found.results) == (whole.repeats, whole.results)


@pytest.mark.parametrize("lang", ["en", "fr"])
def test_the_report_says_how_far_an_arm_differs_from_itself(questions, tiny_model, lang):
    folder = questions.parent
    for name, share in (("a.json", 0.5), ("b.json", 0.55)):
        evaluate(questions, tiny_model, Moody(share), name=name, repeat=4)
    made = Session(folder, lang=lang).compare({"base": folder / "a.json", "rag": folder / "b.json"})
    spreads = {}
    for arm, name in (("base", "a.json"), ("rag", "b.json")):
        values = [run["success"] for run in read_json(folder / name)["repeats"]]
        spreads[arm] = round(max(values) - min(values), 1)
        assert made.comparison.arm(arm).noise["success"] == spreads[arm] > 0
        assert made.comparison.arm(arm).repeats == 4
    shown = [f"{spread}".replace(".", "," if lang == "fr" else ".") for spread in spreads.values()]
    words = {"en": "Noise floor", "fr": "Bruit de fond"}[lang]
    assert words in made.comparison.noise_floor[lang]
    for file in ("markdown", "html"):
        text = made.files[file].read_text("utf-8").replace("\\", "")
        (sentence,) = re.findall(rf"{words}.*", text)
        assert all(number in sentence for number in shown)
    assert read_json(made.files["json"])["noise_floor"] == made.comparison.noise_floor


def test_nobody_wins_by_less_than_the_noise(questions, tiny_model):
    """Two arms that differ clearly question by question, but one of which differs from itself by more."""
    folder = questions.parent
    evaluate(questions, tiny_model, Moody(0.2), name="a.json")
    evaluate(questions, tiny_model, Moody(0.7), name="b.json")
    files = {"base": folder / "a.json", "rag": folder / "b.json"}
    won = Session(folder).compare(files).comparison
    assert won.leader == "rag"
    data = read_json(folder / "a.json")
    data["repeats"] = [{"success": 10.0}, {"success": 90.0}]
    (folder / "a.json").write_text(json.dumps(data), "utf-8")
    tied = Session(folder).compare(files).comparison
    assert tied.leader is None
    assert {d.winner for d in tied.differences if d.primary} == {None}
    assert won.noise_floor is None


def test_the_option_is_a_number(questions, tmp_path):
    with pytest.raises(click.BadParameter, match="not in the range"):
        root.main(["evaluate", str(questions), "--output", str(tmp_path / "x"), "--repeat", "0"], standalone_mode=False)
    with pytest.raises(UsageError, match="repeat"):
        Session(tmp_path).evaluate(questions, arms=["base"], base_model="x", repeat=0)
