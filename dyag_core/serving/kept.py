"""What was asked and answered, kept in a file only where whoever runs the server says so."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from dyag_core.artifacts import disk_errors, to_json

if TYPE_CHECKING:
    from pathlib import Path

    from dyag_core.serving.answered import Answered


class Kept:
    """A line of JSON for each answer, added to `file`. Raises what opening it raises."""

    def __init__(self, file: Path) -> None:
        with disk_errors(file):
            self._handle = file.open("ab+")
            if self._handle.tell():
                self._handle.seek(-1, 2)
                if self._handle.read(1) != b"\n":  # a line that a kill tore: the next one must not be glued to it
                    self._handle.write(b"\n")

    def add(self, answer: Answered) -> None:
        """Keep an answer."""
        row = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(answer.created)),
            "question": answer.question,
            "answer": answer.answer,
            "arm": answer.arm,
            "outcome": answer.outcome,
            "sources": list(answer.sources),
            "seconds": round(answer.seconds, 3),
            "prompt_tokens": answer.prompt_tokens,
            "completion_tokens": answer.completion_tokens,
        }
        self._handle.write(to_json(row).encode() + b"\n")
        self._handle.flush()

    def close(self) -> None:
        """Let go of the file."""
        self._handle.close()
