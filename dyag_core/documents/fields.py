"""From an object or a table row to a chunk, and from chunks to documents."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any

from dyag_core.artifacts import BadLine
from dyag_core.records import Chunk, Document
from dyag_core.text.chunking import first_heading
from dyag_core.text.digests import DigestTable
from dyag_core.text.markup import plain_text
from dyag_core.text.sanitize import writable

OnBadLine = Callable[[BadLine], None]
#: A chunk with the id and the title of its document.
Placed = tuple[str, str, Chunk]

#: A field with one of these names says what the document is called.
TITLE_FIELDS = ("title", "name", "nom", "titre")
_CONTENT_FIELDS = ("content", "text", "contenu", "texte")
_ID_FIELDS = ("id", "identifiant")
# What a chunk is, not what its document says: no fact is made of these.
_OF_THE_CHUNK = ("id", "document", "title", "headings")


def object_chunk(row: Mapping[str, Any]) -> Placed:
    """The chunk that a JSON object stands for. Raises ValueError with the reason where it is none."""
    field = next((name for name in _CONTENT_FIELDS if name in row), None)
    if field is None:
        raise ValueError('the field "content" is missing')
    content, metadata = row[field], row.get("metadata")
    metadata = {} if metadata is None else metadata
    if not isinstance(content, str):
        raise ValueError(f'"{field}" is a {type(content).__name__}, not a text')
    if not isinstance(metadata, dict):
        raise ValueError(f'"metadata" is a {type(metadata).__name__}, not an object')
    if not content.strip():
        raise ValueError(f'"{field}" is empty')
    chunk_id = _identifier(row, "id") or content_id(content)
    document = _identifier(metadata, "id") or chunk_id
    title = _title(metadata, row) or plain_text(first_heading(content)) or document
    return document, title, make_chunk(chunk_id, content, document, title, metadata)


def row_chunk(row: Mapping[str, str]) -> Placed:
    """The chunk that a table row stands for: its text column, else its columns as a list under its title.

    Raises ValueError with the reason where it is none.
    """
    by_lower = {name.lower(): name for name in row}
    id_column = next((by_lower[name] for name in _ID_FIELDS if name in by_lower), None)
    text_column = next((by_lower[name] for name in _CONTENT_FIELDS if name in by_lower), None)
    title_column = next((by_lower[name] for name in TITLE_FIELDS if name in by_lower), None)
    if title_column is None:
        title_column = next((name for name in row if name not in (id_column, text_column)), None)
    title = one_line(row[title_column]) if title_column else ""
    fields = {name: cell for name, cell in row.items() if name not in (id_column, text_column, title_column) and cell}
    text = (row[text_column] if text_column else "") or "\n".join(
        [f"# {title}", "", *(f"- {name}: {one_line(cell)}" for name, cell in fields.items())]
    )
    if not text.strip("# \n"):
        raise ValueError("the row is empty")
    if "\x00" in text:
        raise ValueError("holds NUL characters")
    document = (row[id_column] if id_column else "") or content_id(text)
    title = title or first_heading(text) or document
    return document, title, make_chunk(document, text, document, title, fields)


def documents_of(
    rows: Iterable[tuple[int, Any]], chunk_of: Callable[[Any], Placed], note: OnBadLine
) -> Iterator[Document]:
    """Documents out of numbered rows; those that are BadLines, no chunks, or repeat an id are noted.

    Neighbouring chunks of one document become one; the first to name a title or a field is believed.
    """
    for document, group in groupby(_chunks(rows, chunk_of, note), key=lambda item: item[0]):
        members = list(group)
        fields: dict[str, Any] = {}
        for _, _, chunk in members:
            for name, value in chunk.metadata.items():
                fields.setdefault(name, value)
        metadata = {name: value for name, value in fields.items() if name not in _OF_THE_CHUNK}
        yield Document(id=document, title=members[0][1], chunks=tuple(c for *_, c in members), metadata=metadata)


def _chunks(rows: Iterable[tuple[int, Any]], chunk_of: Callable[[Any], Placed], note: OnBadLine) -> Iterator[Placed]:
    seen = DigestTable()
    for number, row in rows:
        if isinstance(row, BadLine):
            note(row)
            continue
        try:
            placed = chunk_of(row)
        except ValueError as error:
            note(BadLine(number, str(error), _readable(row)))
            continue
        chunk = placed[2]
        first = seen.setdefault(chunk.id, number)
        if first != number:
            note(BadLine(number, f"the id {chunk.id[:80]!r} stands already on line {first}", chunk.text[:200]))
            continue
        yield placed


def _readable(row: Any) -> str:
    return writable(str(row))[:200]


def _identifier(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    if value is None:
        return ""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f'"{name}" is a {type(value).__name__}, not a text or a number')
    return str(value)


def _title(*places: Mapping[str, Any]) -> str:
    for place in places:
        for name in TITLE_FIELDS:
            value = place.get(name)
            if isinstance(value, str) and value.strip():
                return one_line(value)
    return ""


def make_chunk(chunk_id: str, text: str, document: str, title: str, metadata: Mapping[str, Any]) -> Chunk:
    """A chunk that knows its document."""
    return Chunk(id=chunk_id, text=text, metadata={**metadata, "document": document, "title": title})


def one_line(text: str) -> str:
    """`text` with single spaces for all white space."""
    return " ".join(text.split())


def content_id(text: str) -> str:
    """An id for a text that brings none."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:12]
