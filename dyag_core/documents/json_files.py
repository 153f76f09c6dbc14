"""JSON Lines, arrays of objects, and arrays inside an object. All stream, and one bad object costs only itself.

An object with a text is a chunk; a plain record (`{"name": ..., "licence": ...}`) is read as a row of a table.
"""

from __future__ import annotations

from itertools import chain, islice
from typing import TYPE_CHECKING

from dyag_core.artifacts import BadLine, read_jsonl
from dyag_core.artifacts.json_array import depth_of_objects, read_array
from dyag_core.artifacts.jsonl import MAX_LINE_BYTES, parse_line
from dyag_core.documents.columns import TITLE_FIELDS, columns_of, given_column
from dyag_core.documents.decoding import as_utf8
from dyag_core.documents.fields import Placed, content_field, documents_of, flat, object_chunk, record_chunk
from dyag_core.text.passage import field_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path
    from typing import Any

    from dyag_core.documents.fields import Reading
    from dyag_core.records import Document

    #: (line, object), or what is wrong there.
    Row = tuple[int, "dict[str, Any] | BadLine"]

JSON_SUFFIXES = (".jsonl", ".ndjson", ".json", ".geojson")

_BLOCK = 1 << 20
#: Plain records are judged by so many of the first objects.
_SAMPLE = 200
#: Where an interface puts the fields of a record, beside its own: GeoJSON, JSON:API, OpenDataSoft, Elasticsearch.
_WRAPPERS = ("properties", "attributes", "fields", "_source", "node")


def from_json(path: Path, reading: Reading) -> Iterator[Document]:
    """Documents of a .jsonl file, or of a .json file: objects one a line, one array, one object or an array in it."""
    given = reading.given
    with as_utf8(path, reading.tell) as copy:
        rows = _rows(copy)
        head = list(islice(rows, _SAMPLE))
        objects = [row for _, row in head if isinstance(row, dict)]
        records = [record for row in objects if (record := _record(row, given)) is not None]
        names = list(dict.fromkeys(name for record in records for name in record))
        if records:
            columns = columns_of(names, records, given)
            called = f", called by {' and '.join(columns.title[0])}" if columns.title else ""
            reading.tell(
                f"{path.name}: objects without a text were read as rows of a table{called}; "
                "--map content=FIELD and --title FIELD name others"
            )
        else:
            columns = columns_of((), (), {})
            _check_given(given, objects)

        def chunk_of(row: dict[str, Any]) -> Placed:
            if "content" in row and not given:
                return object_chunk(row, given)
            record = _record(row, given)
            if record is None:
                return object_chunk(row, given)
            return record_chunk(record, columns if records else columns_of(list(record), [record], {}), given)

        yield from documents_of(chain(head, rows), chunk_of, reading.note)


def _check_given(given: Mapping[str, str], objects: list[dict[str, Any]]) -> None:
    """Raise UsageError where no object has a field that the user named."""
    names = list(dict.fromkeys(name for row in objects for name in (*row, *_metadata(row))))
    for wanted in given.values() if objects else ():
        given_column(wanted, names)


def _metadata(row: Mapping[str, Any]) -> dict[str, Any]:
    metadata = row.get("metadata")
    return metadata if isinstance(metadata, dict) else {}


def _record(row: Mapping[str, Any], given: Mapping[str, str]) -> dict[str, str] | None:
    """The fields of a plain record, None for an object that has a text (or none, and metadata: a bad one)."""
    if content_field(row, given) is not None or "metadata" in row:
        return None
    fields: dict[str, Any] = {}
    for name, value in flat(row).items():
        wrapper, _, inner = name.partition(".")
        fields[inner if wrapper in _WRAPPERS and inner else name] = value
    if row.get("type") == "Feature":  # GeoJSON: its position is nothing to ask about
        fields = {name: value for name, value in fields.items() if name != "type" and not name.startswith("geometry")}
    shown = {name: field_text(value) for name, value in fields.items()}
    return shown if any(name not in ("id", "type") for name in shown) else None


# --- files ------------------------------------------------------------------------------------------------------------


def _rows(path: Path) -> Iterator[Row]:
    """Each object of a file in any of the forms, with the line where it begins."""
    with path.open("rb") as handle:
        start = handle.read(_BLOCK).removeprefix(b"\xef\xbb\xbf").lstrip()
    if path.suffix.lower() not in (".json", ".geojson"):
        return read_jsonl(path)
    if start.startswith(b"["):
        return read_array(path)
    first, _, rest = start.partition(b"\n")
    if rest.strip() and isinstance(parse_line(1, first), dict):
        return read_jsonl(path)  # one object a line
    whole = parse_line(1, path.read_bytes().strip()) if path.stat().st_size <= MAX_LINE_BYTES else None
    depth = depth_of_objects(start)
    if isinstance(whole, dict) and (not depth or _is_one_thing(whole)):
        return iter(_members(whole))
    return read_array(path, depth) if depth else read_jsonl(path)


def _is_one_thing(whole: Mapping[str, Any]) -> bool:
    """Whether an object is a document that has lists of objects, not a wrapper around a list of documents."""
    return content_field(whole, {}) is not None or any(isinstance(whole.get(name), str) for name in TITLE_FIELDS)


def _members(whole: dict[str, Any]) -> list[Row]:
    """One object, or the objects in it where there is nothing else: {"Alba": {"licence": "MIT"}, "Bora": {...}}."""
    if len(whole) > 1 and all(isinstance(value, dict) for value in whole.values()):
        return [(1, {"name": name, **value}) for name, value in whole.items()]
    return [(1, whole)]
