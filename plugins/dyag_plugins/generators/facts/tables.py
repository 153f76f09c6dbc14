"""What a Markdown table states: of each row that names something, a value a column."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from dyag_core.api import (
    TABLE_RULE,
    are_pairs,
    column_kind,
    fold,
    is_total,
    kind_of,
    layout_of,
    plain_text,
    subject_column,
    turned,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_CELL_END = re.compile(r"(?<!\\)\|")
_BREAK = re.compile(r"\s*<br\s*/?>\s*", re.IGNORECASE)
_CODE = re.compile(r"`[^`]+`|\w*_\w*|[\w/-]+\.[a-z]{1,4}")
#: Above names of columns, beside what they mean: that is no value of them.
_DICTIONARY = frozenset(
    "attribut attribute champ cle colonne column donnee field file fichier header key parameter parametre property"
    " propriete variable".split()
)
_MEANINGS = ("descri", "signif", "meaning", "explic", "explan")
_MOST_WORDS = 4
#: Above names of things, beside what they are.
_NAMES = frozenset("name nom term terme".split())
#: What is longer is no name of anything.
_LONGEST_SUBJECT = 80
#: Cells of these kinds are measured or given, never remarks.
_DATA = ("number", "date", "code")


class Cell(NamedTuple):
    """What a table says of `subject`, "" where that is what its document is about.

    `data`: the values of its column are numbers, dates or codes, so its label is that of an attribute, whatever it is.
    """

    subject: str
    label: str
    value: str
    data: bool


def cells_of(lines: Sequence[str]) -> list[list[str]]:
    """The cells of a table, header first; none where it has no row below its header.

    A row with fewer cells than the header has blank ones at its end; one with more is left out: a "|" in it isn't
    escaped, and nobody knows which.
    """
    rows = [[_cell(cell) for cell in _divided(line)] for line in lines if not TABLE_RULE.match(line)]
    width = len(rows[0]) if rows else 0
    cells = [[*row, *[""] * (width - len(row))] for row in rows if len(row) <= width]
    return cells if len(cells) > 1 else []


def table_facts(cells: Sequence[Sequence[str]]) -> Iterator[Cell]:
    """Everything a table says; nothing where its layout leaves doubts.

    Left out are totals, names that stand twice, columns without a name of their own, and tables that tell what the
    columns of others mean.
    """
    plain = [[plain_text(cell) for cell in row] for row in cells]
    layout = layout_of(plain, headed=True)
    header, body = layout.header, plain[layout.first :]
    if header and _is_dictionary(fold(header[0]), fold(header[-1])):
        return
    named = header and fold(header[0]) in _NAMES and fold(header[-1]).startswith("descri")
    if are_pairs(header) and not named:
        yield from (Cell("", row[0], row[1], kind_of(row[1]) in _DATA) for row in body if row[0])
        return
    if layout.turned and not named:
        header, columns = turned(header, body)
        body = [list(column) for column in columns]
    body = [row for row in body if not is_total(row)]
    if layout.grouped:
        body = _carried(body)
    if not body:
        return
    names = Counter(map(fold, header))
    subject = subject_column(header, body)
    called = Counter(fold(row[subject]) for row in body)
    asked = [n for n, name in enumerate(header) if n != subject and name and names[fold(name)] == 1]
    data = {n for n in asked if column_kind(row[n] for row in body) in _DATA}
    for row in body:
        name = row[subject]
        if name and called[fold(name)] == 1 and len(name) <= _LONGEST_SUBJECT:
            yield from (Cell(name, header[n], row[n], n in data) for n in asked)


def _is_dictionary(first: str, last: str) -> bool:
    """Whether columns so headed tell what columns, fields or parameters of something else mean."""
    words = {word.removesuffix("s") for word in first.split()}
    return last.startswith(_MEANINGS) and not words.isdisjoint(_DICTIONARY) and len(words) <= _MOST_WORDS


def names_in_code(cells: Sequence[Sequence[str]]) -> frozenset[str]:
    """The cells, plain, that are names for machines: in code, a file, with an underscore."""
    return frozenset(plain_text(cell) for row in cells for cell in row if _CODE.fullmatch(cell.strip()) or "`" in cell)


def _divided(line: str) -> list[str]:
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
