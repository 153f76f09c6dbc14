"""What a Markdown table states: of each row that names something, a value a column."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from dyag_core.api import TABLE_RULE, are_pairs, fold, is_total, layout_of, subject_column, turned

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_CELL_END = re.compile(r"(?<!\\)\|")
_BREAK = re.compile(r"\s*<br\s*/?>\s*", re.IGNORECASE)
#: What is longer is no name of anything.
_LONGEST_SUBJECT = 80


def table_facts(lines: Sequence[str], title: str, plain: Callable[[str], str]) -> Iterator[tuple[str, str, str]]:
    """(subject, label, value) of everything a table says; nothing where its layout leaves doubts.

    Left out are totals, what stands twice with different values, and columns without a name of their own.

    Args:
        title: what the document is about; a table of labels and values speaks of it.
        plain: takes the marks of Markdown from a name.
    """
    rows = [[_cell(cell) for cell in _cells(line)] for line in lines if not TABLE_RULE.match(line)]
    if len(rows) < 2:
        return
    width = len(rows[0])
    rows = [[*row, *[""] * (width - len(row))] for row in rows if len(row) <= width]  # more: a | that isn't escaped
    headed = len(lines) > 1 and bool(TABLE_RULE.match(lines[1]))
    layout = layout_of([[plain(cell) for cell in row] for row in rows], headed=headed or None)
    header, body = layout.header, rows[layout.first :]
    if are_pairs(header):
        yield from ((title, plain(row[0]), row[1]) for row in body if row[0])
        return
    if layout.turned:
        header, body = turned(header, body)
    body = [row for row in body if not is_total([plain(cell) for cell in row])]
    if layout.grouped:
        body = _carried(body)
    if not body:
        return
    names = Counter(map(fold, header))
    subject = subject_column(header, [[plain(cell) for cell in row] for row in body])
    called = Counter(fold(plain(row[subject])) for row in body)
    for row in body:
        name = plain(row[subject])
        if not name or called[fold(name)] > 1 or len(name) > _LONGEST_SUBJECT:
            continue
        for column, value in enumerate(row):
            if column != subject and header[column] and names[fold(header[column])] == 1:
                yield name, header[column], value


def _cells(line: str) -> list[str]:
    inner = line.strip().removeprefix("|")
    if inner.endswith("|") and not inner.endswith("\\|"):
        inner = inner[:-1]
    return _CELL_END.split(inner)


def _cell(text: str) -> str:
    """A cell on one line; what begins a new line with a capital or a number is another value."""
    said = ""
    for part in _BREAK.split(text.replace("\\|", "|").strip()):
        apart = ", " if part[:1].isupper() or part[:1].isdigit() else " "
        said = f"{said.rstrip(' ,;')}{apart}{part}" if said else part
    return said


def _carried(rows: Sequence[Sequence[str]]) -> list[list[str]]:
    """Rows with the group of each in its first cell."""
    group, carried = "", []
    for first, *others in rows:
        group = first or group
        carried.append([group, *others])
    return carried
