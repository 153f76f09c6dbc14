"""Training examples and test questions."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from dyag_core.records.base import Record
from dyag_core.records.document import Chunk, Document, Fact

Role = Literal["system", "user", "assistant"]


class Message(Record):
    """One turn of a chat."""

    role: Role
    content: str


def _id_of(value: object) -> object:
    if isinstance(value, str):  # as most of the time; a union of types is made each time that it is asked for
        return value
    return value.id if isinstance(value, Document | Chunk) else value


class Example(Record):
    """What a generator yields: a question, its answer and where the answer comes from.

    `document` and `chunk` take a record or its id. `other_facts` names what a combined question rests on besides
    `fact`: the example goes to training only if all of them do. `history` holds earlier turns of a dialogue. `spare` is
    a further wording that is made to be held out: it tests whether the fact was learnt, and is never trained on.
    """

    question: str
    answer: str
    document: Annotated[str, BeforeValidator(_id_of)]
    chunk: Annotated[str | None, BeforeValidator(_id_of)] = None
    fact: Fact | None = None
    other_facts: tuple[Fact, ...] = ()
    history: tuple[Message, ...] = ()
    spare: bool = False
    meta: dict[str, Any] = Field(default_factory=dict)

    @property
    def facts(self) -> tuple[Fact, ...]:
        """Every fact that the answer rests on."""
        fact, others = self.fact, self.other_facts
        return (fact, *others) if fact else others

    @property
    def chunks(self) -> tuple[str, ...]:
        """Ids of all chunks that the answer rests on: `chunk`, and those of the facts beside the first."""
        return tuple(dict.fromkeys(name for name in (self.chunk, *(fact.chunk for fact in self.facts)) if name))

    @property
    def answerable(self) -> bool:
        """False where the right answer is to say that the documents don't tell."""
        fact = self.fact
        return fact is None or fact.answerable


class Question(Record):
    """A test question in one form, whichever of the three file shapes it was read from.

    `messages` is the prompt as the model must see it, without retrieved context and without the answer.
    `answerable` is False where the right answer is to say that the documents don't tell. `expected_answers` are others
    that are accepted as well. `chunk` is the id of the passage that holds the answer, where that is known; one that
    rests on several has `other_chunks`.
    """

    id: str
    question: str
    expected_answer: str
    messages: tuple[Message, ...]
    expected_answers: tuple[str, ...] = ()
    answerable: bool = True
    stratum: str | None = None
    document: str | None = None
    chunk: str | None = None
    other_chunks: tuple[str, ...] = ()
    fact: str | None = None

    @property
    def chunks(self) -> tuple[str, ...]:
        """Ids of all chunks that hold the answer together; () where none is known."""
        return (self.chunk, *self.other_chunks) if self.chunk is not None else ()
