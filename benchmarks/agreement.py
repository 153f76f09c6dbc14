"""How well `success` and abstention agree with a person, on labelled answers of which half were never tuned on.

    python benchmarks/agreement.py            # the tables of docs/metrics.md
    python benchmarks/agreement.py --wrong    # and each answer that is told otherwise

The answers in tests/data/ were written down and labelled before the rules were tried on them. Both parts hold the same
kinds; the rules were tuned on one and never on the other. What is mended for an answer of it moves to the tuned ones.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from dyag_core import Prediction, Run
from dyag_core.api import abstains
from dyag_core.plugin.host import Plugins

DATA = Path(__file__).parent.parent / "tests" / "data"


def main() -> None:
    """Print both tables."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--wrong", action="store_true", help="print the answers that are told otherwise")
    wrong = arguments.parse_args().wrong
    print(f"{'abstention':12}{'answers':>9}{'refusals':>10}{'precision':>11}{'recall':>9}")
    for half, rows in halves("abstentions.jsonl"):
        said = [abstains(row["answer"], row["question"], truncated=row.get("truncated", False)) for row in rows]
        told = list(zip(rows, said, strict=True))
        right = sum(row["abstains"] and counted for row, counted in told)
        refusals = sum(row["abstains"] for row in rows)
        print(f"{half:12}{len(rows):9}{refusals:10}{right / sum(said):11.1%}{right / refusals:9.1%}")
        if wrong:
            show((row["answer"], counted) for row, counted in told if counted != row["abstains"])
    print(f"\n{'success':12}{'pairs':>9}{'right':>10}{'agreement':>11}{'accepted wrongly':>18}")
    for half, rows in halves("success_pairs.jsonl"):
        told = list(zip(rows, succeeded(rows), strict=True))
        agreed = sum(row["success"] == counted for row, counted in told)
        wrongly = sum(counted and not row["success"] for row, counted in told)
        print(f"{half:12}{len(rows):9}{sum(r['success'] for r in rows):10}{agreed / len(rows):11.1%}{wrongly:18}")
        if wrong:
            show((f"{r['expected']} | {r['answer']}", counted) for r, counted in told if counted != r["success"])


def halves(name: str) -> list[tuple[str, list[dict[str, Any]]]]:
    """The rows of a labelled file by half."""
    rows = [json.loads(line) for line in (DATA / name).read_text("utf-8").splitlines()]
    return [(half, [row for row in rows if row["half"] == half]) for half in ("tuned", "held_out")]


def succeeded(rows: list[dict[str, Any]]) -> list[bool]:
    """What `success` says of each pair."""
    plugins = Plugins()
    pairs = [
        Prediction(id=str(i), question=row["question"], expected=row["expected"], answer=row["answer"])
        for i, row in enumerate(rows)
    ]
    run = Run(stage="evaluate", folder=Path(), plugins=plugins)
    result = plugins.score(plugins.choose("metrics", "success"), pairs, run)
    assert result is not None
    return [item == 1 for item in result.items]


def show(told: Any) -> None:
    """Answers that are told otherwise than they are labelled, and how."""
    for answer, counted in told:
        print(f"    {'counted' if counted else 'not counted'}: {answer!r}")


if __name__ == "__main__":
    main()
