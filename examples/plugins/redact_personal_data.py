"""Personal data never reaches the training rows: e-mail addresses, French phone numbers and social security numbers.

A row that teaches personal data (its answer is nothing else, or the fact behind it) is dropped, and counted. What a
regular expression can't know (names, addresses) stays: this is a safety net, not an anonymiser.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dyag_core import hookimpl

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dyag_core import Example, Fact, Run

dyag_api = 1

#: placeholder -> what it stands for. The NIR comes first: its digits hold what looks like a phone number.
PATTERNS = {
    "[NIR]": re.compile(  # sex, year, month, department (2A and 2B too), commune, order, key: 15 places
        r"(?<!\d)[1-478][\s.]?\d{2}[\s.]?(?:0[1-9]|1[0-2]|[2-9]\d)[\s.]?(?:\d{2}|2[ABab])[\s.]?\d{3}[\s.]?\d{3}[\s.]?\d{2}(?!\d)"
    ),
    "[e-mail]": re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"),
    "[phone]": re.compile(r"(?<![\d+])(?:(?:\+|00)33[\s.-]?(?:\(0\)[\s.-]?)?|0)[1-9](?:[\s.-]?\d{2}){4}(?!\d)"),
}


def redact(text: str) -> str:
    """`text` with a placeholder for everything that looks like personal data."""
    for placeholder, pattern in PATTERNS.items():
        text = pattern.sub(placeholder, text)
    return text


def redacted(example: Example) -> Example:
    """The example without personal data in its texts, its facts' subjects and its meta."""
    return example.model_copy(
        update={
            "question": redact(example.question),
            "answer": redact(example.answer),
            "history": tuple(turn.model_copy(update={"content": redact(turn.content)}) for turn in example.history),
            "fact": _fact(example.fact) if example.fact else None,
            "other_facts": tuple(map(_fact, example.other_facts)),
            "meta": {key: redact(value) if isinstance(value, str) else value for key, value in example.meta.items()},
        }
    )


@hookimpl
def dyag_filter_examples(examples: Iterable[Example], run: Run) -> Iterator[Example]:
    """Redact every example; drop those with no answer left."""
    for example in examples:
        values = [fact.value or "" for fact in example.facts]  # a row keeps a hash of them, which could be guessed
        if redact(example.answer).strip(" .") in PATTERNS or any(redact(value) != value for value in values):
            run.reject("the answer is personal data")
        else:
            yield redacted(example)


def _fact(fact: Fact) -> Fact:
    return fact.model_copy(update={"subject": redact(fact.subject)})
