"""What documents of one name tell differently: such a question has several answers, so it isn't asked of any of them.

Rows of a table that are called by what they have in common (a country, a president) are such documents.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dyag_core.api import DigestSet, fold
from dyag_plugins.generators.facts.packs import label_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dyag_plugins.generators.facts.extraction import Found


class Namesakes:
    """Finds them among documents that are looked at together, and remembers what earlier ones told."""

    def __init__(self) -> None:
        self._asked, self._told = DigestSet(), DigestSet()

    def disputed(self, documents: Sequence[Iterable[Found]]) -> set[str]:
        """What is told with several values, as `asked_for` has it, among `documents` or by one of them and earlier."""
        values: dict[str, set[str]] = {}
        for found in documents:
            for item in found:
                values.setdefault(asked_for(item), set()).add(fold(item.fact.value or ""))
        disputed = {asked for asked, said in values.items() if len(said) > 1 or self._otherwise(asked, said)}
        for asked, said in values.items():
            self._asked.add(asked)
            self._told.update(f"{asked}\0{value}" for value in said)
        return disputed

    def _otherwise(self, asked: str, said: Iterable[str]) -> bool:
        return asked in self._asked and any(f"{asked}\0{value}" not in self._told for value in said)


def asked_for(item: Found) -> str:
    """A fact's subject and attribute, or its question, in the form in which they are compared."""
    if item.seen_as == "faq":  # the same question in two documents
        return fold(item.fact.attribute)
    return f"{fold(item.fact.subject)}\0{label_key(item.fact.attribute)}"
