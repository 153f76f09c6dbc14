"""What could not be used, and why: NAME.rejects.jsonl beside an output."""

from __future__ import annotations

from contextlib import ExitStack
from typing import IO, TYPE_CHECKING, Any, Self

from dyag_core.artifacts.atomic import atomic_write
from dyag_core.artifacts.jsonl import BadLine, to_json
from dyag_core.text.sanitize import writable

if TYPE_CHECKING:
    from pathlib import Path


def rejects_path(output: Path) -> Path:
    """Where the bad lines of what becomes `output` are kept."""
    return output.with_name(f"{output.stem}.rejects.jsonl")


class Rejects:
    """Bad input lines, written as they come. The file appears with the first one; without any, an older file goes."""

    def __init__(self, output: Path) -> None:
        self.path = rejects_path(output)
        self.count = 0
        self._files = ExitStack()
        self._handle: IO[Any] | None = None

    def __enter__(self) -> Self:
        return self

    def add(self, file: str, line: BadLine) -> None:
        """Keep a line of `file` that can't be used."""
        if self._handle is None:
            self._handle = self._files.enter_context(atomic_write(self.path))
        self.count += 1
        row = {"file": file, "line": line.line, "reason": line.reason, "text": line.text}
        self._handle.write(writable(to_json(row)) + "\n")

    def __exit__(self, *error: object) -> None:
        if self._handle is None and error[0] is None:
            self.path.unlink(missing_ok=True)
        self._files.close()
