"""Answers that people have marked, and how far a judge says the same."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dyag_core import Prediction, UsageError
from dyag_core.api import BadLine, fold, read_jsonl

_LABELS = {
    **dict.fromkeys(("1", "true", "yes", "oui", "right", "correct", "juste", "vrai"), True),
    **dict.fromkeys(("0", "false", "no", "non", "wrong", "incorrect", "faux"), False),
}


@dataclass(frozen=True)
class Label:
    """A person's verdict on the answer to the question `id`; on every arm's, or only on this `answer`."""

    id: str
    right: bool
    answer: str | None

    def is_about(self, prediction: Prediction) -> bool:
        """Whether it was given for this answer."""
        return self.id == prediction.id and (self.answer is None or self.answer.split() == prediction.answer.split())


def read_labels(path: Path) -> list[Label]:
    """Rows `id`, `label` (1 or 0, yes or no, right or wrong, in French too) and, if need be, `answer`; JSONL or CSV.

    Raises:
        UsageError: a row that can't be used, by its line; or there are none.
    """
    labels = []
    for line, row in _rows(path):
        label = fold(str(row.get("label"))).strip()
        if row.get("id") is None or label not in _LABELS:
            raise UsageError(
                f"{path}: line {line} is no label: {str(row)[:200]}",
                "each row has an id and a label: 1 or 0, yes or no, right or wrong",
            )
        answer = row.get("answer")
        labels.append(Label(str(row["id"]), _LABELS[label], str(answer) if answer else None))
    if not labels:
        raise UsageError(f"{path}: no labels in it", "each row has an id and a label")
    return labels


def _rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    if path.suffix.lower() == ".csv":
        with path.open(encoding="utf-8-sig", newline="") as handle:
            rows = csv.DictReader(handle, delimiter=max(",;\t", key=handle.readline().count))
            handle.seek(0)
            yield from ((rows.line_num, row) for row in rows)
        return
    for line, row in read_jsonl(path):
        yield line, {"label": row.reason} if isinstance(row, BadLine) else row


def agreement(
    predictions: Sequence[Prediction], verdicts: Sequence[bool | None], labels: Sequence[Label]
) -> dict[str, Any]:
    """How far verdicts are those of people: `labelled` answers, `agreement` in percent of them, Cohen's `kappa`.

    An unjudged answer agrees with nobody, so it lowers the agreement; kappa is over those that both have judged. Both
    are None where nothing is labelled, kappa also where either side always says the same.
    """
    by_id: dict[str, list[Label]] = {}
    for label in labels:
        by_id.setdefault(label.id, []).append(label)
    pairs = [
        (verdict, label.right)
        for prediction, verdict in zip(predictions, verdicts, strict=True)
        for label in by_id.get(prediction.id, ())
        if label.is_about(prediction)
    ]
    agreed = sum(verdict == right for verdict, right in pairs)
    return {
        "labelled": len(pairs),
        "agreement": round(100 * agreed / len(pairs), 1) if pairs else None,
        "kappa": _kappa([(verdict, right) for verdict, right in pairs if verdict is not None]),
    }


def _kappa(pairs: Sequence[tuple[bool, bool]]) -> float | None:
    """Agreement beyond chance: (observed - expected) / (1 - expected)."""
    n = len(pairs)
    if not n:
        return None
    observed = sum(a == b for a, b in pairs) / n
    yes_a, yes_b = sum(a for a, _ in pairs) / n, sum(b for _, b in pairs) / n
    expected = yes_a * yes_b + (1 - yes_a) * (1 - yes_b)
    return None if expected == 1 else round((observed - expected) / (1 - expected), 3)
