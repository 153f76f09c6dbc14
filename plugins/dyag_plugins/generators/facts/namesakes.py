"""What documents of one name tell differently: such a question has several answers, so it isn't asked of any of them.

Rows of a table that are called by what they have in common (a country, a president) are such documents.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dyag_core.api import DigestSet, fold
from dyag_plugins.generators.facts.packs import label_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dyag_core import Document
    from dyag_plugins.generators.facts.extraction import Found


class Namesakes:
    """Finds them among documents that are looked at together, and remembers what earlier ones told."""

    def __init__(self) -> None:
        self._names, self._asked, self._told = DigestSet(), DigestSet(), DigestSet()
        self._shared, self._disputed = set[str](), set[str]()

    def look_at(self, looked: Sequence[tuple[Document, Iterable[Found]]]) -> None:
        """Take up the next documents with what is found in each; what is told below is told of these."""
        self._shared, values = set(), dict[str, set[str]]()
        for document, found in looked:
            name = fold(document.title)
            if name in self._names:
                self._shared.add(name)
            self._names.add(name)
            for item in found:
                values.setdefault(_asked_for(item), set()).add(fold(item.fact.value or ""))
        self._disputed = {asked for asked, said in values.items() if len(said) > 1 or self._otherwise(asked, said)}
        for asked, said in values.items():
            self._asked.add(asked)
            self._told.update(f"{asked}\0{value}" for value in said)

    def dispute(self, item: Found) -> bool:
        """Whether another document tells something else where this is asked for."""
        return _asked_for(item) in self._disputed

    def has_namesake(self, document: Document) -> bool:
        """Whether another document has its name: what one doesn't tell the other may."""
        return fold(document.title) in self._shared

    def _otherwise(self, asked: str, said: Iterable[str]) -> bool:
        return asked in self._asked and any(f"{asked}\0{value}" not in self._told for value in said)


def _asked_for(item: Found) -> str:
    """A fact's subject and attribute, or its question, in the form in which they are compared."""
    if item.seen_as == "faq":  # the same question in two documents
        return fold(item.fact.attribute)
    return f"{fold(item.fact.subject)}\0{label_key(item.fact.attribute)}"
