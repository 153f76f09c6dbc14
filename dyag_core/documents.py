"""Read what people have (JSONL chunks, CSV tables, folders of Markdown and text) as a stream of documents.

A line that can't be used never stops the reading and never disappears: it is handed to `on_bad_line` with its number
and a reason. Nothing is held but the document that is being put together and the ids that were seen.
"""

from __future__ import annotations

import csv
import hashlib
import re
from itertools import groupby
from typing import TYPE_CHECKING, Any

from dyag_core.artifacts import BadLine, read_jsonl
from dyag_core.digests import DigestTable
from dyag_core.errors import UsageError
from dyag_core.records import Chunk, Document

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    OnBadLine = Callable[[BadLine], None]

#: A field with one of these names says what the document is called.
TITLE_FIELDS = ("title", "name", "nom", "titre")
_CONTENT_FIELDS = ("content", "text", "contenu", "texte")
_ID_FIELDS = ("id", "identifiant")
_JSON_SUFFIXES = (".jsonl", ".ndjson", ".json")
_TABLE_SUFFIXES = (".csv", ".tsv")
_TEXT_SUFFIXES = (".md", ".markdown", ".txt")
#: A passage of running text is cut at a blank line once it is this long, in characters.
PASSAGE_LENGTH = 2000

_HEADING = re.compile(r"^(#{1,6})\s+(.+?)\s*#*\s*$")


def read_documents(path: Path, on_bad_line: OnBadLine, *, strict: bool = False) -> Iterator[Document]:
    """Every document of `path`: a .jsonl, .csv, .tsv, .md or .txt file, or a folder of such texts.

    Lines of JSONL are chunks; neighbours with the same `metadata.id` make one document. Where the chunks of a document
    don't stand together it comes in several parts with one id.

    Args:
        on_bad_line: is given each line that can't be used.
        strict: stop at the first bad line instead.

    Raises:
        UsageError: the input is missing, empty, of an unknown kind, or holds no usable line; strict: at a bad one.
    """
    bad: list[BadLine] = []

    def note(line: BadLine) -> None:
        if strict:
            raise UsageError(
                f"{path}, line {line.line}: {line.reason}", "mend the line, or leave out --strict to go on without it"
            )
        bad[1:] = [line]  # the first and the last are enough for the message below
        on_bad_line(line)

    found = False
    for document in _reader(path)(path, note):
        found = True
        yield document
    if not found:
        if bad:
            first = bad[0]
            raise UsageError(f"{path}: no line could be used; line {first.line}: {first.reason}", _SHAPE)
        raise UsageError(f"{path}: is empty, there is nothing to read", _SHAPE)


def read_chunks(path: Path, on_bad_line: OnBadLine | None = None, *, strict: bool = False) -> Iterator[Chunk]:
    """Every chunk of `path`, in order; `chunk.metadata` holds at least `document` (its id) and `title`.

    Bad lines are passed over unless `on_bad_line` wants them. Raises UsageError as `read_documents` does.
    """
    for document in read_documents(path, on_bad_line or (lambda line: None), strict=strict):
        yield from document.chunks


_SHAPE = 'each line of a .jsonl file should look like {"id": "a1", "content": "...", "metadata": {"id": "a"}}'


def _reader(path: Path) -> Callable[[Path, OnBadLine], Iterator[Document]]:
    if path.is_dir():
        return _from_folder
    suffix = path.suffix.lower()
    if not path.exists():
        raise UsageError(f"{path}: no such file or folder")
    if suffix in _JSON_SUFFIXES:
        return _from_jsonl
    if suffix in _TABLE_SUFFIXES:
        return _from_table
    if suffix in _TEXT_SUFFIXES:
        return _from_text_file
    known = ", ".join((*_JSON_SUFFIXES, *_TABLE_SUFFIXES, *_TEXT_SUFFIXES))
    raise UsageError(f"{path}: don't know how to read {suffix or 'a file without suffix'}", f"known: {known}, folders")


# --- JSON Lines -------------------------------------------------------------------------------------------------


def _from_jsonl(path: Path, note: OnBadLine) -> Iterator[Document]:
    return _assemble(_jsonl_chunks(path, note))


def _jsonl_chunks(path: Path, note: OnBadLine) -> Iterator[tuple[str, str, Chunk]]:
    seen = DigestTable()
    for number, row in read_jsonl(path):
        if isinstance(row, BadLine):
            note(row)
            continue
        try:
            document, title, chunk = _chunk_of(row)
        except ValueError as error:
            note(BadLine(number, str(error), str(row)[:200]))
            continue
        first = seen.setdefault(chunk.id, number)
        if first != number:
            note(BadLine(number, f"the id {chunk.id[:80]!r} stands already on line {first}", chunk.text[:200]))
            continue
        yield document, title, chunk


def _chunk_of(row: dict[str, Any]) -> tuple[str, str, Chunk]:
    """(document id, title, chunk) of one JSON object. Raises ValueError with the reason where it isn't a chunk."""
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
    chunk_id = _identifier(row, "id") or _content_id(content)
    document = _identifier(metadata, "id") or chunk_id
    title = _title(metadata, row) or _first_heading(content) or document
    return document, title, _chunk(chunk_id, content, document, title, metadata)


def _identifier(fields: dict[str, Any], name: str) -> str:
    value = fields.get(name)
    if value is None or value == "":
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ValueError(f'"{name}" is a {type(value).__name__}, not a text or a number')
    return str(value).strip()


def _title(*places: dict[str, Any]) -> str:
    for place in places:
        for name in TITLE_FIELDS:
            value = place.get(name)
            if isinstance(value, str) and value.strip():
                return _one_line(value)
    return ""


# --- tables -----------------------------------------------------------------------------------------------------


def _from_table(path: Path, note: OnBadLine) -> Iterator[Document]:
    return _assemble(_table_chunks(path, note))


def _table_chunks(path: Path, note: OnBadLine) -> Iterator[tuple[str, str, Chunk]]:
    """One chunk a row. Bytes that aren't UTF-8 are carried as surrogates, so that only their own row is refused."""
    with path.open("r", encoding="utf-8-sig", errors="surrogateescape", newline="") as handle:
        start = handle.readline()
        if start.startswith("\udcff\udcfe") or start.startswith("\udcfe\udcff") or "\x00" in start:
            raise UsageError(f"{path}: is UTF-16 text", "save it as UTF-8")
        delimiter = max(",;\t", key=start.count)
        handle.seek(0)
        rows = csv.reader(handle, delimiter=delimiter)
        header = [name.strip() for name in next(rows, [])]
        seen = DigestTable()
        while True:
            try:
                cells = next(rows)
            except StopIteration:
                return
            except csv.Error as error:
                note(BadLine(rows.line_num, f"not CSV: {error}", ""))
                continue
            if not any(cell.strip() for cell in cells):
                continue
            try:
                document, title, chunk = _row_chunk(header, cells)
            except ValueError as error:
                text = delimiter.join(cells).encode("utf-8", "replace").decode("utf-8")
                note(BadLine(rows.line_num, str(error), text[:200]))
                continue
            first = seen.setdefault(chunk.id, rows.line_num)
            if first != rows.line_num:
                note(BadLine(rows.line_num, f"the id {chunk.id[:80]!r} stands already on line {first}", ""))
                continue
            yield document, title, chunk


def _row_chunk(header: list[str], cells: list[str]) -> tuple[str, str, Chunk]:
    if len(cells) != len(header):
        raise ValueError(f"{len(cells)} fields where the header has {len(header)}")
    try:
        "".join(cells).encode("utf-8")
    except UnicodeEncodeError as error:
        raise ValueError("not UTF-8") from error
    row = {name: cell.strip() for name, cell in zip(header, cells, strict=True) if name}
    by_lower = {name.lower(): name for name in row}
    id_column = next((by_lower[name] for name in _ID_FIELDS if name in by_lower), None)
    text_column = next((by_lower[name] for name in _CONTENT_FIELDS if name in by_lower), None)
    title_column = next((by_lower[name] for name in TITLE_FIELDS if name in by_lower), None)
    if title_column is None:
        title_column = next((name for name in row if name not in (id_column, text_column)), None)
    title = _one_line(row[title_column]) if title_column else ""
    fields = {name: cell for name, cell in row.items() if name not in (id_column, text_column, title_column) and cell}
    text = (row[text_column] if text_column else "") or "\n".join(
        [f"# {title}", "", *(f"- {name}: {_one_line(cell)}" for name, cell in fields.items())]
    )
    if not text.strip("# \n"):
        raise ValueError("the row is empty")
    document = (row[id_column] if id_column else "") or _content_id(text)
    title = title or _first_heading(text) or document
    return document, title, _chunk(document, text, document, title, fields)


# --- texts ------------------------------------------------------------------------------------------------------


def _from_folder(folder: Path, note: OnBadLine) -> Iterator[Document]:
    files = sorted(file for file in folder.rglob("*") if file.suffix.lower() in _TEXT_SUFFIXES and file.is_file())
    if not files:
        known = ", ".join(f"*{suffix}" for suffix in _TEXT_SUFFIXES)
        raise UsageError(f"{folder}: holds no text to read", f"{known} are read in a folder and in those below it")
    for file in files:
        if not any(part.startswith(".") for part in file.relative_to(folder).parts):
            yield from _from_text(file, file.relative_to(folder).as_posix(), note)


def _from_text_file(path: Path, note: OnBadLine) -> Iterator[Document]:
    yield from _from_text(path, path.name, note)


def _from_text(path: Path, name: str, note: OnBadLine) -> Iterator[Document]:
    raw = path.read_bytes().removeprefix(b"\xef\xbb\xbf")
    try:
        text = raw.decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        note(BadLine(line, f"{name}: not UTF-8", raw[error.start : error.start + 50].decode("utf-8", "replace")))
        return
    passages = list(passages_of(text))
    if not passages:
        note(BadLine(1, f"{name}: is empty", ""))
        return
    title = _first_heading(text) or _one_line(path.stem.replace("_", " "))
    chunks = tuple(_chunk(f"{name}#{n}", passage, name, title, {}) for n, passage in enumerate(passages, 1))
    yield Document(id=name, title=title, chunks=chunks)


def passages_of(text: str) -> Iterator[str]:
    """Cut a Markdown or plain text at its headings, and long stretches at blank lines. A fenced block stays whole."""
    lines: list[str] = []
    length, fenced = 0, False
    for line in text.split("\n"):
        if line.lstrip().startswith(("```", "~~~")):
            fenced = not fenced
        heading = not fenced and _HEADING.match(line)
        long_enough = not fenced and not line.strip() and length > PASSAGE_LENGTH
        # A title right above its first section stays with it: alone it would answer nothing.
        if (heading and any(other.strip() and not _HEADING.match(other) for other in lines)) or long_enough:
            yield "\n".join(lines).strip()
            lines, length = [], 0
        lines.append(line)
        length += len(line) + 1
    rest = "\n".join(lines).strip()
    if rest:
        yield rest


# --- shared -----------------------------------------------------------------------------------------------------


def _assemble(chunks: Iterable[tuple[str, str, Chunk]]) -> Iterator[Document]:
    """Neighbouring chunks of one document become one; the first to name a title or a field is believed."""
    for document, group in groupby(chunks, key=lambda item: item[0]):
        members = list(group)
        fields: dict[str, Any] = {}
        for _, _, chunk in members:
            for name, value in chunk.metadata.items():
                fields.setdefault(name, value)
        metadata = {name: value for name, value in fields.items() if name not in ("id", "document", "title")}
        title = members[0][1]
        yield Document(id=document, title=title, chunks=tuple(chunk for *_, chunk in members), metadata=metadata)


def _chunk(chunk_id: str, text: str, document: str, title: str, metadata: dict[str, Any]) -> Chunk:
    return Chunk(id=chunk_id, text=text, metadata={**metadata, "document": document, "title": title})


def _first_heading(text: str) -> str:
    for line in text.split("\n"):
        heading = _HEADING.match(line)
        if heading:
            return _one_line(heading[2])
    return ""


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _content_id(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:12]
