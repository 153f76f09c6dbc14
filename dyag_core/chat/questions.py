"""Test questions, in any shape that training rows have too (a file may mix them), and in other tools' files.

`meta` says where a question comes from.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from dyag_core.artifacts import sha256_of
from dyag_core.chat.accepted_answers import with_one_answer
from dyag_core.chat.prompts import without_context
from dyag_core.chat.question_files import KNOWN_FILES, question_rows
from dyag_core.chat.row_shapes import KNOWN_SHAPES, messages_from, read_row
from dyag_core.errors import UsageError
from dyag_core.records import Message, Question
from dyag_core.text.abstention import wants_abstention
from dyag_core.text.sanitize import plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

UNANSWERABLE = "unanswerable"
#: So many bad rows are named.
_SHOWN = 5


def read_questions(path: Path, default_system: str | None, left_out: list[str] | None = None) -> list[Question]:
    """Every question of a file, in order; which files are read says `dyag_core.chat.question_files`.

    `default_system` goes before questions that come without messages. An id is the row's own, else a hash of the
    prompt, so it stays the same when lines move; repeated ids are numbered, past those that the file holds itself.
    Rows that are no questions are put into `left_out`, each as "line 3: why"; without such a list they are refused.

    Raises:
        UsageError: the file holds no question, or rows that are none; the first few are named with their reasons.
    """
    questions: list[Question] = []
    bad: list[str] = []
    for place, row in question_rows(path):
        try:
            questions.append(_question(row, default_system))
        except ValueError as error:
            bad.append(f"{place}: {error}")
    if bad and (left_out is None or not questions):
        raise UsageError(
            f"{path}: {len(bad)} of {len(bad) + len(questions)} lines are no questions\n{first_of(bad)}",
            f"one a line: {KNOWN_SHAPES}; or {KNOWN_FILES}",
        )
    if left_out is not None:
        left_out += bad
    if not questions:
        raise UsageError(f"{path}: no questions in it", f"what is read: {KNOWN_FILES}")
    return _told_apart(questions)


def read_usable(path: Path, default_system: str | None, tell: Callable[[str], None]) -> list[Question]:
    """The questions of a file; rows that are none are left out, and `tell` gets one text that names them.

    Raises:
        UsageError: the file holds no question.
    """
    left_out: list[str] = []
    questions = read_questions(path, default_system, left_out)
    if left_out:
        tell(f"{path}: {len(left_out)} rows are no questions, and are left out\n{first_of(left_out)}")
    return questions


def first_of(bad: Sequence[str]) -> str:
    """The first few bad rows, one a line, and how many more there are."""
    more = [f"and {len(bad) - _SHOWN} more"] if len(bad) > _SHOWN else []
    return "\n".join(f"  {row}" for row in [*bad[:_SHOWN], *more])


def _told_apart(questions: Sequence[Question]) -> list[Question]:
    """The same questions, no two with one id."""
    taken, seen = {question.id for question in questions}, set[str]()
    numbers: defaultdict[str, Iterator[int]] = defaultdict(lambda: itertools.count(2))
    apart: list[Question] = []
    for question in questions:
        if question.id in seen:
            free = next(name for n in numbers[question.id] if (name := f"{question.id}-{n}") not in taken)
            taken.add(free)
            question = question.model_copy(update={"id": free})
        seen.add(question.id)
        apart.append(question)
    return apart


def _question(row: Mapping[str, Any] | str, default_system: str | None) -> Question:
    """One row as a Question. ValueError: why it is none, or what the reader said of it."""
    if isinstance(row, str):
        raise ValueError(row)
    row, others = with_one_answer(row)
    read = read_row(row)
    read.refuse_faults()
    messages = messages_from(read.under(default_system) if read.plain else read.turns)
    if not messages or messages[-1].role != "assistant":
        raise ValueError("it ends without the assistant's answer")
    if read.turns[-1].unwanted:
        raise ValueError(f"its answer is marked as a bad one: {read.turns[-1].unwanted}")
    *prompt, answer = messages
    if not answer.content.strip():
        raise ValueError("the answer is empty")
    if not prompt or prompt[-1].role != "user" or not prompt[-1].content.strip():
        raise ValueError("the last turn before the answer is no question of the user's")
    # rows that were trained with passages are asked without: an arm that retrieves adds its own
    asked = prompt[-1].model_copy(update={"content": without_context(prompt[-1].content)})
    return _with_origin(row, (*prompt[:-1], asked), answer.content, others)


def _with_origin(
    row: dict[str, Any], messages: tuple[Message, ...], expected: str, others: tuple[str, ...]
) -> Question:
    meta = row.get("meta", row.get("metadata"))
    meta = {**row, **meta} if isinstance(meta, dict) else row
    own_id = plain(_label(row.get("id")) or _label(meta.get("id")) or "")  # as it is read again from a results file
    stratum = _label(meta.get("stratum"))
    answerable = meta.get("answerable")
    if not isinstance(answerable, bool):
        answerable = not wants_abstention(expected) if stratum is None else stratum != UNANSWERABLE
    chunk = _label(meta.get("chunk"))
    return Question(
        id=own_id or sha256_of([message.model_dump() for message in messages])[:16],
        question=messages[-1].content,
        expected_answer=expected,
        expected_answers=others,
        messages=messages,
        answerable=answerable,
        stratum=stratum,
        document=_label(meta.get("document")),
        chunk=chunk,
        other_chunks=tuple(name for name in _labels(meta.get("chunks")) if name != chunk) if chunk else (),
        fact=_fact(meta.get("fact")),
    )


def _label(value: Any) -> str | None:
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) and str(value) else None


def _labels(value: Any) -> tuple[str, ...]:
    return tuple(filter(None, map(_label, value))) if isinstance(value, list) else ()


def _fact(value: Any) -> str | None:
    return _label(value.get("id")) if isinstance(value, dict) else _label(value)


def language_sample(questions: Sequence[Question]) -> list[str]:
    """Texts to tell the questions' language by."""
    return [text for q in questions for text in (q.question, q.expected_answer)]
