"""JSON Lines, and arrays of objects. Both stream, and one bad object costs only itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dyag_core.artifacts import read_jsonl
from dyag_core.artifacts.json_array import begins_as_array, read_array
from dyag_core.documents.fields import documents_of, object_chunk

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dyag_core.documents.fields import OnBadLine
    from dyag_core.records import Document

JSON_SUFFIXES = (".jsonl", ".ndjson", ".json")


def from_json(path: Path, note: OnBadLine) -> Iterator[Document]:
    """Documents of a .jsonl file, or of a .json file that holds objects one a line or one array of objects."""
    rows = read_array(path) if path.suffix.lower() == ".json" and begins_as_array(path) else read_jsonl(path)
    yield from documents_of(rows, object_chunk, note)
