"""What the cells of a table are: where its header is, what names a row, groups, totals, attributes as rows.

Tables are read alike wherever they come from (CSV, Markdown, HTML, Word). A table of many rows is judged by its first.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING

from dyag_core.text.normalise import fold

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Row = tuple[str, ...]

_NUMBER = re.compile(r"[-+~<>≤≥≈]?\s?[€$£]?\s?\d[\d\s.,'’]*(?:\s?(?:%|‰|[^\W\d_]{1,5}[²³]?|[€$£°]))?")
_COUNTED = re.compile(r"\(?(?:\d{1,3}|[IVXLC]{1,5}|[a-zA-Z])[.)]?")
_YEAR = re.compile(r"(?:19|20)\d\d")
_DATE = re.compile(r"(?:\d{1,2}[/.-]\d{1,2}[/.-](?:\d{4}|\d\d)|\d{4}-\d\d(?:-\d\d)?)(?:[T ]\d\d:\d\d\S*)?")
_LINK = re.compile(r"(?:https?|ftp)://\S+|www\.\S+|[^\s@]+@[^\s@]+\.\w+")
_CODE = re.compile(r"(?=[^\s]*\d)(?=[^\s]*[^\W\d_])[\w.:/-]+|[0-9a-fA-F]{8}-[0-9a-fA-F-]{27}")
_TOTAL = re.compile(
    r"(?:sous[- ]?)?tota(?:l|ux)(?: (?:general|generaux|partiel|cumule|ht|ttc))?|(?:grand|sub|overall)[- ]?totals?"
)
#: These sum up only where nothing but numbers follows: "Total" is the beginning of names, too.
_MAYBE_TOTAL = re.compile(r"(?:sous[- ]?)?total\b.*|subtotal\b.*|ensemble|sum|moyenne|average|mean")
_ATTRIBUTES = frozenset(
    "type description valeur value defaut default unite unit exemple example licence license version prix price date "
    "statut status url lien link nom name titre title contact commentaire comment remarque note notes total".split()
)
_LONGEST_NAME = 80
#: The head of a column that numbers or codes the rows, which a column beside it names.
_NUMBERING = frozenset("# n no num numero id identifiant code ref reference index rang rank etape step ordre".split())
#: The heads of columns that name the rows, and that only tell of them.
_NAME = re.compile(r"^(?:nom|libelle|intitule|titre|title|name)\b|\bname$")
_DESCRIPTION = re.compile(r"descri|comment|remar|note|purpose|usage|definition")
#: The head of a column of attributes, in a table that has one column for each thing it compares.
_CORNERS = frozenset("critere caracteristique fonctionnalite criterion criteria characteristic feature".split())
#: Headers of two columns whose rows are labels and values of one thing.
_KEYS = frozenset(
    "champ cle propriete attribut caracteristique rubrique libelle element parametre "
    "field key property attribute characteristic item label parameter name".split()
)
#: They head a column of things, too: "Item | Price".
_THINGS = frozenset("cle libelle element parametre item label parameter key property name".split())
_VALUES = frozenset("valeur contenu detail details information value content description".split())


@dataclass(frozen=True)
class Layout:
    """How the rows of a table are to be read.

    Args:
        header: a name for each column, "" for a column without one; empty where the table has no header.
        first: the number of rows above the first row of data.
        turned: the columns are what the table is about, its rows their attributes.
        grouped: the first column names a group where it changes, and is blank below.
    """

    header: Row
    first: int
    turned: bool = False
    grouped: bool = False


def layout_of(rows: Sequence[Sequence[str]], *, headed: bool | None = None) -> Layout:
    """The layout of a table, by its first rows.

    Args:
        headed: whether its first row is known to be the header; None where nobody said so.
    """
    above = 0 if headed else _rows_above(rows)
    if not rows[above:]:
        return Layout((), above)
    top, first = tuple(rows[above]), above + 1
    body = [row for row in rows[first:] if len(row) == len(top) and any(row)]
    if headed is None and _is_data(top, body):
        return Layout((), above)
    if _counts_up(top):
        return Layout((), first)  # 1, 2, 3: numbers of columns, not names
    if len(body) > 1 and rows[first] == body[0] and _is_second_header(top, body[0], body[1:]):
        top, first, body = joined_header(top, body[0]), first + 1, body[1:]
    if are_pairs(top):
        return Layout(top, first, turned=True)
    grouped = _is_grouped(body)
    return Layout(top, first, turned=not grouped and _is_turned(top, body), grouped=grouped)


def has_header(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first row is seen to be a header: above numbers, dates or links stand words."""
    top, *body = rows
    kinds = [(kind_of(cell), column_kind(row[i] for row in body)) for i, cell in enumerate(top)]
    return bool(body) and all(top[1:]) and any(up == "text" and down not in ("", "text") for up, down in kinds)


def are_pairs(header: Sequence[str]) -> bool:
    """Whether the rows are labels and values of one thing: "Champ | Valeur", or two columns without names."""
    if len(header) != 2 or not any(header):
        return len(header) == 2
    key, value = map(fold, header)
    return key in _KEYS and (value in _VALUES or key not in _THINGS)


def turned(header: Sequence[str], rows: Iterable[Sequence[str]]) -> tuple[Row, list[Row]]:
    """(header, rows) of a table with its rows as columns; the corner is kept."""
    top, *columns = zip(header, *rows, strict=True)
    return top, columns


def is_total(row: Sequence[str]) -> bool:
    """Whether a row sums others up ("Total", "Sous-total DSI"), and so is nothing to ask about."""
    said = [cell for cell in row if cell]
    if not said or kind_of(said[0]) != "text":
        return False
    name = fold(said[0]).strip(" :.")
    if _TOTAL.fullmatch(name):
        return True
    numbers = len(said) > 1 and all(kind_of(cell) == "number" for cell in said[1:])
    return numbers and bool(_MAYBE_TOTAL.fullmatch(name))


def kind_of(cell: str) -> str:
    """ "" for a blank cell, else "link", "date", "number", "code" ("A-12") or "text"."""
    if not cell:
        return ""
    for kind, pattern in (("link", _LINK), ("date", _DATE), ("number", _NUMBER), ("code", _CODE)):
        if pattern.fullmatch(cell):
            return kind
    return "text"


def column_kind(cells: Iterable[str]) -> str:
    """What most cells of a column are, "text" where nothing prevails, "" where all are blank."""
    kinds = Counter(kind for cell in cells if (kind := kind_of(cell)))
    if not kinds:
        return ""
    kind, number = kinds.most_common(1)[0]
    return kind if number >= 0.6 * kinds.total() else "text"


def naming_column(rows: Sequence[Sequence[str]], columns: Sequence[int]) -> int | None:
    """Which of `columns` names the rows: the first with a text of its own in each, none where there is no such one."""
    for column in columns:
        cells = [row[column] for row in rows]
        filled = [cell for cell in cells if cell]
        if len(filled) < max(1, 0.9 * len(cells)) or column_kind(filled) != "text":
            continue
        if len(set(filled)) >= 0.9 * len(filled) and median(map(len, filled)) <= _LONGEST_NAME:
            return column
    return None


def subject_column(header: Sequence[str], rows: Sequence[Sequence[str]]) -> int:
    """Which column says what a row of a small table is about: the first, or the names beside numbers, codes, groups.

    Where rows of the first come again, a column that its header calls one of names goes first, a description never.
    """
    first = [row[0] for row in rows]
    words = re.findall(r"\w+|#", fold(header[0]))[:1]
    numbers = not words or words[0] in _NUMBERING or all(_COUNTED.fullmatch(cell) for cell in first)
    if not numbers and all(first) and len(set(first)) == len(first):
        return 0
    different = [len(set(column)) for column in zip(*rows, strict=True)]
    names = [column for column, label in enumerate(header) if _NAME.search(fold(label))]
    most = max(names, key=different.__getitem__, default=0)
    if names and 2 * different[most] > len(rows):
        return most
    named = naming_column(rows, [column for column, label in enumerate(header) if not _DESCRIPTION.match(fold(label))])
    return named if named is not None else 0


def joined_header(top: Sequence[str], below: Sequence[str]) -> Row:
    """One name for each column under two header rows: "prévu 2023", "Prix (EUR)"."""
    names: list[str] = []
    said, units = "", len({name for name in top if name}) == len(top)
    for column, (upper, lower) in enumerate(zip(top, below, strict=True)):
        said = upper or said
        if not lower or lower == said or column == 0:
            names.append(upper or lower)
        elif units:
            names.append(f"{said} ({lower})")
        else:
            names.append(f"{lower} {said}" if kind_of(said) == "number" else f"{said} {lower}".strip())
    return tuple(names)


def distinct_names(header: Sequence[str]) -> bool:
    """Whether no name stands twice; columns without a name don't count."""
    names = [fold(name) for name in header if name]
    return len(set(names)) == len(names)


def _rows_above(rows: Sequence[Sequence[str]]) -> int:
    """How many rows stand above the header: titles, remarks and blank ones, which fill few of the cells."""
    filled = [sum(map(bool, row)) for row in rows]
    usual = sorted(filled)[len(filled) * 3 // 4] if filled else 0  # most rows fill fewer where cells are often blank
    return next((i for i, number in enumerate(filled) if number > usual / 2 and (number > 1 or usual <= 1)), 0)


def _is_data(first: Sequence[str], body: Sequence[Sequence[str]]) -> bool:
    """Whether what should be the header is a row like the others: of their kinds, or with values that come again."""
    again = 0
    repeated = any(tuple(row) == tuple(first) for row in body)  # a header that comes again, where files were joined
    for column, cell in enumerate(first):
        below = [row[column] for row in body if row[column]]
        kind = kind_of(cell)
        if kind in ("number", "date", "link") and not _YEAR.fullmatch(cell) and below and column_kind(below) == kind:
            return not _counts_up(first[column:])
        again += bool(cell and not repeated and kind != "number" and cell in below)
    return again > 1


def _counts_up(names: Sequence[str]) -> bool:
    """Whether names are 1, 2, 3 ..., as columns for hours, months or lots are called."""
    pairs = list(pairwise(names))
    return bool(pairs) and all(a.isdecimal() and b.isdecimal() and int(b) == int(a) + 1 for a, b in pairs)


def _is_second_header(top: Row, below: Sequence[str], body: Sequence[Sequence[str]]) -> bool:
    """Whether the row under the header names columns as well: "prévu | réel" under "2023", or units."""
    if len(below) != len(top) or (below[0] and below[0] != top[0]):
        return False
    named = [i for i, cell in enumerate(below) if i and cell]
    if not named or any(kind_of(below[i]) not in ("text", "code") for i in named):
        return False
    if not all(row[0] for row in body[:1]):
        return False
    repeated = len({*top[1:]}) < len(top[1:])
    numbers = all(column_kind(row[i] for row in body) in ("number", "date") for i in named)
    return (repeated and len(set(below[1:])) > 1) or (numbers and below != top)


def _is_grouped(body: Sequence[Sequence[str]]) -> bool:
    """Whether a blank first cell means "as above": a name stands once for the rows of its group."""
    if len(body) < 2 or len(body[0]) < 2 or not body[0][0]:
        return False
    names = [row[0] for row in body if row[0]]
    blank = [row for row in body if not row[0]]
    return (
        len(blank) >= 0.2 * len(body)
        and len(set(names)) == len(names)
        and kind_of(names[0]) == "text"
        and all(row[1] and not is_total(row) for row in blank)
    )


def _is_turned(header: Row, body: Sequence[Sequence[str]]) -> bool:
    """Whether the rows are attributes: nothing, or "Critère", stands in the corner, and names beside it."""
    corner, things = fold(header[0]), header[1:]
    if (corner and corner not in _CORNERS) or not things or not all(things) or len(body) < 2:
        return False
    if not distinct_names(things) or any(fold(name) in _ATTRIBUTES for name in things):
        return False
    if any(kind_of(name) in ("number", "date") for name in things):
        return False
    labels = [row[0] for row in body]
    if not all(labels) or len(set(labels)) < len(labels) or column_kind(labels) != "text":
        return False
    across = [{kind for cell in row[1:] if (kind := kind_of(cell))} for row in body]
    if all(kinds <= {"number"} for kinds in across):
        return False
    down = [{kind for cell in column if (kind := kind_of(cell))} for column in list(zip(*body, strict=False))[1:]]
    mixed_rows = sum(len(kinds) > 1 for kinds in across)
    mixed_columns = sum(len(kinds) > 1 for kinds in down)
    return mixed_columns * len(across) >= mixed_rows * len(down)
