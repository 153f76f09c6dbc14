"""JSON and JSON Lines that stream, keep the good lines and name the bad ones.

Lines end at "\\n" alone: `str.splitlines` would cut at U+2028, which is legal inside a JSON string.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

import jiter
import pydantic_core

from dyag_core.artifacts.atomic import atomic_write
from dyag_core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from io import BufferedReader
    from pathlib import Path

#: A line longer than this is a mistake (a whole corpus on one line), and reading it would cost its size in memory.
MAX_LINE_BYTES = 64 * 1024 * 1024
_CONTAINERS = (dict, list)
# A string, whole or torn, or a comma before a closing bracket or at the end.
_TRAILING_COMMA = re.compile(r'"(?:[^"\\]|\\.)*+(?:"|\Z)|(,)(?=\s*(?:[}\]]|\Z))', re.DOTALL)


@dataclass(frozen=True)
class BadLine:
    """A line that could not be used: its number (from 1), why, and its beginning.

    `value` is what it plainly says, where that is known: an array where an object was expected, or what is left once
    trailing commas are taken out.
    """

    line: int
    reason: str
    text: str
    value: dict[str, Any] | list[Any] | None = None


def read_jsonl(path: Path) -> Iterator[tuple[int, dict[str, Any] | BadLine]]:
    """Every line as (line number, object), or (line number, BadLine). Blank lines are passed over.

    Survives a byte-order mark, CRLF, bad UTF-8, NUL bytes, a torn last line, deep nesting and huge numbers.

    Raises:
        UsageError: the file is missing, is not text at all (UTF-16, gzip) or is one JSON array.
    """
    with _open(path) as handle:
        number = 0
        while True:
            raw = handle.readline(MAX_LINE_BYTES + 1)
            if not raw:
                return
            number += 1
            if number == 1:
                raw = raw.removeprefix(b"\xef\xbb\xbf")
                _refuse_other_formats(path, raw, more=bool(handle.peek(1)))
            if len(raw) > MAX_LINE_BYTES and not raw.endswith(b"\n"):
                _skip_line(handle)
                yield number, BadLine(number, f"longer than {MAX_LINE_BYTES // 2**20} MB", _start(raw))
            elif raw.strip():
                yield number, parse_line(number, raw)


def parse_line(number: int, raw: bytes) -> dict[str, Any] | BadLine:
    """One line as an object, or why it isn't one."""
    try:
        value = jiter.from_json(raw, catch_duplicate_keys=True, allow_inf_nan=False)
    except ValueError:
        return _explained(number, raw)
    return value if isinstance(value, dict) and not _overflown(value) else _explained(number, raw)


def _overflown(value: Any) -> bool:
    """Whether a number too large for a float (1e999) stands in it: jiter reads it as infinite."""
    inside = value.values() if isinstance(value, dict) else value
    if math.inf in inside or -math.inf in inside:
        return True
    for item in inside:  # noqa: SIM110 - a third of the time of any(...), and this runs for each line
        if isinstance(item, _CONTAINERS) and _overflown(item):
            return True
    return False


def _explained(number: int, raw: bytes) -> dict[str, Any] | BadLine:
    """What jiter refused, by Python's own reader: five times slower, but it says what is wrong in words for people."""
    try:
        line = raw.decode("utf-8").rstrip("\r\n")  # what is missing is missing at its end, not on the next one
        value = _strictly(line)
    except UnicodeDecodeError as error:
        return BadLine(number, f"not UTF-8 (byte {error.start + 1})", _start(raw))
    except RecursionError:
        return BadLine(number, "nested too deeply", _start(raw))
    except json.JSONDecodeError as error:
        return _without_commas(number, line) or BadLine(
            number, f"not JSON: {error.msg} (column {error.colno})", _start(raw)
        )
    except ValueError as error:  # a 5000-digit integer, NaN, a duplicate key
        return BadLine(number, str(error).split(";")[0], _start(raw))
    if not _writable(line, value):
        return BadLine(number, "holds half of a surrogate pair (\\ud800-\\udfff alone)", _start(raw))
    if not isinstance(value, dict):
        known = value if isinstance(value, list) else None
        return BadLine(number, f"a JSON {type(value).__name__}, not an object", _start(raw), known)
    return value


def _without_commas(number: int, line: str) -> BadLine | None:
    """A line that is bad for its trailing commas alone."""
    first = next((found.start(1) for found in _TRAILING_COMMA.finditer(line) if found[1]), None)
    if first is None:
        return None
    try:
        value = _strictly(_TRAILING_COMMA.sub(lambda found: "" if found[1] else found[0], line))
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, _CONTAINERS) or not _writable(line, value):
        return None
    return BadLine(number, f"a trailing comma (column {first + 1})", line[:200], value)


def _strictly(line: str) -> Any:
    return json.loads(line, object_pairs_hook=_no_duplicates, parse_constant=_no_constant, parse_float=_finite)


def _writable(line: str, value: Any) -> bool:
    """Whether no half of a surrogate pair stands in what a line says: UTF-8 can't write it."""
    if "\\ud" not in line.lower():
        return True
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def read_json(path: Path) -> Any:
    """A whole JSON file.

    Raises:
        UsageError: the file is missing or is not JSON; says where.
    """
    with _open(path) as handle:
        raw = handle.read().removeprefix(b"\xef\xbb\xbf")
    try:
        return json.loads(raw.decode("utf-8"), parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise UsageError(f"{path}: not JSON: {error.msg} (line {error.lineno}, column {error.colno})") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path}: not readable as JSON: {str(error)[:200]}") from error


def to_json(value: Any, *, indent: int | None = None) -> str:
    """`value` as JSON text: UTF-8 characters as they are, keys in the order given, NaN refused."""
    if indent:
        return json.dumps(value, ensure_ascii=False, indent=indent, allow_nan=False)
    text = pydantic_core.to_json(value, inf_nan_mode="constants").decode()
    if "NaN" in text or "Infinity" in text:  # a number that is none, or a word of a text
        json.dumps(value, allow_nan=False, default=str)
    return text


def write_jsonl(path: Path, rows: Iterable[dict[str, Any]]) -> int:
    """Write rows one a line, whole or not at all; returns how many."""
    count = 0
    with atomic_write(path) as handle:
        for row in rows:
            handle.write(to_json(row) + "\n")
            count += 1
    return count


def _open(path: Path) -> BufferedReader:
    try:
        return path.open("rb")
    except FileNotFoundError as error:
        raise UsageError(f"{path}: no such file") from error
    except IsADirectoryError as error:
        raise UsageError(f"{path}: is a folder, a file was expected") from error
    except (PermissionError, OSError) as error:
        raise UsageError(f"{path}: can't be read: {error}") from error


def _refuse_other_formats(path: Path, first: bytes, *, more: bool) -> None:
    if first.startswith(b"\x1f\x8b"):
        raise UsageError(f"{path}: is gzip-compressed", f"unpack it first: gunzip -c {path.name} > documents.jsonl")
    if first.startswith((b"\xff\xfe", b"\xfe\xff")) or (b"\x00" in first[:4] and first[:4] != b"\x00" * 4):
        raise UsageError(f"{path}: is UTF-16 or UTF-32 text", "save it as UTF-8")
    whole_line = more and first.rstrip().endswith(b"]")  # an array among objects is one bad line, not another format
    if first.lstrip().startswith(b"[") and not whole_line:
        raise UsageError(f"{path}: is one JSON array, one object a line was expected", f"jq -c '.[]' {path.name}")


def _skip_line(handle: IO[bytes]) -> None:
    while True:
        rest = handle.readline(MAX_LINE_BYTES)
        if not rest or rest.endswith(b"\n"):
            return


def _start(raw: bytes) -> str:
    return raw[:200].decode("utf-8", "replace").rstrip("\r\n")


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise ValueError(f"the key {twice!r} stands twice")
    return value


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError(f"the number {text[:20]} is too large")
    return value
