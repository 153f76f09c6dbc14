"""Questions with several accepted answers: a list under one of the names that question sets use.

The first is the expected answer, unless a single one stands beside the list; the others are right as well. SQuAD writes
`answers` as a list of texts or as `{"text": [...], "answer_start": [...]}`. A number or a boolean is an answer too.
`answer` counts only where no other name stands beside it: in results it is what the model said.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_NAMES = ("expected_answers", "expected_answer", "answers", "expected")
_SINGLE = ("expected_answer", "expected", "answer")


def with_one_answer(row: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The row with its first accepted answer as `expected_answer`, and the others; a row without a list as it is.

    Raises:
        ValueError: the list is empty, or something in it is no answer.
    """
    for name in _NAMES if any(name in row for name in _NAMES) else ("answer",):
        value = row.get(name)
        given = value.get("text") if isinstance(value, Mapping) else value
        if isinstance(given, int | float):
            given = [given]
        if not isinstance(given, list):
            if name == _NAMES[0] and given is not None:
                raise ValueError(f'"{name}" is not a list of texts')
            continue
        single = next((row[key] for key in _SINGLE if isinstance(row.get(key), str) and row[key].strip()), None)
        first = [single] if single is not None else []
        answers = list(dict.fromkeys([*first, *(_text(answer, name) for answer in given)]))
        if not answers:
            raise ValueError(f'"{name}" is empty; where nothing answers the question, expect the sentence that says so')
        return {**row, "expected_answer": answers[0]}, tuple(answers[1:])
    return dict(row), ()


def _text(answer: Any, name: str) -> str:
    """One answer of the list, numbers and booleans as JSON writes them. An answer may be an object with a text."""
    if isinstance(answer, Mapping):
        answer = answer.get("text")
    if isinstance(answer, bool):
        return "true" if answer else "false"
    if isinstance(answer, int | float):
        return str(answer)
    if not isinstance(answer, str) or not answer.strip():
        raise ValueError(f'"{name}" holds something that is no answer')
    return answer
