"""Documents as they come in, and the facts found in them."""

from __future__ import annotations

import hashlib
from typing import Any

from pydantic import Field

from dyag_core.records.base import Record


class Chunk(Record):
    """A passage of a document: the unit that is retrieved and that an answer must be grounded in."""

    id: str
    text: str
    metadata: dict[str, Any] = Field(default_factory=dict)


class Document(Record):
    """One subject (an application, a procedure, a page) as one or more chunks with one `metadata.id`.

    `lang` is the language it is written in ("fr", "en", "de", ...), once a stage has found that out; before that, the
    one that the names of its table's columns are in.
    """

    id: str
    title: str
    chunks: tuple[Chunk, ...]
    metadata: dict[str, Any] = Field(default_factory=dict)
    lang: str | None = None

    @property
    def text(self) -> str:
        """All chunks, in order, separated by blank lines."""
        return "\n\n".join(chunk.text for chunk in self.chunks)


class Fact(Record):
    """Something one document says, or (`value` is None) something it could be asked and does not say.

    All wordings of a question about a fact share the fact, so a split by fact never sees the answer on both sides.
    """

    document: str
    chunk: str | None = None
    subject: str
    attribute: str
    value: str | None

    @property
    def id(self) -> str:
        """A stable id: the same document, attribute and value give the same fact in every run."""
        value = self.value
        key = "\x1f".join([self.document, self.attribute, value if value is not None else "\x00"])
        return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:16]

    @property
    def answerable(self) -> bool:
        """False where the right answer is to say that the documents don't tell."""
        return self.value is not None
