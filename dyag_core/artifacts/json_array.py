"""One JSON array as a file: read element by element, whatever its size, and one bad element costs only itself."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import IO, TYPE_CHECKING, Any

import jiter

from dyag_core.artifacts.jsonl import MAX_LINE_BYTES, BadLine, parse_line, read_jsonl
from dyag_core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_BLOCK = 1 << 20
_BOM = b"\xef\xbb\xbf"
_OUTSIDE = re.compile(rb'["{}\[\],\n]')
_IN_STRING = re.compile(rb'["\\\n]')
_OBJECT_IN_ARRAY = re.compile(rb"\[\s*\{")


@dataclass(frozen=True)
class _Element:
    """Bytes between two commas, or nothing but white space; `sign` is what ends them: b"," or b"]", b"" at the end."""

    line: int
    raw: bytes
    sign: bytes

    def parsed(self, number: int) -> dict[str, Any] | BadLine:
        if len(self.raw) > MAX_LINE_BYTES:
            return BadLine(number, f"an element of more than {MAX_LINE_BYTES // 2**20} MB", _start(self.raw))
        return parse_line(number, self.raw)


def begins_as_array(path: Path) -> bool:
    """Whether the first thing in a file is an opening bracket."""
    with path.open("rb") as handle:
        return handle.read(4096).removeprefix(_BOM).lstrip().startswith(b"[")


def depth_of_objects(start: bytes) -> int:
    """How deep the first array of objects stands by the beginning of a file: {"data": [{...}]} at 2; 0 for none."""
    depth = position = 0
    in_string = False
    while mark := (_IN_STRING if in_string else _OUTSIDE).search(start, position):
        sign, position = mark[0], mark.end()
        if sign == b"\\":
            position += 1
        elif sign == b'"':
            in_string = not in_string
        elif sign in b"{[":
            depth += 1
            if sign == b"[" and _OBJECT_IN_ARRAY.match(start, mark.start()):
                return depth
        elif sign in b"}]":
            depth -= 1
    return 0


def read_array(path: Path, depth: int = 1) -> Iterator[tuple[int, dict[str, Any] | BadLine]]:
    """Each element of a JSON array as (line where it begins, object or BadLine), whatever the size of the file.

    Elements are told apart by brackets and quotes alone. Where these don't match, the reading loses its way: what
    follows is one bad element, named by the line where it begins.

    Args:
        depth: 1 where the file is an array; 2 for the objects of arrays in an object, and so on.
    """
    with path.open("rb") as handle:
        for element in _elements(handle, depth):
            if element.raw.strip() and (depth == 1 or element.raw.lstrip().startswith(b"{")):
                yield element.line, element.parsed(element.line)


def is_one_array(path: Path) -> bool:
    """Whether a file is one JSON array, and not one array a line."""
    if not path.is_file() or not begins_as_array(path):
        return False
    with path.open("rb") as handle:
        first = next((line for line in _lines(handle) if line.removeprefix(_BOM).strip()), b"")
        more = any(line.strip() for line in _lines(handle))
    try:
        jiter.from_json(first.removeprefix(_BOM))
    except ValueError:
        return True
    return not more


def read_rows(path: Path) -> Iterator[tuple[int, dict[str, Any] | BadLine]]:
    """Rows of a file of JSON Lines (numbered by line) or of one JSON array (numbered by element), from 1.

    Stricter than `read_array`: a comma with nothing behind it and an end that is missing are bad, too.

    Raises:
        UsageError: as `read_jsonl`; or an array is cut off, and nothing in it can be read.
    """
    if not is_one_array(path):
        yield from read_jsonl(path)
        return
    number, row, readable, sign = 0, None, False, b"]"
    with path.open("rb") as handle:
        for element in _elements(handle):
            sign = element.sign
            if element.raw.strip():
                if row is not None:
                    yield number, row
                number += 1
                row = element.parsed(number)
                readable = readable or not isinstance(row, BadLine) or row.value is not None
            elif row is not None and sign:
                row = _with_a_comma_behind(number, row, last=sign == b"]")
    if sign:
        if row is not None:
            yield number, row
        return
    if not readable:
        reason = row.reason if isinstance(row, BadLine) else "nothing stands in it"
        raise UsageError(f"{path}: begins as a JSON array that is never closed: {reason}", "write it again, whole")
    if row is not None:
        yield number, row
    if not isinstance(row, BadLine) or row.value is not None:  # else it is the torn element itself
        yield number + 1, BadLine(number + 1, "the array is not closed: its end is missing", "")


def _with_a_comma_behind(number: int, row: dict[str, Any] | BadLine, *, last: bool) -> BadLine:
    reason = "a trailing comma at the end of the array" if last else "a comma too many behind it"
    return replace(row, reason=reason) if isinstance(row, BadLine) else BadLine(number, reason, "", row)


def _lines(handle: IO[bytes]) -> Iterator[bytes]:
    while line := handle.readline(MAX_LINE_BYTES):
        yield line


def _elements(handle: IO[bytes], inside: int = 1) -> Iterator[_Element]:
    """Each element of the arrays at depth `inside`; of one that is too long the beginning."""
    line = first_line = 1
    depth, in_string, taking = 0, False, inside == 1
    kept = bytearray()
    position = 0
    block = handle.read(_BLOCK).removeprefix(_BOM)
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
                if depth == inside and (inside == 1 or sign == b"["):
                    taking, start, first_line = True, position, line
            elif depth == inside and taking:  # a comma between elements, or the bracket behind the last
                kept += block[start : mark.start()]
                yield _Element(_begins(first_line, kept), bytes(kept), sign)
                kept.clear()
                taking, start, first_line = inside == 1 or sign == b",", position, line
            if sign in b"}]":
                depth = max(0, depth - 1)
        if taking and len(kept) <= MAX_LINE_BYTES:
            kept += block[start:]
        position = max(0, position - len(block))
        block = handle.read(_BLOCK)
    if depth or kept.strip():  # the closing bracket is missing, or something stands behind it
        yield _Element(_begins(first_line, kept), bytes(kept), b"")


def _begins(line: int, kept: bytes | bytearray) -> int:
    return line + kept[: len(kept) - len(kept.lstrip())].count(b"\n")


def _start(raw: bytes) -> str:
    return raw[:200].decode("utf-8", "replace")
