"""Lifecycle hook `mask`: mail addresses in training rows become [mail], whichever generator made them.

It takes part in every run once it is installed. What it changed is told when the stage is done.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from dyag_core import Example, Run, hookimpl

dyag_api = 1

_MAIL = re.compile(r"(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+")


@hookimpl
def dyag_filter_examples(examples: Iterable[Example], run: Run) -> Iterator[Example]:
    """The same examples, one by one as they come, without addresses in question and answer."""
    masked = 0
    for example in examples:
        question, answer = _MAIL.sub("[mail]", example.question), _MAIL.sub("[mail]", example.answer)
        if (question, answer) != (example.question, example.answer):
            masked += 1
            example = example.model_copy(update={"question": question, "answer": answer})
        yield example
    if masked:
        run.progress.message(f"mail addresses were masked in {masked} examples")
