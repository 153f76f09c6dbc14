"""What `review` shows a person, and what the verdicts come to."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from dyag_core.records.base import Record

Verdict = Literal["right", "poor", "wrong"]


class Excerpt(Record):
    """A passage that a row was made from; `start` to `end` (characters) is where its answer stands, if it was found."""

    chunk: str
    text: str
    start: int = 0
    end: int = 0

    @property
    def parts(self) -> tuple[str, str, str]:
        """Before the answer, the answer, and behind it."""
        return self.text[: self.start], self.text[self.start : self.end], self.text[self.end :]


class ReviewRow(Record):
    """A row to be judged. `key` stays the same wherever the row stands, as long as its words do."""

    key: str
    line: int
    history: tuple[str, ...] = ()
    question: str
    answer: str
    stratum: str | None = None
    document: str | None = None
    excerpts: tuple[Excerpt, ...] = ()
    verdict: Verdict | None = None
    note: str = ""


class Share(Record):
    """How many of the rows read got a verdict: per cent, with its 95 % interval (Wilson 1927)."""

    count: int
    percent: float
    low: float
    high: float


class Review(Record):
    """A sample of a file's rows, with the verdicts so far.

    `read` counts the rows of the sample with a verdict, `shares` holds their part of each. `dropped` is how many rows
    marked wrong are missing in the file `written`.
    """

    file: Path
    rows: int
    sample: tuple[ReviewRow, ...]
    verdicts: Path
    read: int = 0
    shares: dict[Verdict, Share] = Field(default_factory=dict)
    page: Path | None = None
    written: Path | None = None
    dropped: int = 0
