"""Texts (Markdown, plain, HTML, PDF, Word) and folders of them: each file is a document, cut into chunks."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dyag_core.artifacts import BadLine, readable_name
from dyag_core.documents.columns import TITLE_FIELDS
from dyag_core.documents.converted import CONVERTED, check_installed, to_markdown
from dyag_core.documents.decoding import decoded, encoding_name, one_form
from dyag_core.documents.fields import make_chunk, one_line
from dyag_core.documents.front_matter import front_matter
from dyag_core.errors import UsageError
from dyag_core.records import Chunk, Document
from dyag_core.text.chunking import Chunking, cut, first_heading
from dyag_core.text.hyphens import joined
from dyag_core.text.markup import plain_text, without_pictographs
from dyag_core.text.normalise import fold

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dyag_core.documents.fields import Reading

_PLAIN_SUFFIXES = (".md", ".markdown", ".mdx", ".txt")
TEXT_SUFFIXES = (*_PLAIN_SUFFIXES, *CONVERTED)

_NOT_IN_A_SLUG = re.compile(r"[\W_]+")


def from_folder(folder: Path, reading: Reading) -> Iterator[Document]:
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
        yield from _from_text(file, readable_name(file.relative_to(folder).as_posix()), reading)


def from_text_file(path: Path, reading: Reading) -> Iterator[Document]:
    """The one document of a text file."""
    check_installed([path])
    yield from _from_text(path, readable_name(path.name), reading)


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


def _from_text(path: Path, name: str, reading: Reading) -> Iterator[Document]:
    title, fields = "", dict[str, str]()
    try:
        title, text = to_markdown(path) if path.suffix.lower() in CONVERTED else ("", _plain_text(path, name, reading))
    except UnicodeDecodeError as error:
        raw: bytes = error.object
        line = raw.count(b"\n", 0, error.start) + 1
        reading.note(
            BadLine(line, f"{name}: not UTF-8", raw[error.start : error.start + 50].decode("utf-8", "replace"))
        )
        return
    except (ValueError, OSError) as error:
        reading.note(BadLine(1, f"{name}: {_reason(error)}", ""))
        return
    text = one_form(text)
    if path.suffix.lower() not in CONVERTED:
        if "\x00" in text:
            line = text.count("\n", 0, text.index("\x00")) + 1
            reading.note(BadLine(line, f"{name}: holds NUL characters, so it is no text", ""))
            return
        fields, text = front_matter(joined(text))
        text = _with_outer_pipes(text)
    called = (reading.given["title"], *TITLE_FIELDS) if "title" in reading.given else TITLE_FIELDS
    named = next((str(fields[field]) for field in called if fields.get(field)), "")
    title = _name_in(named or first_heading(text) or title) or one_line(one_form(Path(name).stem.replace("_", " ")))
    chunks = cut_chunks(name, text, name, title, fields, reading.chunking)
    if not chunks:
        reading.note(BadLine(1, f"{name}: is empty", ""))
        return
    yield Document(id=name, title=title, chunks=chunks, metadata={k: v for k, v in fields.items() if k != "title"})


def _plain_text(path: Path, name: str, reading: Reading) -> str:
    """The text of a file in any encoding. UnicodeDecodeError: it is UTF-8 with bad bytes, or no text."""
    text, encoding = decoded(path.read_bytes())
    if encoding != "utf-8":
        reading.tell(f"{name}: read as {encoding_name(encoding)}, it is not UTF-8")
    return text


def _with_outer_pipes(text: str) -> str:
    """Tables in the short form ("Name | Licence" above "--- | ---") in the long one, by which tables are known."""
    if "|" not in text:
        return text
    lines = text.split("\n")
    fenced = table = False
    for i, line in enumerate(lines):
        fenced ^= line.lstrip().startswith(("```", "~~~"))
        starts = not fenced and _is_short_rule(line) and i > 0 and "|" in lines[i - 1]
        if starts:
            lines[i - 1] = _outer_pipes(lines[i - 1])
        table = starts or (table and "|" in line)
        if table:
            lines[i] = _outer_pipes(line)
    return "\n".join(lines)


def _is_short_rule(line: str) -> bool:
    said = line.strip()
    return "|" in said and "-" in said and set(said) <= set("|:- ") and not said[0] == said[-1] == "|"


def _outer_pipes(line: str) -> str:
    inner = line.strip().removeprefix("|")
    closed = inner.endswith("|") and not inner.endswith("\\|")
    return f"| {(inner[:-1] if closed else inner).strip()} |"


def _name_in(heading: str) -> str:
    """A heading as a name: no markup, no pictographs."""
    return without_pictographs(plain_text(heading))


def _reason(error: Exception) -> str:
    return (error.strerror or str(error)) if isinstance(error, OSError) else str(error)
