"""What the readers of question files have in common: how a row is made, and what it is told by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dyag_core.text.abstention import UNKNOWN
from dyag_core.text.language import detect_language

Row = Mapping[str, Any]
#: Where a row stands in its file ("line 3"), and the row, or why it can't be read.
Placed = tuple[str, Row | str]


def asked(question: Any, accepted: Any, *, id: Any = None, **meta: Any) -> Row:
    """A question with its accepted answers, one or a list, as a row; `meta` is where it comes from.

    Raises:
        ValueError: the question is no text, or there is no answer.
    """
    if not isinstance(question, str) or not question.strip():
        raise ValueError("the question is empty, or no text")
    answers = accepted if isinstance(accepted, list) else [accepted]
    if not answers or any(answer is None or answer == "" for answer in answers):
        raise ValueError("it has no expected answer")
    known = {name: value for name, value in meta.items() if value is not None}
    return {"id": id, "question": question, "expected_answers": answers, "meta": known}


def unanswerable(question: Any, *texts: str, id: Any = None, **meta: Any) -> Row:
    """A question that nothing answers: saying so is right. `texts` are in its language, beside it."""
    lang = detect_language([*(text for text in (question, *texts) if isinstance(text, str))])
    return asked(question, UNKNOWN[lang], id=id, answerable=False, **meta)


def passages(ids: Any) -> dict[str, Any]:
    """The ids of the passages that a question's answer rests on, as `meta` names them; nothing where none is named."""
    named = [name for name in ids if isinstance(name, str | int) and name != ""] if isinstance(ids, Sequence) else []
    return {"chunk": named[0], "chunks": named} if named and not isinstance(ids, str) else {}
