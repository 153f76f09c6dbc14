"""The oracle arm, recall and rank of the right passage, and the time of searching, from questions to the report."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from dyag_core import Chunk, Decoding, Hit, Message, Reply, Session, UsageError, hookimpl
from dyag_core.artifacts import write_jsonl
from dyag_core.plugin.host import Plugins
from dyag_core.records import Comparison
from dyag_core.records.options import CompareOptions
from dyag_core.stages.compare import compare

DOCUMENTS = {
    "d1": "# 7zip\n\n- Licence: LGPL-2.0-only\n- Version minimale: 19",
    "d2": "# Ansible\n\n- Licence: GPL-3.0-only\n- Fonction: déployer",
    "d3": "# Antidote\n\n- Fonction: Correcteur\n- Éditeur: Druide",
}
QUESTIONS = [  # the second is about d3 and finds d2; nothing answers the third; nobody knows where the fourth stands
    ("Quelle est la licence de 7zip ?", "LGPL-2.0-only", "d1", "recall"),
    ("Quelle est la fonction d'Ansible, non, de l'autre ?", "Correcteur", "d3", "unseen"),
    ("Quel est le prix d'Ansible ?", "Je ne sais pas.", "d2", "unanswerable"),
    ("Quelle version de 7zip ?", "19", None, "recall"),
]


class Recorder:
    """An engine that answers with the last line it was shown, and keeps the prompts."""

    name = "recorder"
    context_length = 400

    def __init__(self, stop_after: int = 10**9) -> None:
        self.asked: list[tuple[Message, ...]] = []
        self.stop_after = stop_after

    @hookimpl
    def dyag_open_engine(self) -> Recorder:
        return self

    def answer(self, prompts: Sequence[Sequence[Message]], decoding: Decoding) -> Iterator[tuple[int, Reply]]:
        for i, prompt in enumerate(prompts):
            if len(self.asked) == self.stop_after:
                raise KeyboardInterrupt
            self.asked.append(tuple(prompt))
            yield i, Reply(text="Correcteur" if "Correcteur" in prompt[-1].content else "19", seconds=0.5)

    def count_tokens(self, prompt: Sequence[Message]) -> int:
        return sum(len(message.content.split()) for message in prompt)

    def close(self) -> None:
        """Nothing held."""


class Slow:
    """A search that takes 20 ms a question and finds the first chunks there are."""

    name = "slow"

    @hookimpl
    def dyag_retrieve(self, chunks: Sequence[Chunk]) -> Slow:
        self.chunks = chunks
        return self

    def search(self, queries: Sequence[str], k: int) -> list[list[Hit]]:
        time.sleep(0.02 * len(queries))
        return [[Hit(chunk=chunk, score=1.0) for chunk in self.chunks[:k]] for _ in queries]


@pytest.fixture
def work(tmp_path: Path) -> Path:
    rows = [{"id": name, "content": text, "metadata": {"id": name}} for name, text in DOCUMENTS.items()]
    write_jsonl(tmp_path / "documents.jsonl", rows)
    asked = [
        {"question": q, "expected_answer": a, "meta": {"document": c, "chunk": c, "stratum": s}}
        for q, a, c, s in QUESTIONS
    ]
    write_jsonl(tmp_path / "mine_test.jsonl", asked)
    return tmp_path


def measured(work: Path, engine: Recorder, model: Path, arms: Sequence[str], retriever: str = "bm25", **more: Any):
    session = Session(work, plugins=[engine, Slow()])
    index = session.index(work / "documents.jsonl", retriever=retriever)
    made = session.evaluate(
        work / "mine_test.jsonl", arms=arms, base_model=str(model), index=index, engine="recorder", **{"k": 1} | more
    )
    return {arm: evaluation.model_dump() for arm, evaluation in made.evaluations.items()}


def sources(results: dict[str, Any]) -> list[list[str]]:
    return [[source["chunk"] for source in item["sources"]] for item in results["results"]]


def test_the_oracle_sees_the_right_passage_and_elsewhere_what_rag_sees(work: Path, tiny_model: Path) -> None:
    engine = Recorder()
    made = measured(work, engine, tiny_model, ("base", "rag", "oracle"))
    assert sources(made["rag"]) == [["d1"], ["d2"], ["d2"], ["d1"]]
    assert sources(made["oracle"]) == [["d1"], ["d3"], ["d2"], ["d1"]]
    assert made["oracle"]["metadata"]["oracle"] == {"right_passage": 2, "as_rag": 2}
    base, rag, oracle = (engine.asked[i : i + 4] for i in (0, 4, 8))
    assert [o == r for o, r in zip(oracle, rag, strict=True)] == [True, False, True, True]
    # the one that differs differs in its passage alone
    passage = {name: text.strip() for name, text in DOCUMENTS.items()}
    assert rag[1][-1].content.replace(passage["d2"], passage["d3"]) == oracle[1][-1].content
    assert rag[1][:-1] == oracle[1][:-1] == base[1][:-1]
    assert made["oracle"]["results"][1]["success"]
    assert not made["rag"]["results"][1]["success"]


def test_an_oracle_without_a_known_passage_is_refused_before_anything_is_asked(work: Path, tiny_model: Path) -> None:
    path = work / "mine_test.jsonl"
    path.write_text(path.read_text("utf-8").replace('"chunk":"d', '"chunk":"x').replace('"chunk": "d', '"chunk": "x'))
    engine = Recorder()
    with pytest.raises(UsageError, match="no question names one"):
        measured(work, engine, tiny_model, ("rag", "oracle"))
    assert engine.asked == []


def test_passages_that_the_index_does_not_hold_are_told(work: Path, tiny_model: Path) -> None:
    path = work / "mine_test.jsonl"
    path.write_text(path.read_text("utf-8").replace('"chunk":"d1', '"chunk":"x').replace('"chunk": "d1', '"chunk": "x'))
    told: list[str] = []
    session = Session(work, plugins=[Recorder()])
    session.progress.message = told.append  # type: ignore[method-assign]
    index = session.index(work / "documents.jsonl")
    made = session.evaluate(path, arms=("rag",), base_model=str(tiny_model), index=index, engine="recorder")
    assert [line for line in told if "the passages of 1 of 2 questions are not in documents.index" in line]
    scores = [item["metrics"]["recall_at_k"] for item in made.evaluations["rag"].results]
    assert scores == [0.0, 1.0, None, None]


def test_recall_and_rank_of_the_right_passage_stand_in_results_and_report(work: Path, tiny_model: Path) -> None:
    made = measured(work, Recorder(), tiny_model, ("base", "rag", "oracle"), k=3)
    scores = {
        arm: {name: [item["metrics"][name] for item in found["results"]] for name in ("recall_at_k", "mrr")}
        for arm, found in made.items()
    }
    assert sources(made["rag"])[1] == ["d2", "d3"]
    assert scores["rag"] == {"recall_at_k": [1.0, 1.0, None, None], "mrr": [1.0, 0.5, None, None]}
    assert scores["oracle"] == {"recall_at_k": [1.0, 1.0, None, None], "mrr": [1.0, 1.0, None, None]}
    assert scores["base"] == {"recall_at_k": [None] * 4, "mrr": [None] * 4}
    assert made["rag"]["metrics"]["summaries"]["mrr"]["mean"] == pytest.approx(75)
    files = {arm: work / f"results_{arm}.json" for arm in made}
    compare(CompareOptions(reporters=["markdown"]), results=files, output=work / "c", lang="fr", plugins=Plugins())
    text = (work / "c.md").read_text("utf-8")
    assert "rappel\\@k" in text
    assert "()" not in text
    assert "MRR" in text
    anew = Session(work).compare(files, output=work / "d", metric_options={"recall_at_k": {"k": 1}}).comparison
    assert anew.arm("rag").metrics["recall_at_k"].mean == 50.0


def test_searching_has_its_time_apart_and_within_the_questions_time(work: Path, tiny_model: Path) -> None:
    made = measured(work, Recorder(), tiny_model, ("base", "rag", "oracle"), retriever="slow")
    times = {
        arm: [(item["retrieval_seconds"], item["time_seconds"]) for item in found["results"]]
        for arm, found in made.items()
    }
    assert times["base"] == [(0.0, 0.5)] * 4
    assert all(searched >= 0.02 and whole == searched + 0.5 for searched, whole in times["rag"])
    assert [searched > 0 for searched, _ in times["oracle"]] == [False, False, True, True]
    assert made["rag"]["metrics"]["avg_retrieval_seconds"] >= 0.02


def test_a_run_that_goes_on_keeps_the_first_runs_times(
    work: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter(range(0, 100, 4))
    monkeypatch.setattr("dyag_core.retrieval.prompting.perf_counter", lambda: next(clock))
    with pytest.raises(KeyboardInterrupt):
        measured(work, Recorder(stop_after=2), tiny_model, ("rag",))
    clock = iter(range(0, 100, 8))
    made = measured(work, Recorder(), tiny_model, ("rag",))["rag"]
    assert [item["retrieval_seconds"] for item in made["results"]] == [1.0, 1.0, 2.0, 2.0]


# -- the comparison ----------------------------------------------------------------------------------------------------


def compared(folder: Path, right: dict[str, list[bool]]) -> Comparison:
    """A comparison of arms on questions that they answered well or not."""
    files = {}
    for arm, good in right.items():
        items = [
            {
                "id": f"q{i}", "question": f"Question {i} ?", "expected_answer": "oui", "document": f"d{i}",
                "generated_answer": "oui" if g else "non", "metrics": {"success": float(g), "token_f1": float(g)},
                "time_seconds": 0.1, "stratum": "recall" if i % 2 else "unseen",
            }
            for i, g in enumerate(good)
        ]  # fmt: skip
        about = {"base_model": {"name": "tiny"}, "decoding": {"temperature": 0.0}, "lang": "fr"}
        summaries = {name: {"unit": "rate", "higher_is_better": True} for name in ("success", "token_f1")}
        files[arm] = folder / f"{arm}.json"
        content = {"metadata": about, "metrics": {"summaries": summaries}, "results": items}
        files[arm].write_text(json.dumps(content), encoding="utf-8")
    return compare(CompareOptions(), results=files, output=folder / "c", plugins=Plugins()).comparison


def first(n: int, of: int = 120) -> list[bool]:
    return [i < n for i in range(of)]


FOUR = {"base": first(10), "rag": first(60), "finetuned": first(66), "hybrid": first(96)}


def test_a_ceiling_is_shown_and_never_wins_nor_changes_the_verdict(tmp_path: Path) -> None:
    with_oracle, without = compared(tmp_path, {"oracle": first(118), **FOUR}), compared(tmp_path, FOUR)
    assert [arm.name for arm in with_oracle.arms] == ["base", "rag", "finetuned", "hybrid", "oracle"]
    assert with_oracle.leader == without.leader == "hybrid"
    assert with_oracle.recommendations[: len(without.recommendations)] == without.recommendations
    assert [d for d in with_oracle.differences if "oracle" not in (d.a, d.b)] == without.differences
    (note,) = with_oracle.recommendations[len(without.recommendations) :]
    (gap,) = note.rests_on
    assert (gap.a, gap.b, gap.winner, gap.difference) == ("oracle", "rag", "oracle", 48.3)
    assert "a perfect search could gain" in note.text["en"]
    assert "une recherche parfaite pourrait gagner" in note.text["fr"]
    assert "+48.3" in note.text["en"]
    assert "+48,3" in note.text["fr"]
    assert with_oracle.cost is not None
    assert "oracle" not in {arm.arm for arm in with_oracle.cost.arms}


def test_the_page_has_five_arms_in_five_colours(tmp_path: Path) -> None:
    compared(tmp_path, {**FOUR, "oracle": first(118)})
    page = (tmp_path / "c.html").read_text("utf-8")
    assert all(f"arm{colour}" in page for colour in range(5))
    assert "oracle reçoit le passage qui porte la réponse" in page
    assert "oracle" in (tmp_path / "c.md").read_text("utf-8")


@pytest.mark.parametrize(
    ("oracle", "says"), [(61, "can't be shown"), (10, "is no remedy"), (110, "a perfect search could gain")]
)
def test_the_ceiling_says_what_a_better_search_is_worth(tmp_path: Path, oracle: int, says: str) -> None:
    made = compared(tmp_path, {"rag": first(60), "oracle": first(oracle)})
    assert made.leader is None
    assert made.tied == ["rag"]
    assert made.recommendations[0].kind == "note"
    assert says in made.recommendations[0].text["en"]


def test_the_ceiling_concludes_nothing_from_few_questions(tmp_path: Path) -> None:
    made = compared(tmp_path, {"rag": first(5, 20), "hybrid": first(5, 20), "oracle": first(20, 20)})
    assert [r.kind for r in made.recommendations[:2]] == ["too_few", "note"]
    assert "search" not in made.recommendations[1].text["en"]
