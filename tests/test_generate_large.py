"""A long run of generate-training: rows grow while it runs, a kill costs nothing that was there, memory stays small."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dyag_core import Example, Session, hookimpl
from dyag_core.dataset.batching import batches
from dyag_core.progress import Throttled

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"


def write_documents(path: Path, number: int) -> Path:
    with path.open("w", encoding="utf-8") as handle:
        for n in range(number):
            content = f"# Outil {n}\n\n- Licence: MIT {n}\n- Éditeur: Ville {n}\n- Statut: en production"
            row = {"id": f"c{n}", "content": content, "metadata": {"id": f"d{n}", "nom": f"Outil {n}"}}
            handle.write(json.dumps(row, ensure_ascii=False) + "\n")
    return path


def command(source: Path, output: Path, *more: str) -> list[str]:
    start = [sys.executable, "-m", "dyag_core.cli", "generate-training", str(source), "--method", "rule"]
    return [*start, "--lang", "fr", "--output", str(output), *more]


def growing(folder: Path) -> list[Path]:
    return [file for file in folder.glob(".x*.tmp") if file.stat().st_size]


def test_rows_grow_while_it_runs_and_a_kill_leaves_the_old_file(tmp_path):
    small, large = write_documents(tmp_path / "small.jsonl", 20), write_documents(tmp_path / "large.jsonl", 50_000)
    output = tmp_path / "x.jsonl"
    subprocess.run(command(small, output, "--split"), check=True, capture_output=True, timeout=60)
    before = {file.name: file.read_bytes() for file in tmp_path.glob("x*")}
    process = subprocess.Popen(command(large, output, "--split"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        end = time.monotonic() + 60
        while len(growing(tmp_path)) < 2 and time.monotonic() < end:
            assert process.poll() is None
            time.sleep(0.05)
        assert len(growing(tmp_path)) >= 2  # all rows, and those of training
    finally:
        process.kill()
        process.wait()
    assert {file.name: file.read_bytes() for file in tmp_path.glob("x*")} == before
    assert growing(tmp_path)
    subprocess.run(command(small, output, "--split"), check=True, capture_output=True, timeout=60)
    assert {file.name: file.read_bytes() for file in tmp_path.glob("x*")} == before
    assert not list(tmp_path.glob(".x*.tmp"))  # what the killed run left is gone


class Recorder:
    def __init__(self) -> None:
        self.drawn: list[tuple[float, dict[str, object]]] = []

    def advance(self, steps: float = 1, **shown: object) -> None:
        self.drawn.append((steps, shown))


def test_progress_is_drawn_seldom_and_counts_every_row():
    task = Recorder()
    with Throttled(task, "rows") as paced:
        for number in range(10_000):
            paced.advance(compared=number)
    assert sum(steps for steps, _ in task.drawn) == 10_000
    assert len(task.drawn) < 100
    assert task.drawn[-1][1]["compared"] == 9_999
    assert task.drawn[-1][1]["rows/s"] > 0


@pytest.mark.parametrize(("corpus", "size"), [("catalogue", 1500), ("procedures", 4500)])
def test_the_benchmark_shows_memory_that_hardly_grows(tmp_path, corpus, size):
    # The report samples 5,000 questions; from this size on the sample is full.
    arguments = ["--corpora", corpus, "--sizes", str(size), str(2 * size), "--output", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, str(BENCHMARKS / "generate.py"), *arguments], check=True, capture_output=True, timeout=120
    )
    runs = json.loads((tmp_path / "generate.json").read_text("utf-8"))["runs"]
    small, large = runs[f"{corpus}, {size:,}"], runs[f"{corpus}, {2 * size:,}"]
    assert (small["chunks"], large["chunks"]) == (size, 2 * size)
    assert 1.8 < large["rows"] / small["rows"] < 2.2
    assert large["first_row_seconds"] < large["seconds"]
    assert large["peak_memory_mb"] - small["peak_memory_mb"] < 15  # for as many chunks more
    assert (tmp_path / "generate.svg").read_text("utf-8").lstrip().startswith("<?xml")
    assert (tmp_path / "generate.md").read_text("utf-8") == done.stdout.decode("utf-8")


def test_leaks_benchmark_finds_every_planted_leak(tmp_path):
    arguments = ["--train", "400", "--test", "200", "--only", "exact", "--output", str(tmp_path)]
    subprocess.run([sys.executable, str(BENCHMARKS / "leaks.py"), *arguments], check=True, timeout=120)
    run = json.loads((tmp_path / "leaks.json").read_text("utf-8"))["runs"]["exact"]
    assert run["found"] == run["planted"] >= 10


def test_what_comes_fast_is_taken_in_batches_and_what_comes_slowly_at_once():
    taken = list(batches(iter(range(1000)), 256))
    assert [number for batch in taken for number in batch] == list(range(1000))
    assert max(map(len, taken)) <= 256

    def slow():
        for number in range(3):
            time.sleep(0.06)
            yield number

    assert list(batches(slow(), 256)) == [[0], [1], [2]]
    assert list(batches(iter("abc"), 1)) == [["a"], ["b"], ["c"]]
    assert list(batches(iter(()), 8)) == []


def test_no_example_that_costs_is_made_that_a_count_does_not_need(tmp_path):
    class Counting:
        name = "counting"
        made = 0

        @hookimpl
        def dyag_generate(self, documents):
            for document in documents:
                self.made += 1
                yield Example(question=f"Who holds {document.title}?", answer="Ville", document=document)

        @hookimpl
        def dyag_estimate_generation(self):
            return None  # what can say what it costs, costs

    counting = Counting()
    source = write_documents(tmp_path / "d.jsonl", 20)
    made = Session(tmp_path, plugins=[counting]).generate(source, method="counting", count=5)
    assert (made.written, counting.made) == (5, 5)
