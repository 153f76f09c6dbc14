"""Which search finds the right document: recall, mean reciprocal rank and time of bm25, dense and hybrid, side by side.

    python benchmarks/retrieval.py examples/dyag_samples/catalogue.fr.jsonl benchmarks/questions/catalogue.fr.jsonl

Questions are lines of {"question", "documents": [ids or names of documents that are right]}, or rows that
`generate-training` made, whose passage is known. A question is found at the rank of the first passage of a right
document. Intervals are 95 %, by document; `against bm25` is the paired difference of the mean reciprocal ranks.

A search is named as `bm25`, `dense:ENCODER`, `hybrid:ENCODER`. Each has a process of its own, on one thread. Indexing
counts from the loading of the encoder, not from its download.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import resource
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dyag_core.artifacts import read_jsonl
from dyag_core.chat.questions import read_questions
from dyag_core.evaluation.stats import clustered_interval, paired_interval

SEARCHES = ("bm25", "dense:minilm", "dense:usem", "hybrid:minilm", "hybrid:usem")
RANKS = (1, 3, 5, 10)
DEPTH = 100


@dataclass(frozen=True)
class Measured:
    """One search: what it found, and what it cost."""

    name: str
    ranks: list[int | None]
    chunks: int
    indexing: float
    searching: float
    megabytes: float


def questions_of(path: Path) -> list[tuple[str, list[str]]]:
    """Questions, and the ids or names that a right passage may go by."""
    rows = [row for _, row in read_jsonl(path) if isinstance(row, dict)]
    if rows and "documents" in rows[0]:
        return [(row["question"], row["documents"]) for row in rows]
    return [(one.question, list(one.chunks)) for one in read_questions(path, None) if one.chunks]


def measure(name: str, documents: Path, questions: list[tuple[str, list[str]]]) -> Measured:
    """Index and search, in this process."""
    from dyag_core import Session
    from dyag_core.models.sources import locate
    from dyag_core.plugin.host import Plugins
    from dyag_core.plugin.run import Run
    from dyag_core.retrieval.index import open_index
    from dyag_plugins.encoders import encoder_preset

    kind, _, encoder = name.partition(":")
    options: dict[str, Any] = {"model": encoder} if encoder else {}
    if encoder:
        locate(encoder_preset(encoder))
    with tempfile.TemporaryDirectory() as work:
        start = time.perf_counter()
        made = Session(work).index(
            documents, retriever=kind, options={"options": {"dense": options}} if kind == "hybrid" else options
        )
        indexing = time.perf_counter() - start
        index = open_index(made.folder, plugins=Plugins(), run=Run(stage="query", folder=Path(work), plugins=Plugins()))
        index.search([questions[0][0]], DEPTH)  # loads the encoder
        start = time.perf_counter()
        found = [index.search([question], DEPTH)[0] for question, _ in questions]
        searching = time.perf_counter() - start

    known = {one for chunk in index.chunks for one in (chunk.id, chunk.metadata.get("document"))}
    for question, right in questions:
        if not known & set(right):
            raise SystemExit(f"no document here is among {right}, which {question!r} asks for")
    ranks = [
        next(
            (
                rank
                for rank, hit in enumerate(hits, 1)
                if {hit.chunk.id, hit.chunk.metadata.get("document")} & set(right)
            ),
            None,
        )
        for hits, (_, right) in zip(found, questions, strict=True)
    ]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)
    return Measured(name, ranks, len(index.chunks), indexing, searching / len(questions), peak)


def table(all_measured: list[Measured], questions: list[tuple[str, list[str]]]) -> str:
    """Markdown, a row a search."""
    documents = [right[0] for _, right in questions]
    reciprocal = {one.name: [1 / rank if rank else 0.0 for rank in one.ranks] for one in all_measured}
    first = all_measured[0].name
    lines = [
        f"{len(questions)} questions, {all_measured[0].chunks} passages",
        "",
        "| search | " + " | ".join(f"recall@{k}" for k in RANKS)
        + f" | MRR | MRR against {first} | indexing, s | a question, ms | peak memory, MB |",
        "|" + "---|" * (len(RANKS) + 6),
    ]  # fmt: skip
    for one in all_measured:
        cells = []
        for k in RANKS:
            rate = clustered_interval([float(rank is not None and rank <= k) for rank in one.ranks], documents)
            cells.append(f"{rate.mean:.1%} ({rate.low * 100:.0f} to {rate.high * 100:.0f})".replace("%", " %"))
        mean = clustered_interval(reciprocal[one.name], documents)
        cells.append(f"{mean.mean:.3f} ({mean.low:.2f} to {mean.high:.2f})")
        paired = paired_interval(reciprocal[one.name], reciprocal[first], documents)
        cells.append("" if one.name == first else f"{paired.difference:+.3f} ({paired.low:+.2f} to {paired.high:+.2f})")
        cells += [f"{one.indexing:.1f}", f"{one.searching * 1000:.1f}", f"{one.megabytes:.0f}"]
        lines.append(f"| {one.name} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure one search after the other."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("documents", type=Path)
    parser.add_argument("questions", type=Path)
    parser.add_argument("--searches", nargs="+", default=SEARCHES)
    arguments = parser.parse_args()
    questions = questions_of(arguments.questions)
    os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = "1"
    fresh = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=fresh, max_tasks_per_child=1) as pool:
        done = [pool.submit(measure, name, arguments.documents, questions).result() for name in arguments.searches]
    print(table(done, questions), end="")


if __name__ == "__main__":
    main()
