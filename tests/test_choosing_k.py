"""`-k auto`: how many passages, chosen on validation questions through the real command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from dyag_core import Session
from dyag_core.artifacts import file_sha256, write_jsonl
from dyag_core.cli.evaluate import command as evaluate
from dyag_core.cli.evaluate_rag import command as evaluate_rag
from dyag_core.errors import UsageError

# Every document is shorter than the one before, so "outil" finds them in this order from d9 down to d0.
DOCUMENTS = {f"d{i}": f"outil numéro {'mot ' * (10 - i)}nom{i}" for i in range(10)}


def question(text: str, chunk: str | None, answer: str = "oui") -> dict[str, Any]:
    return {"question": text, "expected_answer": answer, "meta": {"chunk": chunk}}


def work(folder: Path, places: list[int]) -> Path:
    """An index, a test question, and validation questions whose passage is found in these places (1 is the first)."""
    rows = [{"id": name, "content": text, "metadata": {"id": name}} for name, text in DOCUMENTS.items()]
    write_jsonl(folder / "documents.jsonl", rows)
    Session(folder).index(folder / "documents.jsonl", output=folder / "x.index")
    write_jsonl(folder / "mine_test.jsonl", [question("outil nom3", "d3")])
    asked = [question("outil " + "?" * i, f"d{10 - place}") for i, place in enumerate(places)]
    nothing = [question("le prix ?", "d9", "Je ne sais pas."), question("outil", None), question("outil !", "other")]
    write_jsonl(folder / "mine_val.jsonl", asked + nothing)
    return folder


def call(command: Any, folder: Path, model: Path, *more: str, output: str = "out") -> Result:
    arguments = [str(folder / "mine_test.jsonl"), "--base-model", str(model), "--index", str(folder / "x.index")]
    arguments += ["--output", str(folder / output), "--max-new-tokens", "2", *more]
    return CliRunner().invoke(command, arguments)


@pytest.mark.parametrize(
    ("places", "k"),
    [
        ([1] * 6, 1),  # more passages find no more
        ([1, 1, 1, 1, 2, 3], 3),  # all are found by three
        ([1] * 12 + [5] * 3 + [9], 5),  # 15 of 16 at 5; the best is no better at 8
        ([1] * 38 + [8] * 2, 8),  # 95 % against 100 %, which one standard error (3.1 points) doesn't cover
        ([1] * 39 + [5], 1),  # 97.5 % against 100 %: one question decides nothing
        ([1] * 36 + [8] + [9] * 3, 1),  # 90 % against 92.5 %, which one standard error (4.8 points) covers
    ],
)
def test_the_smallest_k_that_is_not_clearly_worse(tmp_path: Path, tiny_model: Path, places: list[int], k: int) -> None:
    folder = work(tmp_path, places)
    done = call(evaluate_rag, folder, tiny_model, "-k", "auto")
    assert done.exit_code == 0, done.output
    told = json.loads((folder / "out").read_text("utf-8"))
    assert told["metadata"]["index"]["k"] == k
    assert len(told["results"][0]["sources"]) == k
    why = told["metadata"]["index"]["k_chosen"]
    assert why["questions"] == len(places)
    expected = {str(c): round(100 * sum(p <= c for p in places) / len(places), 1) for c in (1, 2, 3, 5, 8)}
    assert why["recall"] == expected
    assert (why["file"], why["sha256"]) == ("mine_val.jsonl", file_sha256(folder / "mine_val.jsonl"))
    assert f"k = {k}: the smallest k" in " ".join(done.output.split())
    manifest = json.loads((folder / "out.manifest.json").read_text("utf-8"))
    assert manifest["options"]["k"] == k
    assert manifest["inputs"]["validation"]["sha256"] == why["sha256"]


def test_passages_that_do_not_fit_the_context_are_not_found(tmp_path: Path, make_model: Any) -> None:
    folder = work(tmp_path, [1, 1, 8, 8])
    small = make_model("short", max_position_embeddings=120)
    done = call(evaluate, folder, small, "--arms", "base,rag", "-k", "auto")
    assert done.exit_code == 0, done.output
    told = json.loads((folder / "out_rag.json").read_text("utf-8"))["metadata"]["index"]
    assert (told["k"], told["k_chosen"]["recall"]["8"]) == (1, 50.0)
    assert "index" not in json.loads((folder / "out_base.json").read_text("utf-8"))["metadata"]


def test_what_is_asked_in_vain_is_refused(tmp_path: Path, tiny_model: Path) -> None:
    folder = work(tmp_path, [1])
    other = folder / "other.jsonl"
    write_jsonl(other, [question("outil", None)])
    for more, says in [
        (("--validation", str(other)), "add -k auto"),
        (("-k", "auto", "--validation", str(other)), "no question names a passage"),
        (("-k", "many"), "is not a valid integer"),
        (("-k", "0"), "is not in the range"),
    ]:
        done = call(evaluate_rag, folder, tiny_model, *more)
        problem = done.exception
        told = f"{problem.message} {problem.hint}" if isinstance(problem, UsageError) else done.output
        assert done.exit_code != 0
        assert says in told
    (folder / "mine_val.jsonl").unlink()
    done = call(evaluate_rag, folder, tiny_model, "-k", "auto")
    assert isinstance(done.exception, UsageError)
    assert "there is no mine_val.jsonl" in done.exception.message
    assert not (folder / "out").exists()
