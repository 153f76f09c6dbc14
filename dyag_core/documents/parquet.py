"""Parquet: a row is a document, read in batches."""

from __future__ import annotations

from datetime import date, datetime, time
from decimal import Decimal
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from dyag_core.documents.columns import columns_of
from dyag_core.documents.decoding import cell_text
from dyag_core.documents.fields import Placed, documents_of, object_chunk, record_chunk
from dyag_core.errors import UsageError
from dyag_core.extras import missing_library

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dyag_core.documents.fields import Reading
    from dyag_core.records import Document

PARQUET_SUFFIXES = (".parquet",)
_BATCH = 1024


def from_parquet(path: Path, reading: Reading) -> Iterator[Document]:
    """Documents of a .parquet file. A column `metadata` of structs is taken as JSON Lines have it.

    Raises:
        PluginError: pyarrow isn't installed. UsageError: the file is no Parquet file, or is damaged.
    """
    rows = parquet_rows(path)
    head = list(islice(rows, _BATCH))
    cells = [_cells(row) for _, row in head if not isinstance(row.get("metadata"), dict)]
    columns = columns_of(list(cells[0]) if cells else (), cells, reading.given if cells else {})

    def chunk_of(row: dict[str, Any]) -> Placed:
        if isinstance(row.get("metadata"), dict):
            metadata = {name: _plain(name, value) for name, value in row["metadata"].items() if value is not None}
            return object_chunk({**row, "metadata": metadata}, reading.given)
        return record_chunk({name: _cell(name, value) for name, value in row.items()}, columns, reading.given)

    yield from documents_of(chain(head, rows), chunk_of, reading.note)


def parquet_rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Each row with its number, from 1.

    Raises:
        PluginError: pyarrow isn't installed. UsageError: the file is no Parquet file, or is damaged.
    """
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


def _cells(row: dict[str, Any]) -> dict[str, str]:
    """A row for the sample: what can't be shown is blank there."""
    shown = {}
    for name, value in row.items():
        try:
            shown[name] = _cell(name, value)
        except ValueError:
            shown[name] = ""
    return shown


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
        return cell_text(str(value).strip())
    raise ValueError(f"the column {name!r} holds a {type(value).__name__}, not a text or a number")
