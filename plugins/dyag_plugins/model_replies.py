"""How replies of models are read: pairs of question and answer, and verdicts, out of whatever stands around them."""

from __future__ import annotations

import json
import re
from typing import Any

from dyag_core.api import fold, writable

#: What a server that takes schemas holds the model to (every key required, no other: OpenAI's strict mode).
PAIRS_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "pairs": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"question": {"type": "string"}, "answer": {"type": "string"}},
                "required": ["question", "answer"],
                "additionalProperties": False,
            },
        }
    },
    "required": ["pairs"],
    "additionalProperties": False,
}


_VERDICTS = {"yes": True, "oui": True, "no": False, "non": False}


# What a reasoning model says to itself is no part of its reply; the tag stays open where the reply was cut.
_THOUGHT = re.compile(r"<think>.*?(?:</think>|\Z)", re.DOTALL)


def parse_verdict(text: str) -> bool | None:
    """Whether a judge's reply begins with yes or no; None where it does neither."""
    words = re.findall(r"[^\W\d_]+", fold(_THOUGHT.sub("", text)))
    return _VERDICTS.get(words[0]) if words else None


#: Where JSON may begin, and at how many such places it is looked for in vain.
_START, _STARTS = re.compile(r"[\[{]"), 200


def parse_pairs(text: str) -> tuple[list[tuple[str, str]], str]:
    """(pairs, reason): the questions and answers of a model's reply, or why there are none.

    Models wrap JSON in prose and fences, and break off: the first list or objects that can be read are taken.
    """
    text = _THOUGHT.sub("", text)
    decoder = json.JSONDecoder()
    values: list[Any] = []
    position = tried = 0
    while tried < _STARTS and (start := _START.search(text, position)):
        try:
            value, position = decoder.raw_decode(text, start.start())
            values += value if isinstance(value, list) else [value]
        except (ValueError, RecursionError):
            position, tried = start.end(), tried + 1
    if not values:
        return [], "the model's reply is no JSON"
    pairs = []
    for value in values:
        if isinstance(value, dict):
            inner_values = value.get("questions") or value.get("pairs") or [value]
            for inner in inner_values if isinstance(inner_values, list) else [value]:
                if isinstance(inner, dict):
                    question, answer = inner.get("question"), inner.get("answer", inner.get("réponse"))
                    if isinstance(question, str) and isinstance(answer, str) and _is_writable(question + answer):
                        pairs.append((question.strip(), answer.strip()))
    return pairs, "" if pairs else "the model's JSON holds no question with its answer"


def _is_writable(text: str) -> bool:
    """Not where it holds half of a surrogate pair: no file can."""
    return writable(text) == text
