"""Read what people have (JSON, tables, Markdown, HTML, PDF, Word, folders of them) as a stream of documents.

What can't be used never stops the reading and never disappears: it is handed to `on_bad_line` with its place and a
reason. Nothing is held but the document that is being put together and a few bytes for each id that was seen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dyag_core.artifacts import BadLine
from dyag_core.documents.columns import TITLE_FIELDS
from dyag_core.documents.fields import OnBadLine, Reading
from dyag_core.documents.json_files import JSON_SUFFIXES, from_json
from dyag_core.documents.parquet import PARQUET_SUFFIXES, from_parquet
from dyag_core.documents.tables import TABLE_SUFFIXES, from_table
from dyag_core.documents.texts import TEXT_SUFFIXES, from_folder, from_text_file
from dyag_core.errors import UsageError
from dyag_core.text.chunking import Chunking

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from dyag_core.records import Chunk, Document

__all__ = ["TITLE_FIELDS", "OnBadLine", "read_chunks", "read_documents"]

_TABLE_SHAPE = "each row needs as many cells as the header; a cell that holds the separator stands in quotes"
_SHAPE = 'each line of a .jsonl file should look like {"id": "a1", "content": "...", "metadata": {"id": "a"}}'


def read_documents(
    path: Path,
    on_bad_line: OnBadLine,
    *,
    strict: bool = False,
    chunking: Chunking | None = None,
    fields: Mapping[str, str] | None = None,
    on_notice: Callable[[str], None] | None = None,
) -> Iterator[Document]:
    """Every document of `path`: a .jsonl, .json, .csv, .tsv, .parquet file, a text, or a folder of texts.

    Lines of JSONL, elements of a JSON array and rows of a table are chunks as they stand; neighbours with the same
    `metadata.id` make one document, and where a document's chunks don't stand together it comes in several parts with
    one id. Texts (.md, .txt, .html, .pdf, .docx) are documents, cut into chunks.

    Args:
        on_bad_line: is given each line, row or file that can't be used.
        strict: stop at the first of them instead.
        chunking: how texts are cut; by default into 2000 characters.
        fields: where the files have what DYAG calls "content", "title", "id" and "document" (the id of the document
            that a chunk belongs to), or any field: {"content": "body", "licence": "license_id"}.
        on_notice: hears what was decided about a file: its encoding, its header, rows that are no documents.

    Raises:
        UsageError: the input is missing, empty, of an unknown kind, or holds nothing usable; strict: at a bad line.
        PluginError: the library that reads this kind of file isn't installed.
    """
    bad: list[BadLine] = []

    def note(line: BadLine) -> None:
        if strict:
            raise UsageError(
                f"{path}, line {line.line}: {line.reason}", "mend the line, or leave out --strict to go on without it"
            )
        bad[1:] = [line]  # the first and the last are enough for the message below
        on_bad_line(line)

    reading = Reading(note, on_notice or (lambda text: None), fields or {}, chunking or Chunking())
    found = False
    for document in _reader(path)(path, reading):
        found = True
        yield document
    if not found:
        if bad:
            first = bad[0]
            raise UsageError(f"{path}: no line could be used; line {first.line}: {first.reason}", _shape(path))
        raise UsageError(f"{path}: is empty, there is nothing to read", _shape(path))


def read_chunks(
    path: Path,
    on_bad_line: OnBadLine | None = None,
    *,
    strict: bool = False,
    fields: Mapping[str, str] | None = None,
    on_notice: Callable[[str], None] | None = None,
) -> Iterator[Chunk]:
    """Every chunk of `path`, in order; `chunk.metadata` holds at least `document` (its id) and `title`.

    Bad lines are passed over unless `on_bad_line` wants them. Raises UsageError as `read_documents` does.
    """
    note = on_bad_line or (lambda line: None)
    for document in read_documents(path, note, strict=strict, fields=fields, on_notice=on_notice):
        yield from document.chunks


def _shape(path: Path) -> str:
    return _TABLE_SHAPE if path.suffix.lower() in TABLE_SUFFIXES else _SHAPE


def _reader(path: Path) -> Callable[[Path, Reading], Iterator[Document]]:
    if path.is_dir():
        return from_folder
    suffix = path.suffix.lower()
    if not path.exists():
        raise UsageError(f"{path}: no such file or folder")
    if suffix in JSON_SUFFIXES:
        return from_json
    if suffix in TABLE_SUFFIXES:
        return from_table
    if suffix in PARQUET_SUFFIXES:
        return from_parquet
    if suffix in TEXT_SUFFIXES:
        return from_text_file
    known = ", ".join((*JSON_SUFFIXES, *TABLE_SUFFIXES, *PARQUET_SUFFIXES, *TEXT_SUFFIXES))
    raise UsageError(f"{path}: don't know how to read {suffix or 'a file without suffix'}", f"known: {known}, folders")
