"""Learning rate, passes and rank against held-out questions: where the defaults of the trainer `lora` come from.

    python benchmarks/sweep.py documents.jsonl --output docs/sweep

Makes one set of training rows, then trains and measures a model for each cell of two grids: learning rate by passes at
rank 16, and rank at one learning rate and number of passes. Measured is the normalised exact match on the recall
questions (trained facts, in words that training never saw), with its 95 % interval by document.

A cell that is done is not done again: each is a line of sweep.jsonl in --output. `sweep.svg` draws them, `sweep.md`
is the table.
"""

from __future__ import annotations

import argparse
import json
import math
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from turns import machine, machine_table

from dyag_core.artifacts import atomic_text, read_jsonl, to_json, write_jsonl

RATES = (2e-4, 5e-4, 1e-3, 2e-3, 4e-3)
EPOCHS = (1, 2, 4)
RANKS = (4, 8, 16, 32, 64)
RANK = 16


@dataclass(frozen=True)
class Cell:
    """One model to train."""

    rate: float
    epochs: int
    rank: int


def make_data(arguments: argparse.Namespace, folder: Path) -> tuple[Path, Path]:
    """Training rows and, of the test rows, the recall questions."""
    from dyag_core import Session

    data = Session(folder).generate(
        arguments.documents,
        method=arguments.method,
        count=arguments.count,
        split=(60.0, 10.0, 30.0),
        output=folder / "data.jsonl",
        min_yield=0,
    )
    rows = _rows(data.test)
    recall = folder / "recall.jsonl"
    write_jsonl(recall, (row for row in rows if row["meta"]["stratum"] == "recall"))
    return data.train, recall


def measure(cell: Cell, train: Path, questions: Path, base_model: str, work: Path) -> dict[str, Any]:
    """Train the cell's model and ask it the questions."""
    from dyag_core import Session

    session = Session(work)
    options = {"learning_rate": cell.rate, "rank": cell.rank, "alpha": 2 * cell.rank, "patience": 0}
    model = session.finetune(train, base_model=base_model, epochs=cell.epochs, resume="never", options=options)
    results = session.evaluate(questions, arms=["finetuned"], model=model)
    summary = json.loads(results.files["finetuned"].read_text(encoding="utf-8"))["metrics"]["summaries"]["exact_match"]
    shutil.rmtree(model.folder.parent)
    return asdict(cell) | {
        "exact_match": summary["mean"],
        "low": summary["low"],
        "high": summary["high"],
        "questions": summary["n"],
        "examples": model.examples,
        "seconds": model.seconds,
        "final_loss": model.final_loss,
        "validation_loss": model.validation_loss,
    }


def draw(rows: list[dict[str, Any]], best: Cell, path: Path) -> None:
    """Exact match against the learning rate, a line for each number of passes; and against the rank."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "dyag"  # the same picture, byte for byte, from the same rows
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(10, 4), width_ratios=(3, 2), sharey=True)
    for epochs, colour in zip(sorted({row["epochs"] for row in rows}), ("#8ecae6", "#219ebc", "#023047"), strict=False):
        line = sorted((row for row in rows if row["epochs"] == epochs and row["rank"] == RANK), key=lambda r: r["rate"])
        left.errorbar(*_points(line, "rate"), color=colour, marker="o", capsize=3, label=f"{epochs} passes")
    left.set(xscale="log", xlabel="peak learning rate", ylabel="recall questions answered exactly, %", ylim=(-3, 103))
    left.legend()
    ranks = [row for row in rows if row["rate"] == best.rate and row["epochs"] == best.epochs]
    right.errorbar(*_points(sorted(ranks, key=lambda row: row["rank"]), "rank"), color="#fb8500", marker="o", capsize=3)
    right.set(xscale="log", xlabel=f"rank (rate {best.rate:g}, {best.epochs} passes)")
    right.set_xticks(RANKS, [str(rank) for rank in RANKS], minor=False)
    right.minorticks_off()
    for axis in (left, right):
        axis.grid(alpha=0.3)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})


def _points(rows: list[dict[str, Any]], key: str) -> tuple[list[float], list[float], list[list[float]]]:
    """x, y and the intervals' arms below and above, as matplotlib wants them."""
    y = [row["exact_match"] for row in rows]
    arms = [[row["exact_match"] - row["low"] for row in rows], [row["high"] - row["exact_match"] for row in rows]]
    return [row[key] for row in rows], y, arms


def markdown(rows: list[dict[str, Any]], base_model: str) -> str:
    """The cells as a table, the best first."""
    lines = [
        f"# {base_model}: {rows[0]['examples']} examples, {rows[0]['questions']} recall questions",
        "",
        machine_table(machine()),
        "",
        "| learning rate | passes | rank | exact match (95 % interval) | training, s | final loss | validation loss |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in sorted(rows, key=lambda row: (-row["exact_match"], row["seconds"])):
        lines.append(
            f"| {row['rate']:g} | {row['epochs']} | {row['rank']} | {row['exact_match']:.1f} % "
            f"({row['low']:.0f} to {row['high']:.0f}) | {row['seconds']:.0f} | {row['final_loss']:.3f} | "
            f"{math.nan if row['validation_loss'] is None else row['validation_loss']:.3f} |"
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    """Run what is missing, draw and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("documents", type=Path)
    parser.add_argument("--base-model", default="smollm2:135m")
    parser.add_argument("--method", default="augmented")
    parser.add_argument("--count", type=int, default=400)
    parser.add_argument("--rates", type=float, nargs="+", default=list(RATES))
    parser.add_argument("--epochs", type=int, nargs="+", default=list(EPOCHS))
    parser.add_argument("--ranks", type=int, nargs="*", default=list(RANKS))
    parser.add_argument(
        "--best", type=float, nargs=2, metavar=("RATE", "EPOCHS"), default=(1e-3, 2), help="for --ranks"
    )
    parser.add_argument("--work", type=Path, default=Path("sweep-work"), help="for data and models")
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results"))
    arguments = parser.parse_args()
    best = Cell(arguments.best[0], int(arguments.best[1]), RANK)
    cells = [Cell(rate, epochs, RANK) for epochs in arguments.epochs for rate in arguments.rates]
    cells += [Cell(best.rate, best.epochs, rank) for rank in arguments.ranks]
    train, questions = make_data(arguments, arguments.work)
    done = arguments.output / "sweep.jsonl"
    arguments.output.mkdir(parents=True, exist_ok=True)
    for cell in dict.fromkeys(cells):
        rows = _rows(done)
        if not any(asdict(cell).items() <= row.items() for row in rows):
            row = measure(cell, train, questions, arguments.base_model, arguments.work)
            with done.open("a", encoding="utf-8") as handle:
                handle.write(to_json(row) + "\n")
            print(row, flush=True)
    rows = _rows(done)
    draw(rows, best, arguments.output / "sweep.svg")
    atomic_text(arguments.output / "sweep.md", markdown(rows, arguments.base_model))


def _rows(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    return [row for _, row in read_jsonl(path) if isinstance(row, dict)]


if __name__ == "__main__":
    main()
