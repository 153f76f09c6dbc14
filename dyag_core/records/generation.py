"""What goes into and comes out of an engine and a retriever."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from dyag_core.records.base import Record
from dyag_core.records.document import Chunk


class Decoding(Record):
    """How an answer is decoded. Temperature 0 is greedy; above it, `seed` makes sampling repeatable.

    `json_schema` asks for a reply that fits a JSON schema; an engine that can't hold its model to it leaves it aside.
    """

    max_new_tokens: int = Field(128, ge=1, description="The longest answer, in tokens.")
    temperature: float = Field(0.0, ge=0.0, description="0 is greedy; above it, sampled.")
    top_p: float = Field(1.0, gt=0.0, le=1.0, description="Sample from this share of probability.")
    seed: int = 0
    json_schema: dict[str, Any] | None = Field(None, exclude_if=lambda schema: schema is None)


class Reply(Record):
    """One answer. `seconds` is its share of the batch's time; `error` is set instead of raising for one bad item, and
    `hint` says what to do about it, where that is known.

    `reasoning` is what the model thought before it answered, where the engine gets it apart from the answer.
    `retrieval_seconds` is the stage's to fill in: the question's share of the search for passages.
    """

    text: str
    reasoning: str = ""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    seconds: float = 0.0
    retrieval_seconds: float = 0.0
    truncated: bool = False
    error: str | None = None
    hint: str | None = None


class Hit(Record):
    """A retrieved chunk and its score; higher is better, and scores compare only within one query."""

    chunk: Chunk
    score: float
