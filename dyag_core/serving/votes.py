"""Votes between two answers whose arms were hidden, in a file of SQLite: one that was acknowledged is on the disk."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, Field, ValidationError

from dyag_core.errors import UsageError
from dyag_core.records.base import problems
from dyag_core.serving.errors import ApiError

_TABLE = """
CREATE TABLE IF NOT EXISTS votes (
    number INTEGER PRIMARY KEY,
    time TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now')),
    question TEXT NOT NULL,
    left_arm TEXT NOT NULL, left_answer TEXT NOT NULL,
    right_arm TEXT NOT NULL, right_answer TEXT NOT NULL,
    choice TEXT NOT NULL CHECK (choice IN ('left', 'right', 'same', 'wrong')),
    expected_answer TEXT
) STRICT
"""


class _Side(BaseModel):
    arm: str
    answer: str = Field(max_length=100_000)


class CastVote(BaseModel):
    """Which of two answers to a question somebody found better, and the right answer where they know it."""

    question: str = Field(min_length=1, max_length=20_000)
    left: _Side
    right: _Side
    choice: Literal["left", "right", "same", "wrong"]
    right_answer: str | None = Field(None, max_length=5_000)


def read_vote(body: dict[str, Any], arms: list[str]) -> CastVote:
    """A vote as the page sends it. ApiError: a field doesn't fit, or the arms aren't two of these."""
    try:
        vote = CastVote.model_validate(body)
    except ValidationError as error:
        raise ApiError(400, problems(error), code="invalid_value") from error
    if vote.left.arm == vote.right.arm or not {vote.left.arm, vote.right.arm} <= set(arms):
        raise ApiError(400, "a vote is between two of the arms here", code="invalid_value")
    return vote


class Votes:
    """The votes in a file. Several threads may add; several servers may share the file.

    Raises:
        UsageError: the file is something else, or can't be written.
    """

    def __init__(self, file: Path) -> None:
        self._lock = threading.Lock()
        try:
            self._base = sqlite3.connect(file, check_same_thread=False, isolation_level=None, timeout=10)
            self._base.execute("PRAGMA journal_mode = WAL")
            self._base.execute("PRAGMA synchronous = FULL")  # WAL alone may lose the last ones when the power goes
            self._base.execute(_TABLE)
        except sqlite3.Error as error:
            raise UsageError(
                f"{file}: votes can't be kept there: {error}", "name another file, or a new one"
            ) from error

    def add(self, vote: CastVote) -> int:
        """Keep a vote; when this returns it is on the disk. How many there are now."""
        sides = (vote.left.arm, vote.left.answer, vote.right.arm, vote.right.answer)
        with self._lock:
            self._base.execute(
                "INSERT INTO votes (question, left_arm, left_answer, right_arm, right_answer, choice, expected_answer)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (vote.question, *sides, vote.choice, vote.right_answer),
            )
            return int(self._base.execute("SELECT count(*) FROM votes").fetchone()[0])

    def close(self) -> None:
        """Let go of the file."""
        self._base.close()
