"""How the questions about one document were made."""

from __future__ import annotations

from collections import Counter

from dyag_core.records.base import Record

_COLUMNS = ("where", "rule", "attribute", "value", "kind", "template", "question", "answer")
_WIDEST = 44


class ExplainedRow(Record):
    """One question from its place in the document to its answer. `value` None: the document doesn't tell.

    `refused` says why `generate-training` would not write it; `history` holds what was said before in a dialogue.
    """

    where: str
    rule: str
    attribute: str
    value: str | None
    kind: str
    template: str
    history: tuple[str, ...] = ()
    question: str
    answer: str
    refused: str | None = None


class Explanation(Record):
    """All questions that a generator makes about one document, in its order."""

    document: str
    title: str
    method: str
    lang: str
    rows: tuple[ExplainedRow, ...]

    def table_lines(self) -> list[str]:
        """The rows as an aligned table; long cells are cut."""
        cells = [_COLUMNS, *(_cells(row) for row in self.rows)]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        cells.insert(1, tuple("-" * width for width in widths))
        return ["  ".join(map(str.ljust, line, widths)).rstrip() for line in cells]

    def summary_lines(self) -> list[str]:
        """What was made, in words, and what to type next."""
        rules = ", ".join(f"{rule} {n}" for rule, n in Counter(row.rule for row in self.rows).most_common())
        return [
            f"{len(self.rows)} questions on {self.title!r} ({self.document}), method {self.method}: {rules or 'none'}",
            "without --count and --split all of them would be written, but for those marked as refused",
            "Next: the same command with --output FILE.jsonl instead of --explain",
        ]


def _cells(row: ExplainedRow) -> tuple[str, ...]:
    said = " / ".join([*row.history, row.question]) + (f" [refused: {row.refused}]" if row.refused else "")
    whole = (row.where, row.rule, row.attribute, row.value or "(not told)", row.kind, row.template, said, row.answer)
    lines = (" ".join(cell.split()) for cell in whole)
    limits = [_WIDEST] * 6 + [2 * _WIDEST, _WIDEST]
    return tuple(f"{c[: n - 1]}…" if len(c) > n else c for c, n in zip(lines, limits, strict=True))
