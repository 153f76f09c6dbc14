"""Tables: a row of a CSV or TSV file is a document, whatever its encoding, separator and layout."""

from __future__ import annotations

import csv
from functools import partial
from itertools import chain, islice
from typing import TYPE_CHECKING

from dyag_core.artifacts import BadLine
from dyag_core.documents.columns import Columns, columns_of
from dyag_core.documents.decoding import as_utf8, cell_text
from dyag_core.documents.dialect import declared_separator, separator_of
from dyag_core.documents.fields import documents_of, record_chunk
from dyag_core.errors import UsageError
from dyag_core.text.grids import (
    Layout,
    are_pairs,
    column_kind,
    distinct_names,
    is_total,
    layout_of,
    naming_column,
    turned,
)
from dyag_core.text.language import language_of_names
from dyag_core.text.sanitize import writable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path
    from typing import TextIO

    from dyag_core.documents.fields import Reading
    from dyag_core.records import Document

TABLE_SUFFIXES = (".csv", ".tsv")
#: A table is judged by so many of its first rows, and its separator by so many lines.
SAMPLE, _START_LINES = 500, 200
#: So many names or line numbers stand in a message.
_SHOWN = 5


def from_table(path: Path, reading: Reading) -> Iterator[Document]:
    """Documents of a .csv or .tsv file; its encoding, separator, header and layout are found out.

    Raises:
        UsageError: it is no text, or a column that the user named isn't there.
    """

    def tell(text: str) -> None:
        reading.tell(f"{path.name}: {text}")

    with (
        as_utf8(path, reading.tell) as copy,
        copy.open("r", encoding="utf-8-sig", errors="surrogateescape", newline="") as handle,
    ):
        rows = _cells(path, handle, tell)
        sample = list(islice(rows, SAMPLE))
        layout = _laid_out(sample, reading.given, tell)
        data: Iterator[tuple[int, list[str] | BadLine]] = chain(sample[layout.first :], rows)
        if layout.header and layout.turned and len(sample) < SAMPLE:
            layout, data = _turned(path, layout, data, reading)
        if layout.header:
            names = _column_names(layout, sample, tell)
            left_out = _LeftOut()
            named = _named_rows(layout, names, data, left_out)
            head = list(islice(named, SAMPLE))
            known = [row for _, row in head if isinstance(row, dict)]
            columns = columns_of(list(dict.fromkeys(filter(None, names))), known, reading.given)
            _tell_of_columns(columns, names, known, tell)
        else:
            named, head, left_out = _nameless_rows(data, reading.given), [], _LeftOut()
            columns = Columns(title=(("title",),), text="content")
        chunk_of = partial(record_chunk, columns=columns, given=reading.given)
        above = [cell for _, row in sample[: layout.first] if isinstance(row, list) for cell in row]
        yield from documents_of(chain(head, named), chunk_of, reading.note, language_of_names(above))
        left_out.tell(tell)


def _cells(path: Path, handle: TextIO, tell: Callable[[str], None]) -> Iterator[tuple[int, list[str] | BadLine]]:
    """(line, cells) of each row that isn't blank. Bytes that aren't UTF-8 are surrogates: they cost their row alone."""
    start = list(islice(handle, _START_LINES))
    if any("\x00" in line for line in start[:1]):
        raise UsageError(f"{path}: is no text", "save it as CSV in UTF-8")
    separator = declared_separator(start[0]) if start else None
    above = 0
    if separator is not None:
        above, start = 1, start[1:]
    else:
        separator = separator_of(start)
    if separator is None and start:
        tell("one column was found: no comma, semicolon, tab or bar divides its lines alike")
    # a quote left open is an error, not a long field
    rows = csv.reader(chain(start, handle), delimiter=separator or ",", strict=True)
    while True:
        line = above + rows.line_num + 1  # a row may go over several
        try:
            cells = [
                cell if (cell := raw.strip()).isascii() and "&" not in cell else cell_text(cell) for raw in next(rows)
            ]
        except StopIteration:
            return
        except csv.Error as error:
            yield line, BadLine(line, f"not CSV: {error}", "")
            continue
        if not any(cells):
            continue
        try:
            "".join(cells).encode("utf-8")
        except UnicodeEncodeError:
            yield line, BadLine(line, "not UTF-8", writable(" | ".join(cells))[:200])
        else:
            yield line, cells


def _laid_out(
    sample: Sequence[tuple[int, list[str] | BadLine]], given: Mapping[str, str], tell: Callable[[str], None]
) -> Layout:
    """The layout of the table, with what is unusual about it told."""
    rows = [row if isinstance(row, list) else [] for _, row in sample]
    if rows and isinstance(sample[0][1], BadLine):
        return Layout((), 0)
    layout = layout_of(rows)
    wanted = set(given.values())
    if wanted and not wanted & set(layout.header):  # the user knows better where the names stand
        at = next((i for i, row in enumerate(rows) if wanted & set(row)), None)
        if at is not None:
            found = layout_of(rows[at:], headed=True)
            layout = Layout(found.header, at + found.first, found.turned, found.grouped)
    if not layout.header:
        if rows:
            tell(
                "its columns have no names: line 1 looks like the rows below it. Without names nothing is asked; put a "
                "line above it that names them"
            )
        return layout
    heads = layout.first
    if layout.header != tuple(rows[0]):
        shown = ", ".join(name or "(no name)" for name in layout.header[:_SHOWN])
        tell(f"the names of the columns were taken from line {sample[heads - 1][0]}: {shown}")
    if layout.grouped:
        tell(f"blank cells in the column {layout.header[0] or 1!r} were read as the name above them")
    return layout


def _turned(
    path: Path, layout: Layout, data: Iterable[tuple[int, list[str] | BadLine]], reading: Reading
) -> tuple[Layout, Iterator[tuple[int, list[str] | BadLine]]]:
    """A table whose rows are attributes, with its columns as rows."""
    width, line = len(layout.header), 1
    rows: list[list[str]] = []
    for number, row in data:
        if isinstance(row, BadLine) or len(row) != width:
            reading.note(row if isinstance(row, BadLine) else _wrong_width(number, row, width))
        else:
            rows.append(row)
    header, things = turned(layout.header, rows)
    if are_pairs(layout.header):
        things = [(path.stem.replace("_", " "), *things[0][1:])]
    else:
        reading.tell(f"{path.name}: its rows are attributes, so its columns were read as the documents")
    return Layout(("title", *header[1:]), 0), ((line, list(thing)) for thing in things)


def _column_names(
    layout: Layout, sample: Sequence[tuple[int, list[str] | BadLine]], tell: Callable[[str], None]
) -> list[str]:
    """A name for each column; an index without a name, as data tools write it, has none, and names below get one."""
    names = list(layout.header)
    if not names[0] and column_kind(row[0] for _, row in sample[layout.first :] if isinstance(row, list)) == "text":
        names[0] = "title"
    unnamed = sum(not name for name in names[1:])
    if unnamed:
        tell(f"{unnamed} columns without a name were left out")
    if not distinct_names(names):
        twice = sorted({name for name in names if name and names.count(name) > 1})
        tell(f"columns with one name were read as one list: {', '.join(twice[:_SHOWN])}")
    return names


class _LeftOut:
    """Rows that are no documents, counted while a table is read."""

    def __init__(self) -> None:
        self.totals: list[int] = []
        self.headers: list[int] = []

    def tell(self, tell: Callable[[str], None]) -> None:
        """Say where they stand."""
        for lines, what in ((self.totals, "totals of other rows"), (self.headers, "the header once more")):
            if lines:
                more = " ..." if len(lines) > _SHOWN else ""
                tell(f"left out as {what}: line {', '.join(map(str, lines[:_SHOWN]))}{more}")


def _named_rows(
    layout: Layout, names: Sequence[str], data: Iterable[tuple[int, list[str] | BadLine]], left_out: _LeftOut
) -> Iterator[tuple[int, dict[str, str] | BadLine]]:
    """(line, row by column), without totals and repeated headers, and with the group of each."""
    width, group = len(names), ""
    for line, row in data:
        if isinstance(row, BadLine):
            yield line, row
            continue
        cells = _fitted(row, names)
        if len(cells) != width:
            yield line, _wrong_width(line, row, width)
        elif cells == list(layout.header):
            left_out.headers.append(line)
        elif is_total(cells):
            left_out.totals.append(line)
        else:
            if layout.grouped:
                group = cells[0] = cells[0] or group
            yield line, _by_name(names, cells)


def _fitted(cells: list[str], names: Sequence[str]) -> list[str]:
    """A row without blank cells behind its last column, or with those of columns that have no name."""
    width = len(names)
    if len(cells) > width and not any(cells[width:]):
        return cells[:width]
    if len(cells) < width and not any(names[len(cells) :]):
        return [*cells, *[""] * (width - len(cells))]
    return cells


def _by_name(names: Sequence[str], cells: Sequence[str]) -> dict[str, str]:
    """A row by column; the values of columns with one name become a list of lines."""
    row: dict[str, str] = {}
    for name, cell in zip(names, cells, strict=True):
        if name and row.get(name) and cell:
            if cell not in row[name].split("\n"):
                row[name] += f"\n{cell}"
        elif name:
            row[name] = cell or row.get(name, "")
    return row


def _nameless_rows(
    data: Iterable[tuple[int, list[str] | BadLine]], given: Mapping[str, str]
) -> Iterator[tuple[int, dict[str, str] | BadLine]]:
    """Rows of a table without a header, as passages under the first cell that may be a name."""
    for line, row in data:
        if isinstance(row, BadLine):
            yield line, row
            continue
        at = naming_column([row], range(len(row))) or 0
        others = [f"- {cell}" for i, cell in enumerate(row) if cell and i != at]
        yield line, {"title": row[at], "content": "\n".join([f"# {row[at]}", "", *others])}


def _tell_of_columns(
    columns: Columns, names: Sequence[str], sample: Sequence[Mapping[str, str]], tell: Callable[[str], None]
) -> None:
    """Say which column names the rows, where it isn't the one that people look at first, or names nothing."""
    if columns.title and column_kind(row.get(columns.title[0][0], "") for row in sample) in ("link", "number"):
        tell(f"no column names its rows, {columns.title[0][0]} neither; where one does, say so: --title COLUMN")
        return
    others = [name for name in names if name and name not in (columns.id, columns.document, columns.text)]
    if columns.title and (columns.title[0] != (others[0],) or columns.beside):
        beside = f" (and {columns.beside}, to tell rows of one name apart)" if columns.beside else ""
        tell(f"rows are called by {' and '.join(columns.title[0])}{beside}; another column: --title COLUMN")


def _wrong_width(line: int, cells: Sequence[str], width: int) -> BadLine:
    return BadLine(line, f"{len(cells)} fields where the header has {width}", writable(" | ".join(cells))[:200])
