"""How well abstention is told: precision and recall on labelled answers, half of them never tuned on.

    python benchmarks/abstention.py            # the table of docs/metrics.md
    python benchmarks/abstention.py --wrong    # and each answer that is told wrongly

An answer of tests/data/abstentions.jsonl is labelled by what a person says of it: does it say that it doesn't know, and
give nothing instead? The wordings were written down before the rule; neighbours in the file went to different halves,
and the rule was tuned on one.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from dyag_core.api import abstains

LABELLED = Path(__file__).parent.parent / "tests" / "data" / "abstentions.jsonl"


def main() -> None:
    """Print the table."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--wrong", action="store_true", help="print the answers that are told wrongly")
    show = arguments.parse_args().wrong
    rows = [json.loads(line) for line in LABELLED.read_text("utf-8").splitlines()]
    print(f"{'half':10}{'answers':>9}{'refusals':>10}{'precision':>11}{'recall':>9}")
    for half in ("tuned", "held_out"):
        told = [(row, says(row)) for row in rows if row["half"] == half]
        right = sum(row["abstains"] and said for row, said in told)
        refusals, counted = sum(row["abstains"] for row, _ in told), sum(said for _, said in told)
        print(f"{half:10}{len(told):9}{refusals:10}{right / counted:11.1%}{right / refusals:9.1%}")
        for row, said in told if show else ():
            if row["abstains"] != said:
                print(f"    {'counted' if said else 'missed'}: {row['answer']}")


def says(row: dict[str, object]) -> bool:
    """What the rule says of a labelled answer."""
    return abstains(str(row["answer"]), str(row["question"]), truncated=row.get("truncated") is True)


if __name__ == "__main__":
    main()
