"""CSV and TSV: a question a row, under headings in English or French (`headings`), or promptfoo's (`__expected`).

The header is the first line that has a heading for the question and one for its answer; what stands above is passed
over. Encoding and separator are found out as for tables of documents.
"""

from __future__ import annotations

import ast
import csv
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dyag_core.chat.question_files import promptfoo
from dyag_core.chat.question_files.headings import answer_headings, meta_headings, question_heading
from dyag_core.chat.question_files.rows import Row, asked, unanswerable
from dyag_core.documents.decoding import decoded
from dyag_core.documents.dialect import declared_separator, separator_of
from dyag_core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dyag_core.chat.question_files.rows import Placed

SUFFIXES = (".csv", ".tsv")
#: In so many lines the header is looked for, and in so many the separator.
_HEADER_LINES, _SAMPLE = 10, 500
_YES, _NO = ("true", "yes", "1", "vrai", "oui"), ("false", "no", "0", "faux", "non")


def rows(path: Path) -> Iterator[Placed]:
    """Every row below the header.

    Raises:
        UsageError: the file is missing or no text, or none of its first lines is a header.
    """
    lines = _lines(path)
    separator = separator_of([line for _, line in lines[:_SAMPLE]]) or ","
    cells = _cells(lines, separator)
    headings = _header(path, cells)
    for number, row in cells:
        if any(cell.strip() for cell in row):
            yield f"line {number}", _read(headings, row)


def _lines(path: Path) -> list[tuple[int, str]]:
    try:
        text, _ = decoded(path.read_bytes())
    except FileNotFoundError as error:
        raise UsageError(f"{path}: no such file") from error
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: can't be read as text: {error}", "save it as CSV in UTF-8") from error
    lines = [(number, f"{line}\n") for number, line in enumerate(text.split("\n"), 1)]
    return lines[1:] if lines and declared_separator(lines[0][1]) else lines


def _cells(lines: Sequence[tuple[int, str]], separator: str) -> Iterator[tuple[int, list[str]]]:
    """Each row with the number of the line on which it begins."""
    first = lines[0][0] if lines else 1
    reader = csv.reader((line for _, line in lines), delimiter=separator)
    begins = first
    for row in reader:
        yield begins, row
        begins = first + reader.line_num


def _header(path: Path, cells: Iterator[tuple[int, list[str]]]) -> list[str]:
    shown: list[str] = []
    for _, (_, row) in zip(range(_HEADER_LINES), cells, strict=False):
        headings = _told_apart([heading.strip() for heading in row])
        single, several = answer_headings(headings)
        told = any(heading.startswith(promptfoo.EXPECTED) for heading in headings)
        if told or (question_heading(headings) and (single or several)):
            return headings
        shown = shown or [heading for heading in headings if heading]
    raise UsageError(
        f"{path}: no column of questions and one of answers; the first line has: {', '.join(shown) or 'nothing'}",
        "name them question and answer (or question and réponse) in a first line",
    )


def _told_apart(headings: Sequence[str]) -> list[str]:
    """The same headings, no two alike: "answer" twice is "answer" and "answer 2"."""
    return [f"{one} {headings[:i].count(one) + 1}" if one in headings[:i] else one for i, one in enumerate(headings)]


def _read(headings: Sequence[str], row: Sequence[str]) -> Row | str:
    if len(row) > len(headings) and any(cell.strip() for cell in row[len(headings) :]):
        return f"{len(row)} cells under {len(headings)} headings: put quotes around a text that holds the separator"
    cells = dict(zip(headings, [*row, *[""] * len(headings)], strict=False))
    try:
        if any(heading.startswith(promptfoo.EXPECTED) for heading in headings):
            return promptfoo.from_cells(cells)
        return _asked(headings, cells)
    except ValueError as error:
        return str(error)


def _asked(headings: Sequence[str], cells: dict[str, str]) -> Row:
    single, several = answer_headings(headings)
    answers = [answer for name in single if (answer := cells[name].strip())]
    answers += [answer for name in several for answer in _divided(cells[name])]
    about: dict[str, Any] = {name: cells[heading].strip() or None for name, heading in meta_headings(headings).items()}
    question = cells[question_heading(headings) or ""].strip()
    system, stated = about.pop("system", None), (about.pop("answerable", None) or "").casefold()
    if stated and stated not in (*_YES, *_NO):
        raise ValueError(f'"answerable" is {stated!r}, neither true nor false')
    if stated:
        about["answerable"] = stated in _YES
    if not answers and stated in _NO:
        row = unanswerable(question, **{name: value for name, value in about.items() if name != "answerable"})
    else:
        row = asked(question, answers, **about)
    return {**row, "system": system} if system else row


def _divided(cell: str) -> list[str]:
    """The answers of a cell: a list as Python or JSON writes it, else texts with | between."""
    text = cell.strip()
    if text.startswith("[") and text.endswith("]"):
        try:
            value = ast.literal_eval(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            value = None
        if isinstance(value, list) and all(isinstance(part, str | int | float) for part in value):
            return [str(part) for part in value]
    return [part.strip() for part in text.split("|") if part.strip()]
