"""Tables: a row of a CSV, TSV or Parquet file is a document."""

from __future__ import annotations

import csv
from datetime import date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from dyag_core.artifacts import BadLine
from dyag_core.documents.fields import Placed, documents_of, object_chunk, row_chunk
from dyag_core.errors import UsageError
from dyag_core.extras import missing_library
from dyag_core.text.sanitize import writable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dyag_core.documents.fields import OnBadLine
    from dyag_core.records import Document

TABLE_SUFFIXES = (".csv", ".tsv")
PARQUET_SUFFIXES = (".parquet",)
_BATCH = 1024


def from_table(path: Path, note: OnBadLine) -> Iterator[Document]:
    """Documents of a .csv or .tsv file; the delimiter is the one that its header has most of."""
    yield from documents_of(_csv_rows(path), row_chunk, note)


def _csv_rows(path: Path) -> Iterator[tuple[int, dict[str, str] | BadLine]]:
    """(line, row). Bytes that aren't UTF-8 are carried as surrogates, so that only their own row is refused."""
    with path.open("r", encoding="utf-8-sig", errors="surrogateescape", newline="") as handle:
        start = handle.readline()
        if start.startswith(("\udcff\udcfe", "\udcfe\udcff")) or "\x00" in start:
            raise UsageError(f"{path}: is UTF-16 text, or no text at all", "save it as CSV in UTF-8")
        if writable(start) != start:
            raise UsageError(f"{path}: not UTF-8 (line 1)", 'save it as "CSV UTF-8"')
        delimiter = max(",;\t", key=start.count)
        handle.seek(0)
        rows = csv.reader(handle, delimiter=delimiter, strict=True)  # a quote left open is an error, not a long field
        header = [name.strip() for name in next(rows, [])]
        while True:
            line = rows.line_num + 1  # a row may go over several
            try:
                cells = next(rows)
            except StopIteration:
                return
            except csv.Error as error:
                yield line, BadLine(line, f"not CSV: {error}", "")
                continue
            if any(cell.strip() for cell in cells):
                yield line, _csv_row(line, header, cells, delimiter)


def _csv_row(line: int, header: list[str], cells: list[str], delimiter: str) -> dict[str, str] | BadLine:
    text = writable(delimiter.join(cells))[:200]
    if len(cells) != len(header):
        return BadLine(line, f"{len(cells)} fields where the header has {len(header)}", text)
    try:
        "".join(cells).encode("utf-8")
    except UnicodeEncodeError:
        return BadLine(line, "not UTF-8", text)
    return {name: cell.strip() for name, cell in zip(header, cells, strict=True) if name}


def from_parquet(path: Path, note: OnBadLine) -> Iterator[Document]:
    """Documents of a .parquet file, read in batches. A column `metadata` of structs is taken as JSON Lines have it.

    Raises:
        PluginError: pyarrow isn't installed. UsageError: the file is no Parquet file, or is damaged.
    """
    yield from documents_of(_parquet_rows(path), _parquet_chunk, note)


def _parquet_rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    try:
        import pyarrow
        from pyarrow import parquet
    except ModuleNotFoundError as error:
        raise missing_library(f"reading {path.name}", error) from error
    number = 0
    try:
        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=_BATCH):
                for row in batch.to_pylist():
                    number += 1
                    yield number, row
    except (pyarrow.ArrowException, OSError) as error:
        where = f" behind row {number}" if number else ""
        raise UsageError(
            f"{path}: can't be read as Parquet{where}: {str(error).splitlines()[0]}", "is the file whole?"
        ) from error


def _parquet_chunk(row: dict[str, Any]) -> Placed:
    if isinstance(row.get("metadata"), dict):
        metadata = {name: _plain(name, value) for name, value in row["metadata"].items() if value is not None}
        return object_chunk({**row, "metadata": metadata})
    return row_chunk({name: _cell(name, value) for name, value in row.items()})


def _plain(name: str, value: Any) -> Any:
    """A value as JSON can hold it."""
    if isinstance(value, list):
        return [_plain(name, part) for part in value]
    return value if isinstance(value, str | bool | int | float) else _cell(name, value)


def _cell(name: str, value: Any) -> str:
    """A value as a table shows it. Raises ValueError for one that can't be shown (bytes, a structure)."""
    if value is None:
        return ""
    if isinstance(value, list):
        return ", ".join(_cell(name, part) for part in value)
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, str | int | float | Decimal):
        return str(value).strip()
    raise ValueError(f"the column {name!r} holds a {type(value).__name__}, not a text or a number")
