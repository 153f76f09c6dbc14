"""`--count` draws rows that cover the documents: each is touched before any is asked twice; what was cut is said."""

from __future__ import annotations

import json
import random
import tracemalloc
from collections import Counter, defaultdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dyag_core import Example, Fact, Session, hookimpl
from dyag_core.dataset.smallest import Smallest
from dyag_core.dataset.splits import SampledSplit
from dyag_core.text.similarity import similarity

LABELS = ["Licence", "Éditeur", "Statut", "Base de données", "Hébergement", "Criticité", "Version minimale", "Langue"]
SYLLABLES = "ba cor dé fi gu lo mé nor pa tri vo zé".split()


def write_entries(path: Path, documents: int, labels: int = len(LABELS)) -> Path:
    """Entries with a name of their own and so many labels, in the same order in each."""
    rng = random.Random(3)
    with path.open("w", encoding="utf-8") as handle:
        for n in range(documents):
            name = f"{''.join(rng.choices(SYLLABLES, k=4)).capitalize()}{n}"
            lines = [f"- {label}: {''.join(rng.choices(SYLLABLES, k=3))}" for label in LABELS[:labels]]
            row = {"id": f"c{n}", "content": "\n".join([f"# {name}", "", *lines]), "metadata": {"id": f"d{n}"}}
            row["metadata"]["nom"] = name
            handle.write(json.dumps(row, ensure_ascii=False) + "\n")
    return path


def metas(path: Path) -> list[dict]:
    return [row["meta"] for row in rows(path)]


def rows(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text("utf-8").split("\n") if line]


def generated(folder: Path, source: Path, method: str = "rule", seed: int = 1, **more):
    more = {"min_yield": 0, "output": folder / "x.jsonl"} | more
    return Session(folder, seed=seed, lang="fr").generate(source, method=method, **more)


@pytest.mark.parametrize("count", [30, 60, 150, 200])
def test_no_document_is_asked_twice_before_each_is_asked_once(tmp_path, count):
    made = generated(tmp_path, write_entries(tmp_path / "d.jsonl", 60), count=count)
    assert made.written == count
    asked = Counter(meta["document"] for meta in metas(made.output))
    assert len(asked) == min(60, count)
    assert max(asked.values()) - min(asked.values()) <= (1 if count >= 60 else 0)
    assert made.documents_covered == len(asked)


def test_facts_are_drawn_by_lot_and_the_same_seed_draws_the_same(tmp_path):
    source = write_entries(tmp_path / "d.jsonl", 60)
    drawn = []
    for seed in (1, 1, 2):
        made = generated(tmp_path, source, seed=seed, count=60)
        assert len({meta["attribute"] for meta in metas(made.output)}) >= 6  # not the first label of each
        drawn.append(made.output.read_bytes())
    assert drawn[0] == drawn[1] != drawn[2]


def test_a_split_sample_covers_what_it_does_not_hold_out(tmp_path):
    made = generated(tmp_path, write_entries(tmp_path / "d.jsonl", 90), "augmented", count=200, split=(70, 10, 20))
    assert made.by_split == {"train": 140, "val": 20, "test": 40}
    train, test = metas(made.train), metas(made.test)
    unseen = {meta["document"] for meta in test if meta["stratum"] == "unseen"}
    trained = {meta["document"] for meta in train}
    assert len(unseen) >= 5
    assert not trained & unseen
    assert len(trained) >= 75


@pytest.mark.parametrize("count", [None, 150])
def test_rule_asks_trained_facts_again_in_other_words(tmp_path, count):
    made = generated(tmp_path, write_entries(tmp_path / "d.jsonl", 50), count=count, split=(70, 10, 20))
    train, test = rows(made.train), rows(made.test)
    questions = defaultdict(list)
    for row in train:
        questions[row["meta"]["fact"]].append(row["messages"][-2]["content"])
    assert max(map(len, questions.values())) == 1  # the second wording is never trained on
    recall = [row for row in test if row["meta"]["stratum"] == "recall"]
    assert len(recall) == made.wanted_by_stratum["recall"] >= 15
    for row in recall:
        (trained,) = questions[row["meta"]["fact"]]
        assert similarity(trained, row["messages"][-2]["content"]) <= 0.75
        assert row["messages"][-1]["content"]


def test_without_a_split_rule_asks_each_fact_once(tmp_path):
    made = generated(tmp_path, write_entries(tmp_path / "d.jsonl", 20))
    assert max(Counter(meta["fact"] for meta in metas(made.output)).values()) == 1


def test_quotas_follow_what_there_is_and_the_ledger_says_what_was_cut(tmp_path):
    made = generated(tmp_path, write_entries(tmp_path / "d.jsonl", 30, 2), count=1000, split=(70, 10, 20))
    assert made.written < 100
    assert 0.1 < made.by_split["test"] / made.written < 0.35
    assert made.by_split["val"] >= 4
    assert made.by_split["train"] > 0.5 * made.written
    assert made.rejected["the documents hold no more"] > 800
    assert made.requested == 1000
    short = [name for name, number in made.by_stratum.items() if number < made.wanted_by_stratum[name]]
    said = " ".join(made.summary_lines())
    assert all(f"{name} {made.by_stratum[name]} of {made.wanted_by_stratum[name]}" in said for name in short)


def test_every_row_that_was_made_is_counted_once(tmp_path):
    source = write_entries(tmp_path / "d.jsonl", 40)
    entries = rows(source)
    for place, row in enumerate(entries):  # each lacks a label that others have: what can be asked in vain
        lines = row["content"].split("\n")
        del lines[2 + place % (len(lines) - 2)]
        row["content"] = "\n".join(lines)
    source.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in entries), "utf-8")
    made = generated(tmp_path, source, "augmented", count=120, split=True)
    found = Counter(
        meta.get("form") or meta["kind"] if meta["answerable"] else "unanswerable" for meta in metas(made.output)
    )
    assert {kind: number for kind, (number, _) in made.drawn.items() if number} == found
    refused_by_split = made.rejected.get("too near a training question", 0)
    refused_by_split += made.rejected.get("its subject has the name of a trained document", 0)
    fit = sum(number for _, number in made.drawn.values())
    assert fit == made.written + sum(made.set_aside.values()) + refused_by_split
    assert "unanswerable" in made.drawn
    assert f"combined {made.drawn['combined'][0]} of {made.drawn['combined'][1]}" in " ".join(made.summary_lines())


def test_rows_on_several_facts_come_once_each_document_is_touched_and_with_their_facts(tmp_path):
    source = write_entries(tmp_path / "d.jsonl", 40)
    few = generated(tmp_path, source, "augmented", count=40, split=True)
    assert not [meta for meta in metas(few.train) if meta.get("facts")]
    more = generated(tmp_path, source, "augmented", count=400, split=True)
    train = metas(more.train)
    several = [meta for meta in train if meta.get("facts")]
    assert 0.03 < len(several) / len(train) < 0.15
    alone = {meta["fact"] for meta in train if not meta.get("facts")}
    assert all(alone.issuperset(meta["facts"]) for meta in several)


class Counted:
    """Two questions a chunk, each of which would cost; counts whom it asks about."""

    name = "counted"

    def __init__(self) -> None:
        self.asked: list[str] = []

    @hookimpl
    def dyag_generate(self, documents):
        for document in documents:
            for chunk in document.chunks:
                self.asked.append(document.id)
                for what in ("does", "costs"):
                    yield Example(
                        question=f"What {what} {document.title} say in {chunk.id}?",
                        answer=chunk.text,
                        document=document,
                        chunk=chunk,
                    )

    @hookimpl
    def dyag_estimate_generation(self):
        return None


@pytest.mark.parametrize(("count", "split"), [(20, False), (20, True)])
def test_what_costs_is_asked_about_each_document_first_and_no_more_than_needed(tmp_path, count, split):
    chunks = [
        {"id": f"c{n}-{part}", "content": f"ba{n} co{part}", "metadata": {"id": f"d{n}", "nom": f"Outil{n}"}}
        for n in range(30)
        for part in range(5)
    ]
    source = tmp_path / "d.jsonl"
    source.write_text("".join(json.dumps(chunk) + "\n" for chunk in chunks), encoding="utf-8")
    plugin = Counted()
    made = Session(tmp_path, plugins=[plugin], lang="en").generate(
        source, method="counted", count=count, split=split, min_yield=0, output=tmp_path / "x.jsonl"
    )
    assert len(plugin.asked) == len(set(plugin.asked)) <= (12 if split else 10)
    assert made.documents_total == 30
    assert made.written >= count - 2


def test_what_is_kept_of_a_sample_does_not_grow_with_what_is_made():
    def peak(documents: int) -> int:
        tracemalloc.start()
        drawn = SampledSplit(50, (80, 10, 10), 1)
        for d in range(documents):
            for a in range(5):
                fact = Fact(document=f"{d}", subject=f"S{d}", attribute=f"a{a}", value=f"v{a}")
                for wording in ("Which {} has {}?", "{1} {0}", "Tell me the {} of {}."):
                    question = wording.format(fact.attribute, fact.subject)
                    drawn.takes(Example(question=question, answer="v", document=fact.document, fact=fact))
        assert len(drawn.waiting()) == 40
        highest = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return highest

    small, large = peak(800), peak(3200)
    assert large < 1.3 * small


@given(st.lists(st.integers(), unique=True), st.integers(1, 20))
def test_the_smallest_are_kept_whatever_comes_when(numbers, size):
    kept = Smallest[int](size)
    for number in numbers:
        kept.add(number, number)
    assert kept.items() == sorted(numbers)[:size]
