"""Files of test questions, DYAG's own and other tools', as rows that `dyag_core.chat.questions` reads.

One module a tool. A reader of rows is `question(row)`: the row in DYAG's own words (`question`, `expected_answers`,
`meta`), or None where it is none of that tool's. ValueError says why a row of that tool's can't be asked.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from dyag_core.artifacts import BadLine, is_one_array, read_rows
from dyag_core.chat.question_files import autorag, deepeval, promptfoo, ragas, squad, tables, votes
from dyag_core.documents.parquet import PARQUET_SUFFIXES, parquet_rows

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dyag_core.chat.question_files.rows import Placed, Row

#: What a user may be told: which files are read.
KNOWN_FILES = (
    "JSON Lines or one JSON array, CSV and TSV, Parquet, and the files of SQuAD, ragas, AutoRAG, deepeval, promptfoo "
    "and dyag serve --votes"
)
_READERS = (ragas.question, autorag.question, deepeval.question, promptfoo.question, squad.question)
_YAML = (".yaml", ".yml")
#: A row with one of these is a chat, or in DYAG's own words, whatever stands beside it.
_OWN = ("messages", "conversations", "completion", "output", "expected_answer", "expected_answers")


def question_rows(path: Path) -> Iterator[Placed]:
    """Every row of a file of questions as (where it stands, the row or why it can't be read).

    A table is told by its name's ending; an object of JSON by what stands in it; a row by its fields.

    Raises:
        UsageError: the file is missing, or holds nothing of the kind. PluginError: Parquet, and pyarrow is missing.
    """
    for place, row in _rows(path):
        if isinstance(row, str):
            yield place, row
            continue
        try:
            yield place, row if any(name in row for name in _OWN) else _in_our_words(row)
        except ValueError as error:
            yield place, str(error)


def _in_our_words(row: Row) -> Row:
    return next((made for read in _READERS if (made := read(row)) is not None), row)


def _rows(path: Path) -> Iterator[Placed]:
    suffix = path.suffix.lower()
    if suffix in tables.SUFFIXES:
        return tables.rows(path)
    if suffix in PARQUET_SUFFIXES:
        return ((f"row {number}", row) for number, row in parquet_rows(path))
    if suffix in votes.SUFFIXES:
        return votes.rows(path)
    if suffix in _YAML:
        return promptfoo.tests(path)
    whole = _one_object(path)
    for rows in (squad.rows, deepeval.rows, promptfoo.rows_of):
        if whole is not None and (found := rows(whole)) is not None:
            return found
    return _json_rows(path) if whole is None else iter([("the object", whole)])


def _json_rows(path: Path) -> Iterator[Placed]:
    what = "item" if is_one_array(path) else "line"
    for number, row in read_rows(path):
        yield f"{what} {number}", row.reason if isinstance(row, BadLine) else row


def _one_object(path: Path) -> Row | None:
    """The object that a file consists of; None for a file of any other kind, and where it isn't whole."""
    if not path.is_file() or path.suffix.lower() in (".jsonl", ".ndjson"):
        return None
    with path.open("rb") as handle:
        if not handle.read(4096).removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{"):
            return None
        handle.seek(0)
        try:
            value: Any = json.loads(handle.read().decode("utf-8-sig"))
        except (ValueError, RecursionError):  # objects one a line, or a torn one: told line by line
            return None
    return value if isinstance(value, dict) else None
