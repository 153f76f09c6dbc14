"""Texts (Markdown, plain, HTML, PDF, Word) and folders of them: each file is a document, cut into chunks."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dyag_core.artifacts import BadLine, readable_name
from dyag_core.documents.converted import CONVERTED, check_installed, to_markdown
from dyag_core.documents.fields import TITLE_FIELDS, make_chunk, one_line
from dyag_core.documents.front_matter import front_matter
from dyag_core.errors import UsageError
from dyag_core.records import Chunk, Document
from dyag_core.text.chunking import Chunking, cut, first_heading
from dyag_core.text.hyphens import joined
from dyag_core.text.markup import plain_text
from dyag_core.text.normalise import fold

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dyag_core.documents.fields import OnBadLine

_PLAIN_SUFFIXES = (".md", ".markdown", ".mdx", ".txt")
TEXT_SUFFIXES = (*_PLAIN_SUFFIXES, *CONVERTED)

_PICTOGRAPHS = re.compile("[\u2190-\u2bff\ufe0f\U0001f000-\U0001faff]+")
_NOT_IN_A_SLUG = re.compile(r"[\W_]+")


def from_folder(folder: Path, note: OnBadLine, chunking: Chunking) -> Iterator[Document]:
    """Every text in a folder and in those below it, in the order of their paths; hidden ones are left out."""
    files, others = texts_in(folder)
    if not files:
        known = ", ".join(f"*{suffix}" for suffix in TEXT_SUFFIXES)
        found = f"; it holds {', '.join(f'{n} {suffix}' for suffix, n in others.items())}" if others else ""
        raise UsageError(
            f"{folder}: holds no text to read{found}", f"{known} are read in a folder and in those below it"
        )
    check_installed(files)
    for file in files:
        yield from _from_text(file, readable_name(file.relative_to(folder).as_posix()), note, chunking)


def from_text_file(path: Path, note: OnBadLine, chunking: Chunking) -> Iterator[Document]:
    """The one document of a text file."""
    check_installed([path])
    yield from _from_text(path, readable_name(path.name), note, chunking)


def texts_in(folder: Path) -> tuple[list[Path], Counter[str]]:
    """The files of a folder that can be read, and how many others there are by suffix. Hidden files don't count."""
    files: list[Path] = []
    others: Counter[str] = Counter()
    for file in sorted(folder.rglob("*")):
        if any(part.startswith(".") for part in file.relative_to(folder).parts) or not file.is_file():
            continue
        if file.suffix.lower() in TEXT_SUFFIXES:
            files.append(file)
        else:
            others[file.suffix.lower() or "without suffix"] += 1
    return files, others


def cut_chunks(
    name: str, text: str, document: str, title: str, fields: Mapping[str, Any], chunking: Chunking
) -> tuple[Chunk, ...]:
    """The chunks of a text.

    An id is `name#heading-digest`, of the nearest heading and the chunk's own text: it changes when that text does and
    at no other time, wherever the chunk stands. Chunks with the very same text are numbered.
    """
    chunks = []
    seen: Counter[str] = Counter()
    for passage in cut(text, chunking):
        slug = _NOT_IN_A_SLUG.sub("-", fold(passage.headings[-1]) if passage.headings else "").strip("-")[:40]
        digest = hashlib.sha256(passage.text.encode("utf-8")).hexdigest()[:8]
        chunk_id = f"{name}#{f'{slug}-' if slug else ''}{digest}"
        seen[chunk_id] += 1
        if seen[chunk_id] > 1:
            chunk_id = f"{chunk_id}-{seen[chunk_id]}"
        metadata = {**fields, "headings": list(passage.headings)} if passage.headings else fields
        chunks.append(make_chunk(chunk_id, passage.text, document, title, metadata))
    return tuple(chunks)


def _from_text(path: Path, name: str, note: OnBadLine, chunking: Chunking) -> Iterator[Document]:
    title, fields = "", dict[str, str]()
    if path.suffix.lower() in CONVERTED:
        try:
            title, text = to_markdown(path)
        except (ValueError, OSError) as error:
            note(BadLine(1, f"{name}: {_reason(error)}", ""))
            return
    else:
        raw = path.read_bytes().removeprefix(b"\xef\xbb\xbf")
        try:
            text = _decoded(raw)
        except UnicodeDecodeError as error:
            line = raw.count(b"\n", 0, error.start) + 1
            note(BadLine(line, f"{name}: not UTF-8", raw[error.start : error.start + 50].decode("utf-8", "replace")))
            return
        if "\x00" in text:
            line = text.count("\n", 0, text.index("\x00")) + 1
            note(BadLine(line, f"{name}: holds NUL characters, so it is no text", ""))
            return
        fields, text = front_matter(joined(text))
    named = next((str(fields[field]) for field in TITLE_FIELDS if fields.get(field)), "")
    title = _name_in(named or first_heading(text) or title) or one_line(Path(name).stem.replace("_", " "))
    chunks = cut_chunks(name, text, name, title, fields, chunking)
    if not chunks:
        note(BadLine(1, f"{name}: is empty", ""))
        return
    yield Document(id=name, title=title, chunks=chunks, metadata={k: v for k, v in fields.items() if k != "title"})


def _name_in(heading: str) -> str:
    """A heading as a name: no markup, no pictograph before it."""
    return _PICTOGRAPHS.sub("", plain_text(heading)).strip()


def _decoded(raw: bytes) -> str:
    return raw.decode("utf-8").replace("\r\n", "\n").replace("\r", "\n")


def _reason(error: Exception) -> str:
    return (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
