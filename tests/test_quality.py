"""The quality report: figures worked out by hand, the page, the manifest, and the gate on lengths."""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import pytest

from dyag_core import Document, Example, Fact, GateError, Message, Session, hookimpl
from dyag_core.chat.template import training_ids
from dyag_core.dataset.quality import Measure
from dyag_core.dataset.quality.counting import Reservoir, Tally, doubling, histogram, percentile
from dyag_core.dataset.quality.similar import THRESHOLD, fact_key, near_duplicates, variety
from dyag_core.models.sources import load_tokenizer
from dyag_core.text.similarity import similarity

SAMPLES = Path(__file__).parent.parent / "examples" / "dyag_samples"


def row(question: str, answer: str, **meta: Any) -> dict[str, Any]:
    turns = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
    return {"messages": turns, "meta": meta}


def test_percentiles_and_histograms() -> None:
    counts = Counter(range(1, 101))
    assert [percentile(counts, share) for share in (0.01, 0.5, 0.95, 1.0)] == [1, 50, 95, 100]
    assert percentile(Counter(), 0.5) == 0
    bins = histogram(Counter([3, 4, 4, 57]))
    assert (bins[0].low, bins[-1].high) == (0, 59)
    assert [bin_.count for bin_ in bins if bin_.count] == [3, 1]
    assert all(b.low == a.high + 1 for a, b in pairwise(bins))
    assert [(b.low, b.high, b.count) for b in doubling([0, 0, 1, 3, 2, 4])] == [
        (0, 0, 2),
        (1, 1, 1),
        (2, 3, 2),
        (4, 7, 1),
    ]


def test_counts_and_samples_stay_bounded() -> None:
    tally = Tally(limit=3)
    for key in ["a", "b", "b", "c", "d", "e", "a"]:
        tally.add(key)
    assert tally.top(2) == [("a", 2), ("b", 2)]
    assert tally.counted(2).others == 3
    assert tally.full
    drawn = Counter()
    for seed in range(300):
        sample: Reservoir[int] = Reservoir(5, str(seed))
        for item in range(50):
            if sample.takes():
                sample.keep(item)
        assert sample.items == sorted(sample.items)
        assert len(set(sample.items)) == 5
        drawn.update(sample.items)
    assert set(drawn) == set(range(50))
    assert max(drawn.values()) < 3 * 300 * 5 / 50


def test_variety_as_worked_out_by_hand() -> None:
    found = variety(["who is a", "who is b", "où est-ce ?"], "s")
    # who is a · who is b · ou est ce: 9 words, 7 different; 6 pairs of neighbours, 5 different
    assert (found.distinct_1, found.distinct_2) == (round(7 / 9, 3), round(5 / 6, 3))
    assert found.pairs == 3
    assert 0.1 < found.mean_similarity < 0.4


def test_planted_near_duplicates_are_found_and_templates_told_apart() -> None:
    planted = [
        ("Quelle est la licence du logiciel Acceleo ?", "EPL"),
        ("Quelle est la licence du logiciel Acceleo", "EPL"),
    ]
    planted += [("Quelle est  la licence du logiciel acceleo ?!", "epl.")]
    names = ["Ada", "Bob", "Cyd"]
    template = [(f"Quel est le numéro de version minimale actuellement recommandé pour {n} ?", n) for n in names]
    others = [
        (f"{word} ?", "x") for word in ("Pourquoi", "Comment procéder", "Qui a raison", "Combien", "Où habite-t-il")
    ]
    found = near_duplicates([*planted, *others, *template])
    assert found.clusters == 2
    assert (found.rows, found.redundant) == (6, 2)
    assert [(cluster.rows, cluster.asked) for cluster in found.largest] == [(3, 1), (3, 3)]
    same = [(question, fact_key([name])) for question, name in template]
    assert near_duplicates([*same, *same]).largest[0].asked == 3
    assert near_duplicates([(question, "Recommandé") for question, _ in template]).redundant == 2


def test_clusters_are_those_of_all_pairs_compared() -> None:
    words = "licence statut version du de la pour logiciel actuelle Ada Bob Cyd Dora minimale recommandée".split()
    chance = random.Random(5)
    questions = list(dict.fromkeys(f"Quelle est {' '.join(chance.sample(words, 6))} ?" for _ in range(300)))
    linked = {question: {question} for question in questions}  # each with the cluster that it is in
    for one, other in combinations(questions, 2):
        if similarity(one, other) >= THRESHOLD and linked[one] is not linked[other]:
            linked[one] |= linked[other]
            linked |= dict.fromkeys(linked[other], linked[one])
    clusters = {id(cluster): cluster for cluster in linked.values() if len(cluster) > 1}
    found = near_duplicates([(question, "x") for question in questions])
    assert found.clusters == len(clusters) > 5
    assert found.rows == sum(map(len, clusters.values()))
    assert found.largest[0].rows == max(map(len, clusters.values()))


def test_the_measure_says_what_stands_out() -> None:
    measure = Measure()
    for n in range(40):
        measure.row(row(f"Question {n} sur quoi ?", "Je ne sais pas.", document="d", fact=f"f{n}", attribute="A"))
    found = measure.result("x.jsonl")
    kinds = {finding.kind for finding in found.findings}
    assert {"unknown", "asked_once"} <= kinds
    assert found.counts["attribute"].values == {"A": 40}
    assert found.facts is not None
    assert (found.facts.covered, found.facts.once) == (40, 40)
    assert len(found.sample) == 10
    assert not Measure().result("empty.jsonl").figures()["rows"]
    assert [finding.kind for finding in Measure().result("empty.jsonl").findings] == ["no_rows"]


def test_what_is_held_out_on_purpose_is_not_missing() -> None:
    measure = Measure()

    def fact(document: str, value: str) -> Fact:
        return Fact(document=document, subject=document, attribute="Licence", value=value)

    for document, part in (("trained", "train"), ("held", "test")):
        found = fact(document, "MIT")
        measure.row(row("?", "MIT", document=document, fact=found.id, split=part, stratum="unanswerable"))
        example = Example(question="?", answer="GPL", document=document, fact=fact(document, "GPL"))
        measure.example(example)
    measure.document(Document(id="untouched", title="Untouched", chunks=()))
    quality = measure.result("x.jsonl")
    assert quality.facts is not None
    assert (quality.facts.covered, quality.facts.total, quality.facts.without) == (1, 2, ("trained · Licence",))
    assert quality.documents is not None
    assert quality.documents.without == ("Untouched (untouched)",)
    assert {"never_unknown", "without_rows"} <= {finding.kind for finding in quality.findings}


@pytest.mark.parametrize("lang", ["fr", "en"])
def test_generate_writes_the_report_and_the_figures(tmp_path: Path, lang: str, page_of: Any) -> None:
    pages = []
    for name in ("a", "b"):
        made = Session(tmp_path).generate(
            SAMPLES / f"catalogue.{lang}.jsonl", count=120, split=True, output=tmp_path / name / "x.jsonl"
        )
        pages.append(made.report.read_bytes())
    assert pages[0] == pages[1]
    text = pages[0].decode("utf-8")
    assert f'<html lang="{lang}">' in text
    assert page_of(text).policy.startswith("default-src 'none'; style-src 'sha256-")
    assert not re.search(r'(?:src|href|style)="|url\(|<script|http-equiv="refresh', text)
    manifest = json.loads(made.manifest.read_text("utf-8"))
    assert manifest["report"] == "x.report.html"
    rows = [json.loads(line) for line in made.output.read_text("utf-8").split("\n") if line]
    figures = manifest["quality"]
    assert figures["rows"] == 120
    assert figures["documents"]["total"] == made.documents_total
    assert figures["documents"]["covered"] == len({line["meta"]["document"] for line in rows})
    trained = Counter(
        line["meta"]["fact"]
        for line in rows
        if line["meta"]["split"] == "train" and "facts" not in line["meta"] and line["meta"]["fact"]
    )
    assert figures["facts"]["covered"] == len(trained)
    never = not any(line["meta"]["split"] == "train" and not line["meta"]["answerable"] for line in rows)
    assert ("never_unknown" in figures["findings"]) == never
    assert figures["facts"]["once"] == sum(n == 1 for n in trained.values())
    words = sorted(sum(len(turn["content"].split()) for turn in line["messages"]) for line in rows)
    assert (figures["lengths"]["unit"], figures["lengths"]["longest"]) == ("words", words[-1])
    assert figures["lengths"]["median"] == words[59]


def test_lengths_are_those_of_training(tmp_path: Path, tiny_model: Path) -> None:
    made = Session(tmp_path).generate(
        SAMPLES / "catalogue.fr.jsonl", count=30, output=tmp_path / "x.jsonl", base_model=str(tiny_model)
    )
    tokenizer = load_tokenizer(str(tiny_model))
    rows = [json.loads(line) for line in made.output.read_text("utf-8").split("\n") if line]
    turns = [[Message(**turn) for turn in line["messages"]] for line in rows]
    lengths = sorted(len(training_ids(tokenizer, messages).input_ids) for messages in turns)
    found = made.quality["lengths"]
    assert (found["unit"], found["limit"], found["over"]) == ("tokens", 512, 0)
    assert (found["longest"], found["median"]) == (lengths[-1], lengths[14])
    assert f"longest {lengths[-1]}" in "\n".join(made.summary_lines())
    assert str(tiny_model) not in made.manifest.read_text("utf-8")


class Verbose:
    """A generator whose every third answer is very long."""

    name = "verbose"

    @hookimpl
    def dyag_generate(self, documents: Any) -> Any:
        for document in documents:
            for n in range(9):
                yield Example(
                    question=f"{n}{'!' * n} {'abcdefghi'[n] * 7} ?",
                    answer=document.text if n % 3 == 0 else f"licence {n}",
                    document=document,
                )


def test_more_than_one_per_cent_too_long_fails(tmp_path: Path, tiny_model: Path) -> None:
    content = " ".join(["licence 0 1 2 3 4 5 6 7 8", *(f"xq{n}zw" for n in range(200))])
    source = tmp_path / "d.jsonl"
    source.write_text(
        json.dumps({"id": "c", "content": content, "metadata": {"id": "d", "nom": "D"}}), encoding="utf-8"
    )
    session = Session(tmp_path, plugins=[Verbose()])
    with pytest.raises(GateError, match=r"3 of 9 rows are longer than the 512 tokens"):
        session.generate(source, method="verbose", output=tmp_path / "x.jsonl", base_model=str(tiny_model))
    assert len((tmp_path / "x.jsonl").read_text("utf-8").strip().split("\n")) == 9
    page = (tmp_path / "x.report.html").read_text("utf-8")
    assert 'class="limit"' in page


def test_both_languages_say_the_same() -> None:
    from dyag_core.dataset.quality import problems
    from dyag_plugins.reporters.texts import texts

    def shape(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: shape(item) for key, item in value.items()}
        return sorted(re.findall(r"\{(\w+)", value))

    assert shape(texts("en", "quality.yaml")) == shape(texts("fr", "quality.yaml"))
    assert set(problems._PROBLEMS["en"]) == set(problems._PROBLEMS["fr"])
