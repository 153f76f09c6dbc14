"""What one question brought."""

from __future__ import annotations

from dyag_core.records.base import Record
from dyag_core.records.evaluation import Source


class Answer(Record):
    """An answer with what it stands on and what it cost. `sources` are the chunks in the prompt, best first; `seconds`
    holds the search for them.
    """

    question: str
    answer: str
    arm: str
    base_model: str
    sources: tuple[Source, ...] = ()
    prompt_tokens: int = 0
    completion_tokens: int = 0
    seconds: float = 0.0
    truncated: bool = False
    notice: str | None = None
