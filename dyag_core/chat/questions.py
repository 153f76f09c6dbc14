"""Read test questions, in whichever of three shapes a file has them; a file may mix them.

`{"question", "expected_answer"}` (`answer` or `expected` will do), `{"messages": [...]}` as training rows have them,
and `{"prompt", "completion"}`, each a text or a list of messages. `meta` says where a question comes from.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from dyag_core.artifacts import BadLine, read_jsonl, sha256_of
from dyag_core.chat.prompts import question_messages, without_context
from dyag_core.errors import UsageError
from dyag_core.records import Message, Question
from dyag_core.text.abstention import abstains
from dyag_core.text.normalise import normalise

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

UNANSWERABLE = "unanswerable"
_EXPECTED_KEYS = ("expected_answer", "expected", "answer")
_SHOWN = 5


def read_questions(path: Path, default_system: str | None) -> list[Question]:
    """Every question of a JSONL file, in order. `default_system` goes before questions that come without messages.

    An id is the row's own, else a hash of the prompt, so it stays the same when lines move; repeated ids are numbered.

    Raises:
        UsageError: the file holds no question, or lines that are none; the first few are named with their reasons.
    """
    questions: list[Question] = []
    bad: list[BadLine] = []
    seen: Counter[str] = Counter()
    for number, row in read_jsonl(path):
        if isinstance(row, BadLine):
            bad.append(row)
            continue
        try:
            question = _question(row, default_system)
        except ValueError as error:
            bad.append(BadLine(number, _reason(error), ""))
            continue
        seen[question.id] += 1
        if seen[question.id] > 1:
            question = question.model_copy(update={"id": f"{question.id}-{seen[question.id]}"})
        questions.append(question)
    if bad:
        lines = "\n".join(f"  line {line.line}: {line.reason}" for line in bad[:_SHOWN])
        more = f"\n  and {len(bad) - _SHOWN} more" if len(bad) > _SHOWN else ""
        raise UsageError(
            f"{path}: {len(bad)} of {len(bad) + len(questions)} lines are no questions\n{lines}{more}",
            'each line needs "question" and "expected_answer", or "messages", or "prompt" and "completion"',
        )
    if not questions:
        raise UsageError(f"{path}: no questions in it")
    return questions


def question_hash(question: str) -> str:
    """How a question stands in a model's `trained_questions.txt`: 16 hex digits over its normalised text."""
    return hashlib.sha256(normalise(question).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _question(row: dict[str, Any], default_system: str | None) -> Question:
    """One row as a Question. ValueError: why it is none."""
    if "messages" in row:
        *prompt, answer = _messages(row["messages"], "messages")
        if answer.role != "assistant":
            raise ValueError('"messages" ends without the assistant\'s answer')
        messages, expected = tuple(prompt), answer.content
    elif "prompt" in row:
        given = row["prompt"]
        messages = question_messages(given, default_system) if isinstance(given, str) else _messages(given, "prompt")
        expected = _completion(row.get("completion"))
    elif "question" in row:
        messages = question_messages(_text(row, "question"), default_system)
        expected = _text(row, next((key for key in _EXPECTED_KEYS if key in row), "expected_answer"))
    else:
        raise ValueError('neither "question" nor "messages" nor "prompt" in it')
    if not messages or messages[-1].role != "user" or not messages[-1].content.strip():
        raise ValueError("the last turn before the answer is no question of the user's")
    # rows that were trained with passages are asked without: an arm that retrieves adds its own
    asked = messages[-1].model_copy(update={"content": without_context(messages[-1].content)})
    return _with_origin(row, (*messages[:-1], asked), expected)


def _with_origin(row: dict[str, Any], messages: tuple[Message, ...], expected: str) -> Question:
    meta = row.get("meta", row.get("metadata"))
    meta = {**row, **meta} if isinstance(meta, dict) else row
    own_id = _label(row.get("id")) or _label(meta.get("id"))
    stratum = _label(meta.get("stratum"))
    answerable = meta.get("answerable")
    if not isinstance(answerable, bool):
        answerable = not abstains(expected) if stratum is None else stratum != UNANSWERABLE
    chunk = _label(meta.get("chunk"))
    return Question(
        id=own_id or sha256_of([message.model_dump() for message in messages])[:16],
        question=messages[-1].content,
        expected_answer=expected,
        messages=messages,
        answerable=answerable,
        stratum=stratum,
        document=_label(meta.get("document")),
        chunk=chunk,
        other_chunks=tuple(name for name in _labels(meta.get("chunks")) if name != chunk) if chunk else (),
        fact=_fact(meta.get("fact")),
    )


def _messages(value: Any, key: str) -> tuple[Message, ...]:
    if not isinstance(value, list) or not value:
        raise ValueError(f'"{key}" is not a list of messages')
    return tuple(Message.model_validate(_turn(turn)) for turn in value)


def _turn(turn: Any) -> Any:
    """Role and content alone: other tools' rows carry more."""
    return {key: turn[key] for key in ("role", "content") if key in turn} if isinstance(turn, dict) else turn


def _completion(value: Any) -> str:
    if isinstance(value, str):
        return value
    messages = _messages(value, "completion")
    if len(messages) != 1 or messages[0].role != "assistant":
        raise ValueError('"completion" is not one answer of the assistant')
    return messages[0].content


def _text(row: dict[str, Any], key: str) -> str:
    value = row.get(key)
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f'"{key}" is missing or empty' if value in (None, "") else f'"{key}" is not a text')
    return value


def _label(value: Any) -> str | None:
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) and str(value) else None


def _labels(value: Any) -> tuple[str, ...]:
    return tuple(filter(None, map(_label, value))) if isinstance(value, list) else ()


def _fact(value: Any) -> str | None:
    return _label(value.get("id")) if isinstance(value, dict) else _label(value)


def _reason(error: ValueError) -> str:
    if isinstance(error, ValidationError):
        first: Any = error.errors()[0]
        return f"message: {'.'.join(map(str, first['loc'])) or 'turn'}: {first['msg']}"
    return str(error)


def trained_questions(model: Path) -> frozenset[str]:
    """Hashes of the questions that a model folder says it was trained on; empty where it says nothing."""
    path = model / "trained_questions.txt"
    return frozenset(path.read_text(encoding="ascii").split()) if path.is_file() else frozenset()


def language_sample(questions: Sequence[Question]) -> list[str]:
    """Texts to tell the questions' language by."""
    return [text for q in questions for text in (q.question, q.expected_answer)]
