"""From an object or a table row to a chunk, and from chunks to documents."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from dyag_core.artifacts import BadLine
from dyag_core.documents.columns import CONTENT_FIELDS, ROLES, TITLE_FIELDS, Columns, several
from dyag_core.documents.decoding import cell_text, one_form
from dyag_core.records import Chunk, Document
from dyag_core.text.chunking import Chunking, first_heading
from dyag_core.text.digests import DigestTable
from dyag_core.text.markup import plain_text
from dyag_core.text.normalise import fold
from dyag_core.text.passage import field_text
from dyag_core.text.sanitize import writable

OnBadLine = Callable[[BadLine], None]


@dataclass(frozen=True)
class Reading:
    """How documents are read, and who hears what.

    Args:
        note: is given each line, row or file that can't be used.
        tell: is given what was decided about a file that it doesn't say itself: its encoding, rows left out.
        given: what the user said its fields are: {"content": "body", "title": "name", "licence": "license_id"}.
        chunking: how texts are cut.
    """

    note: OnBadLine
    tell: Callable[[str], None]
    given: Mapping[str, str]
    chunking: Chunking


#: A chunk with the id and the title of its document.
Placed = tuple[str, str, Chunk]

#: A longer text isn't put on a line of its own name.
_LONGEST_LINE = 240
# What a chunk is, not what its document says: no fact is made of these.
_OF_THE_CHUNK = ("id", "document", "title", "headings")


def object_chunk(row: Mapping[str, Any], given: Mapping[str, str]) -> Placed:
    """The chunk that a JSON object with a text stands for. Raises ValueError with the reason where it is none.

    Args:
        given: what the user said its fields are; the others are then the document's fields.
    """
    field = "content" if "content" in row and not given else content_field(row, given)
    if field is None:
        raise ValueError('the field "content" is missing')
    content, metadata = row[field], row.get("metadata")
    metadata = {} if metadata is None else metadata
    if not isinstance(content, str):
        raise ValueError(f'"{field}" is a {type(content).__name__}, not a text')
    if not isinstance(metadata, dict):
        raise ValueError(f'"metadata" is a {type(metadata).__name__}, not an object')
    content = one_form(content)
    if not content.strip():
        raise ValueError(f'"{field}" is empty')
    chunk_id = _identifier(row, given.get("id", "id")) or content_id(content)
    document = _identifier(metadata, "id") or _identifier(row, given.get("document", "")) or chunk_id
    fields = flat(metadata)
    if given:
        roles = {field, *(given[role] for role in ROLES if role in given), "id", "metadata"}
        fields |= flat({name: value for name, value in row.items() if name not in roles})
        fields = renamed(fields, given)
    title = (given and _title(given, row, fields)) or _title({}, fields, row)
    title = title or plain_text(first_heading(content)) or document
    return document, title, make_chunk(chunk_id, content, document, title, fields)


def content_field(row: Mapping[str, Any], given: Mapping[str, str]) -> str | None:
    """The field of a JSON object that holds its text, None for a plain record."""
    if "content" in given:
        return given["content"] if given["content"] in row else None
    return next((name for name in CONTENT_FIELDS if name in row), None)


def record_chunk(row: Mapping[str, str], columns: Columns, given: Mapping[str, str]) -> Placed:
    """The chunk that a table row or a plain record stands for: its text, else its fields under its title.

    Args:
        row: cells in one form (`cell_text`) by column.

    Raises ValueError with the reason where it is none.
    """
    title, named = next(((said, names) for names in columns.title if (said := _called(row, names))), ("", ()))
    beside = one_line(row.get(columns.beside, "")) if columns.beside else ""
    if title and beside and named == columns.title[0] and _words(beside) not in _words(title):
        title = f"{title} ({beside})"
    roles = {columns.id, columns.document, columns.text, *named}
    fields: dict[str, Any] = {name: cell for name, cell in row.items() if cell and name not in roles}
    for name, sign in columns.lists.items():
        if name not in fields:
            continue
        parts = several(fields[name], sign)
        if len(parts) > 1 or (sign == "[" and parts != [fields[name]]):
            fields[name] = parts
    text = (row.get(columns.text, "") if columns.text else "") or _listed_text(title, fields, columns)
    if not text.strip("# \n"):
        raise ValueError("the row is empty")
    if "\x00" in text:
        raise ValueError("holds NUL characters")
    chunk_id = (row.get(columns.id, "") if columns.id else "") or content_id(text)
    document = (row.get(columns.document, "") if columns.document else "") or chunk_id
    title = title or first_heading(text) or document
    return document, title, make_chunk(chunk_id, text, document, title, renamed(fields, given))


def _words(text: str) -> str:
    return fold(text).replace("-", " ")


def _called(cells: Mapping[str, str], names: tuple[str, ...]) -> str:
    return one_line(" ".join(cells.get(name, "") for name in names))


def _listed_text(title: str, fields: Mapping[str, Any], columns: Columns) -> str:
    """Fields as a list under the title; a text of several paragraphs, or a long one, is a section of its own."""
    lines, sections = [f"# {title}", ""], []
    for name, value in fields.items():
        label = columns.labels.get(name) or columns.label(name)
        if isinstance(value, list):
            lines.append(f"- {label}: {field_text(value)}")
        elif len(value) > _LONGEST_LINE or "\n\n" in value:
            sections += ["", f"## {label}", "", value]
        else:
            lines.append(f"- {label}: {one_line(value)}")
    return "\n".join([*lines, *sections])


def renamed(fields: dict[str, Any], given: Mapping[str, str]) -> dict[str, Any]:
    """Fields with the names that the user gave them (`--map licence=license_id`)."""
    names = {source: name for name, source in given.items() if name not in ROLES}
    return {names.get(name, name): value for name, value in fields.items()} if names else fields


def flat(fields: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    """Fields of fields as fields with dotted names; objects in a list are called by their names, or left out.

    Texts are in one form, and what says nothing (null, an empty list) isn't there.
    """
    found: dict[str, Any] = {}
    for name, value in fields.items():
        full = f"{above}{name}"
        if isinstance(value, str):
            found[full] = value if value.isascii() and "&" not in value else cell_text(value)
        elif isinstance(value, dict):
            found |= flat(value, f"{full}.")
        elif isinstance(value, list):
            parts = [_part(part) for part in value]
            if parts and all(part is not None for part in parts):
                found[full] = parts
        elif value is not None:
            found[full] = value
    return found


def _part(value: Any) -> Any:
    if isinstance(value, dict):
        value = next((value[name] for name in TITLE_FIELDS if isinstance(value.get(name), str)), None)
    return cell_text(value) if isinstance(value, str) else value if isinstance(value, int | float) else None


def documents_of(
    rows: Iterable[tuple[int, Any]], chunk_of: Callable[[Any], Placed], note: OnBadLine, lang: str | None = None
) -> Iterator[Document]:
    """Documents out of numbered rows; those that are BadLines, no chunks, or repeat an id are noted.

    Neighbouring chunks of one document become one; the first to name a title or a field is believed. `lang` is what
    is known of their language before they are read.
    """
    for document, group in groupby(_chunks(rows, chunk_of, note), key=lambda item: item[0]):
        members = list(group)
        fields: dict[str, Any] = {}
        for _, _, chunk in members:
            for name, value in chunk.metadata.items():
                fields.setdefault(name, value)
        metadata = {name: value for name, value in fields.items() if name not in _OF_THE_CHUNK}
        chunks = tuple(chunk for *_, chunk in members)
        yield Document(id=document, title=members[0][1], chunks=chunks, metadata=metadata, lang=lang)


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
    value = fields.get(name) if name else None
    if value is None:
        return ""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f'"{name}" is a {type(value).__name__}, not a text or a number')
    return str(value)


def _title(given: Mapping[str, str], *places: Mapping[str, Any]) -> str:
    for place in places:
        for name in (given["title"],) if "title" in given else TITLE_FIELDS:
            value = place.get(name)
            if isinstance(value, str) and value.strip():
                return one_line(one_form(value))
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
