"""What a comparison says, from result files on disk to the comparison and its refusals."""

from __future__ import annotations

import copy
import json
import random
import re
from pathlib import Path
from typing import Any

import pytest

from dyag_core.cli.compare_output import verdict
from dyag_core.errors import UsageError
from dyag_core.plugin.host import Plugins
from dyag_core.records import Comparison, CostOptions
from dyag_core.records.options import CompareOptions
from dyag_core.stages.compare import compare

KINDS = {"success": True, "exact_match": True, "token_f1": True}


def results(arm: str, right: list[bool], **item_keys: list[Any]) -> dict[str, Any]:
    """A results file as `dyag evaluate` writes it; `right[i]` says whether question i is answered well."""
    items = []
    for i, good in enumerate(right):
        value = float(good)
        item = {
            "id": f"q{i:03}",
            "question": f"Quelle est la licence de l'outil {i} ?",
            "expected_answer": f"GPL-{i}",
            "generated_answer": f"GPL-{i}" if good else "MIT",
            "abstained": False,
            "metrics": dict.fromkeys(KINDS, value),
            "answerable": True,
            "stratum": None,
            "document": f"d{i // 2}",
            "chunk": f"d{i // 2}#0",
            "sources": [],
            "time_seconds": 0.5,
            "tokens": 52,
            "prompt_tokens": 40,
            "completion_tokens": 12,
            "seen_in_training": False,
            "error": None,
        }
        item.update({key: values[i] for key, values in item_keys.items()})
        items.append(item)
    return {
        "schema_version": "3.0",
        "metadata": {
            "arm": arm,
            "base_model": {"name": "tiny:1m", "source": "folder", "revision": None},
            "decoding": {"max_new_tokens": 64, "temperature": 0.0},
            "lang": "fr",
        },
        "metrics": {
            "summaries": {name: {"unit": "rate", "higher_is_better": higher} for name, higher in KINDS.items()}
        },
        "results": items,
    }


def answers(n: int, share: float, seed: int) -> list[bool]:
    rng = random.Random(seed)
    return [rng.random() < share for _ in range(n)]


def measured(arm: str, seconds: float, **metadata: Any) -> dict[str, Any]:
    """40 answers that took `seconds` each, with what `dyag evaluate` says about training and index."""
    told = results(arm, answers(40, 0.5, 1), time_seconds=[seconds] * 40)
    told["metadata"].update(metadata)
    return told


def run(folder: Path, files: dict[str, Any], **options: Any) -> Comparison:
    paths = {}
    for arm, content in files.items():
        paths[arm] = folder / f"in_{arm}.json"
        paths[arm].write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    return compare(
        CompareOptions(reporters=["json"], **options), results=paths, output=folder / "out", plugins=Plugins()
    ).comparison


def primary(comparison: Comparison) -> Any:
    (found,) = [d for d in comparison.differences if d.primary and d.stratum is None]
    return found


def test_a_clear_winner_is_recommended_with_its_number_and_interval(tmp_path: Path) -> None:
    good, bad = results("hybrid", answers(100, 0.9, 1)), results("base", answers(100, 0.4, 2))
    comparison = run(tmp_path, {"base": bad, "hybrid": good})
    difference = primary(comparison)
    assert difference.winner == "hybrid" == comparison.leader
    assert difference.low > 0
    verdict = comparison.recommendations[0]
    assert verdict.kind == "use"
    for number in (difference.difference, difference.low, difference.high):
        assert str(number) in verdict.text["en"]
        assert str(number).replace(".", ",") in verdict.text["fr"]


def test_identical_results_tie_everywhere(tmp_path: Path) -> None:
    one = results("rag", answers(80, 0.6, 1), stratum=["recall"] * 40 + ["unseen"] * 40)
    comparison = run(tmp_path, {"rag": one, "finetuned": copy.deepcopy(one)})
    assert {d.winner for d in comparison.differences} == {None}
    assert all(d.low < 0 < d.high for d in comparison.differences if d.unit == "rate")
    assert comparison.recommendations[0].kind == "no_clear_difference"
    assert comparison.leader is None
    assert comparison.disagreements == []


def test_swapped_inputs_mirror_the_comparison(tmp_path: Path) -> None:
    x, y = results("x", answers(90, 0.8, 3)), results("y", answers(90, 0.5, 4))
    one, other = run(tmp_path, {"rag": x, "finetuned": y}), run(tmp_path, {"rag": y, "finetuned": x})
    swap = {"rag": "finetuned", "finetuned": "rag", None: None}
    for d, e in zip(one.differences, other.differences, strict=True):
        assert (d.difference, d.low, d.high) == (-e.difference, -e.high, -e.low)
        assert (d.p_holm, d.detectable, d.winner) == (e.p_holm, e.detectable, swap[e.winner])
    assert one.leader == swap[other.leader]


def test_the_order_of_the_files_changes_nothing(tmp_path: Path) -> None:
    files = {"base": results("base", answers(60, 0.3, 1)), "rag": results("rag", answers(60, 0.7, 2))}
    first, second = run(tmp_path, files), run(tmp_path, dict(reversed(files.items())))
    assert first == second


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda r: r["results"].pop(), "q059"),
        (lambda r: r["metadata"]["base_model"].update(name="other"), "other"),
        (lambda r: r["metadata"]["base_model"].update(revision="abc"), None),
        (lambda r: r["metadata"]["decoding"].update(temperature=0.7), "temperature"),
        (lambda r: r["metadata"].update(lang="en"), "language"),
        (lambda r: r["results"][0].update(question="Autre chose ?"), "q000"),
        (lambda r: r["results"][0].update(expected_answer="Autre chose"), "q000"),
    ],
)
def test_what_differs_is_refused_and_named_unless_forced(tmp_path: Path, change: Any, named: str | None) -> None:
    one, other = results("rag", answers(60, 0.5, 1)), results("finetuned", answers(60, 0.5, 2))
    change(other)
    if named is None:  # one side does not say: no contradiction
        assert run(tmp_path, {"rag": one, "finetuned": other}).mismatches == []
        return
    with pytest.raises(UsageError, match=named) as caught:
        run(tmp_path, {"rag": one, "finetuned": other})
    assert caught.value.exit_code == 2
    assert not (tmp_path / "out.json").exists()
    forced = run(tmp_path, {"rag": one, "finetuned": other}, force=True)
    assert any(named in text["en"] and named for text in forced.mismatches)
    assert all(set(text) == {"en", "fr"} for text in forced.mismatches)


def test_arms_with_different_adapters_are_compared_and_the_reader_is_told(tmp_path: Path) -> None:
    mine = {"name": "mine", "sha256": "a1" * 32}
    files = {"finetuned": measured("finetuned", 1.0, model=mine), "hybrid": measured("hybrid", 1.0, model=mine)}
    told = [remark.text for remark in run(tmp_path, {**files, "base": measured("base", 1.0)}).recommendations]
    assert not any("The fine-tuned models differ" in text["en"] for text in told)
    files["hybrid"]["metadata"]["model"] = {"name": "raft", "sha256": "b2" * 32}
    (text,) = [r.text for r in run(tmp_path, files).recommendations if "The fine-tuned models differ" in r.text["en"]]
    assert text["en"].endswith(": finetuned: mine (a1a1a1a1), hybrid: raft (b2b2b2b2).")
    assert text["fr"].startswith("Les modèles affinés ne sont pas les mêmes")


def test_forced_comparison_keeps_only_the_common_questions(tmp_path: Path) -> None:
    one, other = results("rag", answers(60, 0.5, 1)), results("finetuned", answers(60, 0.5, 2))
    del other["results"][:10]
    assert run(tmp_path, {"rag": one, "finetuned": other}, force=True).n_questions == 50


def test_below_thirty_questions_nothing_is_recommended(tmp_path: Path) -> None:
    files = {"base": results("base", [False] * 29), "rag": results("rag", [True] * 29)}
    comparison = run(tmp_path, files)
    assert {r.kind for r in comparison.recommendations} <= {"too_few", "warning"}
    assert comparison.leader is None
    assert "29" in comparison.recommendations[0].text["fr"]


def test_small_strata_are_shown_and_not_concluded_from(tmp_path: Path) -> None:
    strata = ["recall"] * 60 + ["unseen"] * 10 + [None] * 5
    right = answers(75, 0.5, 1)
    files = {
        "rag": results("rag", right, stratum=strata),
        "finetuned": results("finetuned", [True] * 60 + [False] * 15, stratum=strata),
    }
    comparison = run(tmp_path, files)
    assert comparison.strata == ["recall", "unseen", "unlabelled"]
    notes = [r.text["en"] for r in comparison.recommendations if r.kind == "note"]
    assert any("leads" in note and "trained facts" in note for note in notes)
    assert any("Fewer than 30" in note and "(10)" in note and "(5)" in note for note in notes)


def test_errors_count_as_wrong_and_are_shown(tmp_path: Path) -> None:
    failed = results("rag", [True] * 40, error=["timeout"] * 20 + [None] * 20)
    comparison = run(tmp_path, {"rag": failed, "finetuned": results("finetuned", [True] * 40)})
    assert comparison.arm("rag").errors == 20
    assert comparison.arm("rag").metrics["success"].mean == 50.0
    assert comparison.errors_breakdown["rag"] == {"failed": 20}
    assert any(r.kind == "warning" and "20" in r.text["en"] for r in comparison.recommendations)


def test_questions_seen_in_training_are_counted_with_their_effect(tmp_path: Path) -> None:
    """20 of 60 were trained on and are all right; of the others, half are."""
    seen = [True] * 20 + [False] * 40
    contaminated = results("finetuned", [True] * 20 + [True, False] * 20, seen_in_training=seen)
    clean = results("base", [False] * 60)
    comparison = run(tmp_path, {"base": clean, "finetuned": contaminated})
    arm = comparison.arm("finetuned")
    assert (arm.seen_in_training, arm.metrics["success"].mean, arm.without_seen) == (20, 66.7, 50.0)
    assert comparison.arm("base").without_seen is None
    (told,) = [r.text for r in comparison.recommendations if "20 of 60" in r.text["en"]]
    assert "Without them it reaches 50.0% on success instead of 66.7%." in told["en"]
    assert "20 sur 60" in told["fr"]
    assert "Sans elles, la réussite vaut 50,0 % au lieu de 66,7 %." in told["fr"].replace("\u202f", " ")
    everything = results("finetuned", [True] * 60, seen_in_training=[True] * 60)
    assert run(tmp_path, {"base": clean, "finetuned": everything}).arm("finetuned").without_seen is None


def test_a_metric_with_few_scores_is_named(tmp_path: Path) -> None:
    files = {arm: results(arm, answers(40, 0.5, 1)) for arm in ("base", "rag")}
    for file in files.values():
        for item in file["results"][:28]:
            item["metrics"]["token_f1"] = None
    notes = [r.text["en"] for r in run(tmp_path, files).recommendations if r.kind == "warning"]
    assert [note for note in notes if "Fewer than 30" in note] == [
        "Fewer than 30 answers have a score on these metrics, so read them with care: token F1 (12)."
    ]


def test_unscored_answers_are_counted_and_never_nan(tmp_path: Path) -> None:
    judged = results("rag", answers(50, 0.5, 1))
    for item in judged["results"][:7]:
        item["metrics"]["success"] = None
    comparison = run(tmp_path, {"rag": judged, "finetuned": results("finetuned", answers(50, 0.5, 2))})
    assert comparison.arm("rag").unscored == 7
    assert primary(comparison).n == 43
    assert "NaN" not in (tmp_path / "out.json").read_text(encoding="utf-8")


def test_why_answers_are_wrong(tmp_path: Path) -> None:
    gold, other = [{"chunk": "g", "score": 1.0}], [{"chunk": "x", "score": 1.0}]
    chunk = ["g"] * 40
    rag = results(
        "rag",
        [False] * 40,
        chunk=chunk,
        sources=[gold] * 10 + [other] * 10 + [gold] * 10 + [other] * 10,
        abstained=[False] * 20 + [True] * 10 + [False] * 10,
        answerable=[True] * 30 + [False] * 10,
    )
    closed = results("finetuned", [False] * 40, chunk=chunk, answerable=[True] * 30 + [False] * 10,
                     abstained=[True] * 5 + [False] * 35)  # fmt: skip
    breakdown = run(tmp_path, {"rag": rag, "finetuned": closed}).errors_breakdown
    assert breakdown["rag"] == {
        "should_have_abstained": 10,
        "retrieval_missed": 10,
        "abstained_wrongly": 10,
        "context_ignored": 10,
    }
    assert breakdown["finetuned"] == {"should_have_abstained": 10, "abstained_wrongly": 5, "recalled_wrongly": 25}


def test_ten_disagreements_at_most_from_both_sides(tmp_path: Path) -> None:
    rag, tuned = results("rag", [True] * 30 + [False] * 30), results("finetuned", [False] * 30 + [True] * 30)
    found = run(tmp_path, {"rag": rag, "finetuned": tuned}).disagreements
    assert len(found) == 10
    assert len([d for d in found if d.answers[0].score == 100.0]) == 5


def test_secondary_metrics_are_corrected_together(tmp_path: Path) -> None:
    files = {"rag": results("rag", answers(60, 0.5, 8)), "finetuned": results("finetuned", answers(60, 0.72, 9))}
    secondary = [d for d in run(tmp_path, files).differences if not d.primary]
    assert len(secondary) == 2
    assert all(d.p_holm == pytest.approx(min(1, 2 * d.p_value), rel=0.06) for d in secondary)


def test_four_arms_without_a_difference_seldom_have_a_winner(tmp_path: Path) -> None:
    found = 0
    for draw in range(40):
        files = {a: results(a, answers(60, 0.5, 10 * draw + i)) for i, a in enumerate(("base", "rag", "a", "b"))}
        comparison = run(tmp_path, files)
        found += any(d.winner for d in comparison.differences if d.primary)
    assert found <= 6  # 5 % of 40 is 2; 7 would happen once in 200 runs of an honest test


def test_four_arms_two_of_them_tied(tmp_path: Path) -> None:
    shares = {"base": 0.1, "rag": 0.7, "finetuned": 0.3, "hybrid": 0.72}
    files = {a: results(a, answers(200, share, i)) for i, (a, share) in enumerate(shares.items())}
    comparison = run(tmp_path, files)
    assert comparison.leader is None
    assert comparison.tied == ["rag", "hybrid"]
    text = comparison.recommendations[0].text["en"]
    assert text.startswith("No clear difference between RAG and hybrid")
    assert "RAG is the simplest" in text
    assert "clearly beats the base model" in text
    assert [a.name for a in comparison.arms] == ["base", "rag", "finetuned", "hybrid"]


def test_the_older_evaluate_rag_shape_is_scored_and_matched_by_question(tmp_path: Path) -> None:
    tuned = results("finetuned", answers(40, 0.9, 1))
    older = {
        "metadata": {"timestamp": "2025-10-01T10:00:00", "model": "tiny-1m", "n_chunks": 5, "total_questions": 40},
        "results": [
            {
                "question": item["question"].upper().replace(" ?", "?"),
                "expected": item["expected_answer"],
                "answer": item["expected_answer"].lower() if i % 2 else "MIT",
                "sources": [f"d{i // 2}#0"],
                "tokens": 321,
                "time": 1.5,
                "success": True,
                "error": None,
            }
            for i, item in enumerate(tuned["results"][:38])
        ]
        + [
            {"question": item["question"], "expected": item["expected_answer"], "answer": None, "success": False,
             "error": "timeout", "sources": [], "tokens": 0, "time": 0.0}
            for item in tuned["results"][38:]
        ],
    }  # fmt: skip
    comparison = run(tmp_path, {"rag": older, "finetuned": tuned})
    rag = comparison.arm("rag")
    assert comparison.n_questions == 40
    assert rag.metrics["exact_match"].mean == 47.5
    assert rag.errors == 2
    assert rag.median_seconds == 1.5
    assert rag.total_tokens == 38 * 321
    assert comparison.measured == "2025-10-01T10:00:00"
    assert comparison.errors_breakdown["rag"]["context_ignored"] == 19
    assert any("decoding" in r.text["en"] for r in comparison.recommendations if r.kind == "warning")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "not JSON"),
        ("[]", "not a results file"),
        ('{"results": []}', "empty"),
        ('{"results": [{"question": "q"}]}', "result 1 has no expected answer"),
        ('{"results": [{"id": 1, "question": "q", "expected": "e", "answer": "a"}, '
         '{"id": 1, "question": "r", "expected": "e", "answer": "a"}]}', "stands twice"),
        ('{"results": [{"id": 1, "question": "q", "expected": "e", "answer": "a", "metrics": {"success": "x"}}]}',
         "not a number"),
    ],
)  # fmt: skip
def test_files_that_hold_no_results_are_named(tmp_path: Path, content: str, said: str) -> None:
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    good.write_text(json.dumps(results("rag", [True] * 3)), encoding="utf-8")
    bad.write_text(content, encoding="utf-8")
    with pytest.raises(UsageError, match=said) as caught:
        compare(CompareOptions(), results=[good, bad], output=tmp_path / "out", plugins=Plugins())
    assert "bad.json" in caught.value.message


def test_unknown_primary_metric_and_one_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="succes"):
        run(tmp_path, {"a": results("a", [True] * 3), "b": results("b", [True] * 3)}, primary="succes")
    with pytest.raises(UsageError, match="at least two"):
        run(tmp_path, {"a": results("a", [True] * 3)})


def test_files_alone_are_named_after_their_arm(tmp_path: Path) -> None:
    paths = []
    for arm in ("rag", "base"):
        paths.append(tmp_path / f"file_{arm}.json")
        paths[-1].write_text(json.dumps(results(arm, answers(40, 0.5, 1))), encoding="utf-8")
    made = compare(CompareOptions(), results=paths, output=tmp_path / "c", plugins=Plugins())
    assert [arm.name for arm in made.comparison.arms] == ["base", "rag"]
    headline = verdict(made.comparison, "fr")
    assert headline.startswith("Pas de différence nette")
    assert re.search(r"^RAG +\d+,\d % \(\d+,\d à \d+,\d\)", headline, re.MULTILINE)


def test_same_inputs_give_the_same_bytes_and_no_absolute_path(tmp_path: Path) -> None:
    files = {"base": results("base", answers(40, 0.3, 1)), "rag": results("rag", answers(40, 0.7, 2))}
    written = []
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        paths = {}
        for arm, content in files.items():
            paths[arm] = folder / f"{arm}.json"
            paths[arm].write_text(json.dumps(content), encoding="utf-8")
        made = compare(CompareOptions(), results=paths, output=folder / "out", plugins=Plugins())
        written.append({key: path.read_bytes() for key, path in made.files.items()})
        assert set(made.files) == {"markdown", "json", "html", "manifest"}
    assert written[0] == written[1]
    assert not any(str(tmp_path).encode() in content for content in written[0].values())


def test_an_interval_without_zero_and_without_a_winner_says_why(tmp_path: Path) -> None:
    """Four arms make six pairs: a narrow miss of zero is no winner among so many, and the sentence says so."""
    files = {arm: results(arm, answers(60, 0.5 + 0.12 * i, 10 + i)) for i, arm in enumerate("abcd")}
    comparison = run(tmp_path, files)
    pair = next(d for d in comparison.differences if d.primary and d.stratum is None and {d.a, d.b} == {"c", "d"})
    assert pair.winner is None
    assert not pair.low <= 0 <= pair.high
    assert f"p {pair.p_holm} when all pairs are counted" in comparison.recommendations[0].text["en"]


def test_nobody_wins_in_a_stratum_with_under_thirty_questions(tmp_path: Path) -> None:
    strata = ["recall"] * 60 + ["unseen"] * 29
    files = {
        "base": results("base", [False] * 89, stratum=strata),
        "rag": results("rag", [True] * 89, stratum=strata),
    }
    winners = {d.stratum: d.winner for d in run(tmp_path, files).differences if d.primary}
    assert winners == {None: "rag", "recall": "rag", "unseen": None}


TRAINED = {"training": {"seconds": 400.0, "device": "cpu"}}
INDEXED = {"index": {"sha256": "0", "retriever": "bm25", "k": 3, "seconds": 10.0}}


def test_what_is_spent_once_pays_after_as_many_queries_as_it_takes(tmp_path: Path) -> None:
    """410 s more at first and 0.4 s less a query: 400 + 20 + 0.6 n is 10 + 1 n at n = 1025."""
    files = {"rag": measured("rag", 1.0, **INDEXED), "finetuned": measured("finetuned", 0.6, **TRAINED)}
    cost = run(tmp_path, files, cost=CostOptions(data_seconds=20)).cost
    assert cost is not None
    assert (cost.unit, cost.missing) == ("seconds", [])
    assert [(arm.arm, arm.once, arm.thousand) for arm in cost.arms] == [
        ("rag", 10.0, 1000.0),
        ("finetuned", 420.0, 600.0),
    ]
    (pair,) = cost.break_even
    assert (pair.arm, pair.against, pair.queries, pair.total) == ("finetuned", "rag", 1025, 1035.0)
    assert not pair.at_least
    assert "after 1025 queries" in cost.sentences[0]["en"]
    assert "face au RAG après 1025 requêtes" in cost.sentences[0]["fr"]
    assert cost.curve is not None
    assert cost.curve.queries[0] == 0
    assert cost.curve.queries[-1] > 1025
    assert cost.curve.totals["rag"][0] == 10.0


def test_queries_that_are_not_cheaper_never_pay(tmp_path: Path) -> None:
    files = {"base": measured("base", 0.5), "finetuned": measured("finetuned", 0.5, **TRAINED)}
    cost = run(tmp_path, files).cost
    assert cost is not None
    assert [(pair.arm, pair.queries) for pair in cost.break_even] == [("finetuned", None)]
    assert "never" in cost.sentences[0]["en"]
    assert "jamais" in cost.sentences[0]["fr"]


def test_what_is_not_recorded_is_named_with_its_remedy_and_never_guessed(tmp_path: Path) -> None:
    files = {"rag": measured("rag", 1.0, **INDEXED), "finetuned": measured("finetuned", 0.6)}
    cost = run(tmp_path, files).cost
    assert cost is not None
    assert (cost.break_even, cost.curve) == ([], None)
    assert [text["en"].split("--")[-1] for text in cost.missing] == ["training-seconds.", "data-seconds."]
    only_data = run(tmp_path, files, cost=CostOptions(training_seconds=400)).cost
    assert only_data is not None
    (pair,) = only_data.break_even
    assert (pair.queries, pair.at_least) == (975, True)
    # What RAG lacks could turn the order round: then nothing is said.
    del files["rag"]["metadata"]["index"]
    given = CostOptions(training_seconds=400, data_seconds=1)
    unsure = run(tmp_path, files, cost=given).cost
    assert unsure is not None
    assert unsure.break_even == []


def test_every_change_of_the_documents_is_paid_again(tmp_path: Path) -> None:
    files = {"rag": measured("rag", 1.0, **INDEXED), "finetuned": measured("finetuned", 0.6, **TRAINED)}
    rare = CostOptions(data_seconds=20, changes_per_month=2, queries_per_month=4000)
    cost = run(tmp_path, files, cost=rare).cost
    assert cost is not None
    assert [arm.month for arm in cost.arms] == [2 * 10 + 4000 * 1.0, 2 * 420 + 4000 * 0.6]
    assert "pays off in that time against RAG (1025 needed)" in cost.sentences[-1]["en"]
    often = run(tmp_path, files, cost=rare.model_copy(update={"changes_per_month": 8})).cost
    assert often is not None
    assert "500 queries between two changes" in often.sentences[-1]["en"]
    assert "does not pay off in that time" in often.sentences[-1]["en"]


def test_prices_turn_seconds_and_tokens_into_money(tmp_path: Path) -> None:
    files = {"rag": measured("rag", 1.0, **INDEXED), "finetuned": measured("finetuned", 0.6, **TRAINED)}
    by_hour = run(tmp_path, files, cost=CostOptions(data_seconds=20, price_hour=36.0)).cost
    assert by_hour is not None
    assert (by_hour.unit, [arm.once for arm in by_hour.arms]) == ("money", [0.1, 4.2])
    assert [arm.thousand for arm in by_hour.arms] == [10.0, 6.0]
    assert by_hour.break_even[0].queries == 1025
    # 40 prompt tokens and 12 of the answer: queries are paid by the token, training by the hour
    by_token = CostOptions(data_seconds=20, price_hour=36.0, price_in=1.0, price_out=10.0)
    tokens = run(tmp_path, files, cost=by_token).cost
    assert tokens is not None
    assert [(arm.once, arm.thousand) for arm in tokens.arms] == [(0.1, 0.16), (4.2, 0.16)]
    assert tokens.break_even[0].queries is None


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"changes_per_month": 1.0}, "only together"),
        ({"price_in": 1.0, "price_hour": 1.0}, "only together"),
        ({"price_in": 1.0, "price_out": 1.0}, "need --price-hour"),
        ({"price_hour": -1.0}, "--price-hour"),
        ({"data_seconds": float("nan")}, "--data-seconds"),
    ],
)
def test_prices_and_rates_that_say_nothing_are_refused(tmp_path: Path, options: dict[str, float], said: str) -> None:
    files = {"rag": results("rag", [True] * 3), "base": results("base", [True] * 3)}
    with pytest.raises(UsageError, match=said):
        run(tmp_path, files, cost=CostOptions(**options))


def test_metadata_that_is_no_number_is_not_reckoned_with(tmp_path: Path) -> None:
    files = {
        "rag": measured("rag", 1.0, index="none"),
        "finetuned": measured("finetuned", 0.6, training={"seconds": "<b>1</b>", "device": ["x"]}),
    }
    cost = run(tmp_path, files).cost
    assert cost is not None
    assert [arm.missing for arm in cost.arms] == [["index"], ["training", "data"]]


def test_times_are_spread_as_measured_and_failures_left_out(tmp_path: Path) -> None:
    seconds = [0.01 * (i + 1) for i in range(100)] + [60.0]
    slow = results("rag", [True] * 101, time_seconds=seconds, error=[None] * 100 + ["timeout"])
    latency = run(tmp_path, {"rag": slow, "base": results("base", [True] * 101)}).arm("rag").latency
    assert latency is not None
    assert (latency.n, latency.longest) == (100, 1.0)
    assert (latency.low, latency.lower_quarter, latency.upper_quarter, latency.high) == (0.06, 0.26, 0.75, 0.95)


def test_the_next_step_follows_the_most_frequent_error_of_the_arms_in_the_race(tmp_path: Path) -> None:
    other = [{"chunk": "x", "score": 1.0}]
    rag = results("rag", [True] * 60 + [False] * 40, sources=[other] * 100)
    files = {"base": results("base", [False] * 100), "rag": rag}
    steps = run(tmp_path, files).next_steps
    assert [(step.kind, step.numbers) for step in steps] == [("retrieval", {"count": 40, "n": 100})]
    assert "40 of 100" in steps[0].text["en"]
    wrong = results("rag", [False] * 20, sources=[other] * 20)
    few = run(tmp_path, {"base": results("base", answers(20, 0.5, 1)), "rag": wrong})
    assert {step.kind for step in few.next_steps} == {"ask_more"}
    tie = run(
        tmp_path, {"rag": results("rag", answers(40, 0.5, 1)), "finetuned": results("finetuned", answers(40, 0.5, 2))}
    )
    (step,) = (step for step in tie.next_steps if step.kind == "ask_more")
    assert step.numbers["needed"] > step.numbers["n"] == 40


def test_many_questions_on_few_documents_ask_for_documents(tmp_path: Path) -> None:
    documents = [f"d{i % 4}" for i in range(60)]
    arms = ("rag", "finetuned")
    files = {arm: results(arm, answers(60, 0.5, seed), document=documents) for seed, arm in enumerate(arms)}
    (step,) = run(tmp_path, files).next_steps
    assert step.numbers == {"n": 60, "documents": 4}
    assert "-o facts=2" in step.text["en"]
    assert "-o facts=2" in step.text["fr"]


def test_the_commands_to_measure_again_come_from_the_files(tmp_path: Path) -> None:
    files = {"rag": measured("rag", 1.0, **INDEXED), "finetuned": measured("finetuned", 0.6, **TRAINED)}
    for told in files.values():
        told["metadata"] |= {"questions": {"file": "a b.jsonl", "asked": 40}, "engine": {"name": "oracle"}, "seed": 7}
    evaluate, compare_models = run(tmp_path, files).method["commands"]
    assert evaluate == (
        "dyag evaluate 'a b.jsonl' --arms rag,finetuned --base-model tiny:1m --model MODEL --index INDEX -k 3"
        " --max-new-tokens 64 --temperature 0.0 --engine oracle --limit 40 --seed 7 --output results"
    )
    assert compare_models.startswith("dyag compare-models --results rag=in_rag.json --results finetuned=in_finetuned")
    del files["rag"]["metadata"]["questions"]  # not from dyag evaluate, or it doesn't say
    assert len(run(tmp_path, files).method["commands"]) == 1
