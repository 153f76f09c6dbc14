"""One answer after its end, for whoever counts, logs or keeps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Answered:
    """What was asked and what came of it.

    Args:
        model: the name that was asked for; `arm` is the arm that it means.
        outcome: `left` where the client went before the end.
        sources: ids of the passages in the prompt.
        seconds: from the request's coming to the answer's end; `first` to its first piece, None where none came.
        created: when, in seconds since 1970.
    """

    model: str
    arm: str
    question: str
    answer: str
    outcome: Literal["answered", "failed", "left"]
    sources: tuple[str, ...]
    prompt_tokens: int
    completion_tokens: int
    seconds: float
    first: float | None
    created: int
