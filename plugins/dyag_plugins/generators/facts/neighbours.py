"""What documents that are read together tell of one thing: a question that two answer differently is none."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from dyag_core.api import fold
from dyag_plugins.generators.facts.packs import label_key

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dyag_core import Document, Fact
    from dyag_plugins.generators.facts.extraction import Found

#: Why something isn't asked.
DISPUTED = "told differently by another document of that name"


class Neighbours:
    """The names of some documents, and what their facts say, by what is asked."""

    def __init__(self, looked: Iterable[tuple[Document, list[Found]]]) -> None:
        self._names: Counter[str] = Counter()
        self._told: dict[tuple[str, str], str] = {}
        self._disputed: set[tuple[str, str]] = set()
        for document, found in looked:
            self._names[fold(document.title)] += 1
            for fact, seen_as in found:
                key, value = _asked(fact, seen_as), fold(fact.value or "")
                if self._told.setdefault(key, value) != value:
                    self._disputed.add(key)

    def dispute(self, item: Found) -> bool:
        """Whether another document tells something else where this is asked for."""
        return _asked(item.fact, item.seen_as) in self._disputed

    def has_namesake(self, document: Document) -> bool:
        """Whether another document has its name: what one doesn't tell the other may."""
        return self._names[fold(document.title)] > 1


def _asked(fact: Fact, seen_as: str) -> tuple[str, str]:
    if seen_as == "faq":  # it is asked in its own words, whatever it is about
        return "", fold(fact.attribute)
    return fold(fact.subject), label_key(fact.attribute)
