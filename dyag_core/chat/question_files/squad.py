"""SQuAD, and the sets that are written like it (XQuAD, FQuAD, PIAF): `{"data": [{"paragraphs": [{"qas": [...]}]}]}`.

Version 1.1 has `answers` with a question; version 2.0 marks with `is_impossible` those that their paragraph doesn't
answer. Hubs keep the same sets as flat rows, whose `answers` are `{"text": [...], "answer_start": [...]}`, empty where
nothing answers. https://rajpurkar.github.io/SQuAD-explorer/
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dyag_core.chat.question_files.rows import Row, asked, unanswerable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dyag_core.chat.question_files.rows import Placed


def rows(whole: Row) -> Iterator[Placed] | None:
    """Every question of a file, each with its place; None where the object is no such file."""
    articles = whole.get("data")
    if not isinstance(articles, list) or not any(isinstance(one, dict) and "paragraphs" in one for one in articles):
        return None
    return _rows(articles)


def question(row: Row) -> Row | None:
    """A flat row; None for any other."""
    answers = row.get("answers")
    if not isinstance(answers, dict) or not isinstance(answers.get("text"), list) or "answer_start" not in answers:
        return None
    named = {"id": row.get("id"), "document": row.get("title")}
    if not answers["text"]:
        return unanswerable(row.get("question"), str(row.get("context", "")), **named)
    return asked(row.get("question"), answers["text"], **named)


def _rows(articles: list[Any]) -> Iterator[Placed]:
    for a, article in enumerate(articles):
        for p, paragraph in enumerate(_list(article, "paragraphs")):
            for q, asked_here in enumerate(_list(paragraph, "qas")):
                place = f"data[{a}].paragraphs[{p}].qas[{q}]"
                try:
                    yield place, _row(asked_here, paragraph, article)
                except ValueError as error:
                    yield place, str(error)


def _list(value: Any, name: str) -> list[Any]:
    found = value.get(name) if isinstance(value, dict) else None
    return found if isinstance(found, list) else []


def _row(qa: Any, paragraph: Row, article: Row) -> Row:
    if not isinstance(qa, dict):
        raise ValueError("it is not an object")
    named = {"id": qa.get("id"), "document": article.get("title")}
    if qa.get("is_impossible") is True:
        return unanswerable(qa.get("question"), str(paragraph.get("context", "")), **named)
    answers = [answer.get("text") for answer in _list(qa, "answers") if isinstance(answer, dict)]
    if not answers:
        raise ValueError(
            "it has no answers, and is_impossible doesn't say that there are none (a test set without them?)"
        )
    return asked(qa.get("question"), answers, **named)
