"""What a search index costs as it grows: building, opening, asking, and bringing it up to date.

    python benchmarks/scale.py                                  # 10k, 100k and 1M chunks
    python benchmarks/scale.py --sizes 1000 10000 --output out

Chunks are 100 words each, drawn with Zipf's frequencies (exponent 1.1) from 500,000 words of which the most frequent
are the English stopwords; seeded, one document a chunk. A question is eight words in a row from one of the chunks. For
the update every hundredth document gets another text. (Real text has fewer rare words: its vocabulary is smaller.)

Each step has a process of its own on one thread. Times are processor seconds, imports left out, so that neighbours on
the machine count less; memory is the process's peak (resident), all that is mapped and touched included. `first` is a
question asked of a freshly opened index, when parts of it are checked and read from the disk cache for the first time.

Prints a table; writes scale.md, scale.json and scale.svg into --output after each size.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

SIZES = (10_000, 100_000, 1_000_000)
WORDS, VOCABULARY, EXPONENT = 100, 500_000, 1.1
QUESTIONS, ASKED_WORDS, K = 100, 8, 5
STOPWORDS = (
    "the of and to in a is that it was for on are with as be at by this have from or had not but what all were when we"
    " there can an your which their if do will each how them then she he his"
).split()
SYLLABLES = "ba co di fer gu han il jo ka lem mi nor ou pra qui res sto tar ul ven wi xa yl zo".split()
STEPS = ("index", "open", "first", "question", "update")
SAID = {
    "index": "build, s",
    "open": "open, s",
    "first": "first question, ms",
    "question": "a question, ms",
    "update": "update, s",
}


def write_documents(path: Path, count: int, changed: int = 0) -> None:
    """`count` documents of a chunk each; with `changed`, every so-manieth has another text."""
    import numpy as np

    words = np.array([*STOPWORDS, *map(_word, range(1, VOCABULARY - len(STOPWORDS) + 1))], dtype=object)
    frequencies = (np.arange(VOCABULARY) + 2.7) ** -EXPONENT
    cumulated = np.cumsum(frequencies / frequencies.sum())
    draw, redraw = np.random.default_rng(7), np.random.default_rng(8)
    with path.open("w", encoding="utf-8") as handle:
        for start in range(0, count, 10_000):
            size = min(10_000, count - start)
            drawn = np.searchsorted(cumulated, draw.random((size, WORDS)))
            if changed:
                drawn[::changed] = np.searchsorted(cumulated, redraw.random(drawn[::changed].shape))
            for number, row in enumerate(drawn, start):
                name = f"doc-{number:07}"
                document = {"id": f"{name}#1", "content": " ".join(words[row]), "metadata": {"id": name}}
                handle.write(json.dumps(document) + "\n")


def _word(number: int) -> str:
    letters = ""
    while number:
        number, syllable = divmod(number, len(SYLLABLES))
        letters += SYLLABLES[syllable]
    return letters


def build(folder: Path, *, update: bool = False) -> dict[str, float]:
    """Index the documents in `folder`."""
    from dyag_core import Session
    from dyag_plugins.retrievers import bm25  # noqa: F401 - imported before the clock starts

    session = Session(folder)
    seconds, made = _timed(lambda: session.index(folder / "documents.jsonl", output=folder / "x.index", update=update))
    size = sum(file.stat().st_size for file in made.folder.rglob("*") if file.is_file())
    return {"update" if update else "index": seconds, "size_mb": size / 1e6}


def ask(folder: Path) -> dict[str, float]:
    """Open the index in `folder` and ask."""
    import bm25s  # noqa: F401 - imported before the clock starts
    import numpy as np
    import Stemmer  # noqa: F401

    from dyag_core.plugin.host import Plugins
    from dyag_core.plugin.run import Run
    from dyag_core.retrieval.index import open_index

    plugins = Plugins()
    run = Run(stage="query", folder=folder, plugins=plugins)
    plugins.choose("retrievers", "bm25", {})
    opening, index = _timed(lambda: open_index(folder / "x.index", plugins=plugins, run=run))
    rng = np.random.default_rng(1)
    questions = []
    for place in rng.choice(len(index.chunks), QUESTIONS, replace=False).tolist():
        words, start = index.chunks[place].text.split(), int(rng.integers(0, WORDS - ASKED_WORDS))
        questions.append(" ".join(words[start : start + ASKED_WORDS]))
    first, again = (
        [_timed(lambda question=question: index.search([question], K))[0] * 1000 for question in questions]  # type: ignore[misc]
        for _ in range(2)
    )
    return {
        "open": opening,
        "first": float(np.median(first)),
        "question": float(np.median(again)),
        "question_95": float(np.percentile(again, 95)),
    }


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    start = time.process_time()
    done = work()
    return time.process_time() - start, done


def measure(step: str, folder: Path) -> dict[str, float]:
    """One step, in this process."""
    found = ask(folder) if step == "ask" else build(folder, update=step == "update")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)
    return {**found, f"{step}_mb": peak}


def slope(runs: list[dict[str, float]], key: str) -> float:
    """The exponent of growth, by least squares of the logarithms: 1 is linear."""
    xs, ys = ([math.log(run[name]) for run in runs] for name in ("chunks", key))
    x, y = sum(xs) / len(xs), sum(ys) / len(ys)
    return sum((a - x) * (b - y) for a, b in zip(xs, ys, strict=True)) / sum((a - x) ** 2 for a in xs)


def table(runs: list[dict[str, float]]) -> str:
    """Markdown, a row a size."""
    lines = [
        f"| chunks | {' | '.join(SAID.values())} | 95 % of questions, ms | index, MB | memory to build, MB"
        " | to ask, MB | to update, MB |",
        "|" + "---:|" * (len(SAID) + 6),
    ]
    for run in runs:
        times = [f"{run['index']:.1f}", f"{run['open']:.2f}", f"{run['first']:.1f}", f"{run['question']:.1f}"]
        times += [f"{run['update']:.1f} ({run['update'] / run['index']:.0%})".replace("%", " %")]
        sizes = [f"{run[f'{step}_mb']:,.0f}" for step in ("size", "index", "ask", "update")]
        lines.append(f"| {run['chunks']:,} | " + " | ".join([*times, f"{run['question_95']:.1f}", *sizes]) + " |")
    if len(runs) > 1:
        slopes = [f"{slope(runs, step):.2f}" for step in STEPS]
        lines.append(f"| exponent of growth | {' | '.join(slopes)} | {slope(runs, 'question_95'):.2f} |" + " |" * 4)
    return "\n".join(lines) + "\n"


def figure(runs: list[dict[str, float]], path: Path) -> None:
    """Times and memory against chunks, log-log, with the exponents of growth."""
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    pyplot.rcParams |= {"svg.hashsalt": "dyag", "svg.fonttype": "none", "font.size": 10}
    drawing, (left, right) = pyplot.subplots(1, 2, figsize=(9, 3.8), layout="constrained")
    chunks = [run["chunks"] for run in runs]

    def grown(name: str, key: str) -> str:
        return f"{name} ({slope(runs, key):.2f})" if len(runs) > 1 else name

    for step, name, thousandth in (
        ("index", "build", 1),
        ("update", "update, 1 % changed", 1),
        ("open", "open", 1),
        ("question", "a question", 1000),
    ):
        left.loglog(chunks, [run[step] / thousandth for run in runs], "o-", label=grown(name, step))
    for step, name in (("index", "build"), ("update", "update"), ("ask", "open and ask")):
        right.loglog(chunks, [run[f"{step}_mb"] for run in runs], "o-", label=grown(name, f"{step}_mb"))
    right.axhline(1500, ls="--", color="#999999", label="1,500 MB")
    left.set(xlabel="chunks of 100 words", ylabel="processor seconds", title="time (exponent of growth)")
    right.set(xlabel="chunks of 100 words", ylabel="MB", title="peak memory (exponent of growth)", ylim=(50, 3000))
    for axes in (left, right):
        axes.grid(visible=True, which="major", alpha=0.3)
        axes.legend(frameon=False, fontsize=8)
    drawing.savefig(path, metadata={"Date": None})
    pyplot.close(drawing)


def main() -> None:
    """Write the documents here, measure each step in another process, for every size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", nargs="*", type=int, default=list(SIZES), help="chunks")
    parser.add_argument("--output", type=Path, default=Path("results"))
    parser.add_argument("--step", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.step:
        print(json.dumps(measure(arguments.step[0], Path(arguments.step[1]))))
        return
    arguments.output.mkdir(parents=True, exist_ok=True)
    one_thread = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL")}
    runs: list[dict[str, float]] = []
    for size in arguments.sizes:
        run: dict[str, float] = {"chunks": size}
        with tempfile.TemporaryDirectory() as folder:
            for step in ("index", "ask", "update"):
                if step != "ask":
                    write_documents(Path(folder) / "documents.jsonl", size, changed=100 if step == "update" else 0)
                command = [sys.executable, __file__, "--step", step, folder]
                done = subprocess.run(command, env=os.environ | one_thread, check=True, stdout=subprocess.PIPE)
                run |= json.loads(done.stdout)
        runs.append(run)
        (arguments.output / "scale.md").write_text(table(runs), encoding="utf-8")
        (arguments.output / "scale.json").write_text(json.dumps(runs, indent=2) + "\n", encoding="utf-8")
        figure(runs, arguments.output / "scale.svg")
    print(table(runs), end="")


if __name__ == "__main__":
    main()
