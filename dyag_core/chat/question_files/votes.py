"""The file of `dyag serve --votes`: right answers that people typed are questions, each asked once."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from dyag_core.chat.question_files.rows import asked
from dyag_core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dyag_core.chat.question_files.rows import Placed

SUFFIXES = (".sqlite", ".sqlite3", ".db")
_ANSWERED = "SELECT number, question, expected_answer FROM votes WHERE trim(expected_answer) <> '' ORDER BY number"


def rows(path: Path) -> Iterator[Placed]:
    """A row for each question with all the answers that were typed for it, in the order in which they came.

    Raises:
        UsageError: the file is missing, or holds no votes.
    """
    if not path.is_file():
        raise UsageError(f"{path}: no such file")
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as base:
            votes = base.execute(_ANSWERED).fetchall()
    except sqlite3.Error as error:
        raise UsageError(f"{path} holds no votes: {error}", "give the file of dyag serve --votes") from error
    answers: dict[str, list[str]] = {}
    first: dict[str, int] = {}
    for number, question, answer in votes:
        first.setdefault(question, number)
        answers.setdefault(question, []).append(answer.strip())
    for question, given in answers.items():
        yield f"vote {first[question]}", asked(question, list(dict.fromkeys(given)))
