"""JSON Lines, and arrays of objects. Both stream, and one bad object costs only itself."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dyag_core.artifacts import BadLine, read_jsonl
from dyag_core.artifacts.jsonl import MAX_LINE_BYTES, parse_line
from dyag_core.documents.fields import documents_of, object_chunk

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import IO, Any

    from dyag_core.documents.fields import OnBadLine
    from dyag_core.records import Document

JSON_SUFFIXES = (".jsonl", ".ndjson", ".json")

_BLOCK = 1 << 20
_OUTSIDE = re.compile(rb'["{}\[\],\n]')
_IN_STRING = re.compile(rb'["\\\n]')


def from_json(path: Path, note: OnBadLine) -> Iterator[Document]:
    """Documents of a .jsonl file, or of a .json file that holds objects one a line or one array of objects."""
    rows = read_array(path) if path.suffix.lower() == ".json" and _is_array(path) else read_jsonl(path)
    yield from documents_of(rows, object_chunk, note)


def read_array(path: Path) -> Iterator[tuple[int, dict[str, Any] | BadLine]]:
    """Each element of a JSON array as (line where it begins, object or BadLine), whatever the size of the file.

    Elements are told apart by brackets and quotes alone. Where these don't match, the reading loses its way: what
    follows is one bad element, named by the line where it begins.
    """
    with path.open("rb") as handle:
        for line, raw in _elements(handle):
            if len(raw) > MAX_LINE_BYTES:
                yield line, BadLine(line, f"an element of more than {MAX_LINE_BYTES // 2**20} MB", _start(raw))
            else:
                yield line, parse_line(line, raw)


def _elements(handle: IO[bytes]) -> Iterator[tuple[int, bytes]]:
    """(line where it begins, bytes) of each element; of one that is too long the beginning."""
    line = first_line = 1
    depth, in_string = 0, False
    kept = bytearray()
    position = 0
    block = handle.read(_BLOCK).removeprefix(b"\xef\xbb\xbf")
    while block:
        start = position
        while mark := (_IN_STRING if in_string else _OUTSIDE).search(block, position):
            sign, position = mark[0], mark.end()
            if sign == b"\n":
                line += 1
            elif sign == b"\\":
                position += 1  # steps over what is escaped
            elif sign == b'"':
                in_string = not in_string
            elif sign in b"{[":
                depth += 1
                if depth == 1:
                    start, first_line = position, line
            elif depth == 1:  # a comma between elements, or the bracket behind the last
                kept += block[start : mark.start()]
                if kept.strip():
                    yield _begins(first_line, kept), bytes(kept)
                kept.clear()
                start, first_line = position, line
            if sign in b"}]":
                depth = max(0, depth - 1)
        if len(kept) <= MAX_LINE_BYTES:
            kept += block[start:]
        position = max(0, position - len(block))
        block = handle.read(_BLOCK)
    if kept.strip():  # the closing bracket is missing, or something stands behind it
        yield _begins(first_line, kept), bytes(kept)


def _begins(line: int, kept: bytes | bytearray) -> int:
    return line + kept[: len(kept) - len(kept.lstrip())].count(b"\n")


def _is_array(path: Path) -> bool:
    with path.open("rb") as handle:
        return handle.read(4096).removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"[")


def _start(raw: bytes) -> str:
    return raw[:200].decode("utf-8", "replace")
