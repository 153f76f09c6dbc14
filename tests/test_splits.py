"""Splits: what a stratum promises holds, whatever the rows are."""

from __future__ import annotations

import hashlib
import random
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from dyag_core import Session, hookimpl
from dyag_core.dataset.splits import TOO_NEAR, SampledSplit, StreamedSplit
from dyag_core.records import Example, Fact
from dyag_core.text.digests import DigestTable
from dyag_core.text.similarity import Watched, similarity

FRAMES = [
    "Which {a} has {s}?",
    "Please tell me at once about the {a} that belongs to {s}.",
    "We are looking for {s} and its {a} since yesterday",
    "{s} {a}",
    "Could anybody kindly remind our team what {a} means in the case of {s}?",
]


def word(key: str) -> str:
    """A made-up word that shares no trigrams with others to speak of."""
    digest = hashlib.sha256(key.encode()).digest()
    return "".join(chr(97 + byte % 26) for byte in digest[:7])


def rows(documents: int, attributes: int, wordings: int, unknown: int) -> list[Example]:
    made = []
    for d in range(documents):
        subject = word(f"subject {d}")
        for a in range(attributes + unknown):
            value = f"value {d} {a}" if a < attributes else None
            fact = Fact(document=str(d), subject=subject, attribute=word(f"attribute {a}"), value=value)
            for frame in FRAMES[:wordings]:
                question = frame.format(a=fact.attribute, s=subject)
                made.append(Example(question=question, answer=value or "unknown", document=str(d), fact=fact))
    return made


def split(examples: list[Example], count: int | None, seed: int = 1):
    shares = (80, 10, 10)
    splitter = StreamedSplit(shares, seed) if count is None else SampledSplit(count, shares, seed)
    train = [example for example in examples if splitter.takes(example)]
    train += splitter.waiting()
    return train, splitter.finish([example.question for example in train]), splitter


@settings(max_examples=30, deadline=None)
@given(
    documents=st.integers(1, 25),
    attributes=st.integers(1, 6),
    wordings=st.integers(1, 5),
    unknown=st.integers(0, 3),
    count=st.one_of(st.none(), st.integers(5, 200)),
    seed=st.integers(0, 5),
)
def test_no_stratum_leaks(documents, attributes, wordings, unknown, count, seed):
    train, placed, _ = split(rows(documents, attributes, wordings, unknown), count, seed)
    trained_documents = {example.document for example in train}
    trained_facts = {fact.id for example in train for fact in example.facts}
    questions = [example.question for example in train]
    assert train
    for row in placed:
        assert row.example.question not in questions
        if row.part == "test":
            assert all(similarity(row.example.question, other) <= TOO_NEAR for other in questions)
        if row.stratum == "recall":
            assert row.example.fact.id in trained_facts
        if row.stratum == "unseen":
            assert row.example.document not in trained_documents
        if row.stratum == "unanswerable":
            assert not row.example.answerable
            assert row.example.fact.id not in trained_facts
    if count is not None:
        assert len(train) + len(placed) <= count


def test_shares_and_strata_with_a_count():
    train, placed, _ = split(rows(60, 8, 5, 2), 300)
    parts = Counter(row.part for row in placed)
    strata = Counter(row.stratum for row in placed if row.stratum)
    assert (len(train), parts["val"], parts["test"]) == (240, 30, 30)
    assert strata["recall"] >= 10
    assert strata["unanswerable"] == 7
    assert strata["unseen"] == 23 - strata["recall"]
    assert len({row.example.document for row in placed if row.stratum == "unseen"}) >= 4


def test_shares_without_a_count():
    train, placed, _ = split(rows(40, 6, 5, 2), None)
    parts = Counter(row.part for row in placed)
    assert 0.07 < parts["val"] / len(train) < 0.15
    assert 0.07 < parts["test"] / len(train) < 0.15
    assert {row.stratum for row in placed if row.part == "test"} == {"recall", "unseen", "unanswerable"}


def test_parts_stay_at_their_bound_and_spread_over_all_documents():
    examples = rows(400, 4, 5, 1)
    splitter = StreamedSplit((80, 10, 10), 1, largest=20)
    train = [example for example in examples if splitter.takes(example)]
    placed = splitter.finish([example.question for example in train])
    parts = Counter(row.part for row in placed)
    assert parts == {"val": 20, "test": 20}
    assert splitter.ledger.set_aside["beyond what the parts may hold"] > 0
    assert len(train) > 0.9 * len(examples)  # what isn't held out is trained on
    for part in ("val", "test"):
        numbers = sorted(int(row.example.document) for row in placed if row.part == part)
        assert numbers[len(numbers) // 2] > 100
        assert numbers[-1] > 250


def test_digest_table_counts_as_a_dict_does():
    table, expected = DigestTable(), Counter()
    rng = random.Random(1)
    for _ in range(20_000):
        key = f"é{rng.randrange(5000)}"
        if rng.random() < 0.5:
            table.increment(key)
            expected[key] += 1
        else:
            assert table.setdefault(key, 7) == expected.setdefault(key, 7)
    assert len(table) == len(expected)
    assert all(table.get(key) == number for key, number in expected.items())
    assert "other" not in table
    assert table.get("other") == 0


def test_one_wording_a_fact_makes_no_recall_but_fills_the_test():
    _, placed, _ = split(rows(200, 8, 1, 1), 300)
    strata = Counter(row.stratum for row in placed if row.part == "test")
    assert strata["recall"] == 0
    assert sum(strata.values()) == 30


def test_combined_question_needs_all_its_facts_trained():
    one, other = (Fact(document="d", subject="S", attribute=a, value="v") for a in "ab")
    splitter = StreamedSplit((80, 10, 10), 1)
    both = Example(question="a and b of S?", answer="v", document="d", fact=one, other_facts=(other,))
    assert splitter.takes(Example(question="a of S?", answer="v", document="d", fact=one))
    assert not splitter.takes(both)
    assert splitter.takes(Example(question="b of S?", answer="v", document="d", fact=other))
    assert splitter.takes(both)


def test_a_name_in_meta_counts_where_there_are_no_facts():
    def asked(document: str, n: int) -> Example:
        question = f"Question {word(f'{document} {n}')} ?"
        return Example(question=question, answer=f"R{n}", document=document, meta={"subject": f"Outil {document[-1]}"})

    examples = [asked(f"{group}{d}", n) for group in "ab" for d in range(10) for n in range(4)]
    refused = 0
    for seed in range(8):
        train, placed, splitter = split(examples, None, seed)
        unseen = {row.example.meta["subject"] for row in placed if row.stratum == "unseen"}
        assert train
        assert not unseen & {example.meta["subject"] for example in train}
        refused += splitter.ledger.rejected["its subject has the name of a trained document"]
    assert refused


def test_document_of_the_same_name_as_a_trained_one_is_not_unseen():
    facts = [Fact(document=str(d), subject="Twin", attribute=f"a{d}", value="v") for d in range(40)]
    examples = [
        Example(question=f"what about thing{n}?", answer="v", document=f.document, fact=f) for n, f in enumerate(facts)
    ]
    _, placed, splitter = split(examples, None)
    assert not [row for row in placed if row.stratum == "unseen"]
    assert splitter.ledger.rejected["its subject has the name of a trained document"]


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.text("abc de", min_size=3, max_size=20), min_size=1, max_size=8),
    st.lists(st.text("abc de", max_size=20), max_size=8),
)
def test_join_finds_what_comparing_all_pairs_finds(watched, others):
    found = Watched(watched).nearest(others)
    for question, best in zip(watched, found, strict=True):
        exact = max((similarity(question, other) for other in others), default=0.0)
        assert best == exact


class Frames:
    """Asks every document for its licence in three ways; of the last one most words are the same for all."""

    def __init__(self, last: str) -> None:
        self.name, self._frames = "frames", [*FRAMES[:1], "{s} {a}", last]

    @hookimpl
    def dyag_generate(self, documents):
        for document in documents:
            fact = Fact(document=document.id, subject=document.title, attribute="licence", value=document.text)
            for frame in self._frames:
                question = frame.format(a=fact.attribute, s=fact.subject)
                yield Example(question=question, answer=document.text, fact=fact, document=document)


def generated_with(last: str, folder, heard):
    documents = folder / "d.csv"
    documents.write_text("title,content\n" + "".join(f"{word(str(n))},L{n}\n" for n in range(120)), encoding="utf-8")
    session = Session(folder, plugins=[Frames(last)], lang="en", progress=heard)
    return session.generate(documents, method="frames", split=True)


def test_wordings_too_alike_for_recall_are_counted_and_told(tmp_path, heard):
    made = generated_with("Does anybody in our office happen to know which {a} is the one of {s}?", tmp_path, heard)
    assert made.by_stratum["recall"] == 0
    assert made.by_split["test"] > 0
    assert made.rejected["too near a training question"] > 0
    assert made.requested == made.written + sum(made.rejected.values())
    assert made.written + sum(made.rejected.values()) + sum(made.set_aside.values()) == 120 * 3  # each counted once
    assert [line for line in heard.lines if "warning: recall has 0 of" in line and "fewer words" in line]


def test_wordings_that_differ_fill_recall_without_a_word(tmp_path, heard):
    made = generated_with("{s}: {a}, please", tmp_path, heard)
    assert made.by_stratum["recall"] >= made.by_split["test"] / 2 - 1
    assert not heard.lines
