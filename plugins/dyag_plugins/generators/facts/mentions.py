"""Does a document tell something about an attribute? To be asked before a question about it is called unanswerable."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dyag_core.api import fold
from dyag_plugins.generators.facts.packs import as_words

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dyag_core.records import Document
    from dyag_plugins.generators.facts.phrasing import Phrase


class Mentions:
    """What a document says: its passages, its metadata, and the labels, those of `phrases`, under which it tells."""

    def __init__(self, document: Document, phrases: Iterable[Phrase]) -> None:
        passages = [fold(chunk.text) for chunk in document.chunks]  # most are folded faster than the whole
        fields = [fold(f"{name} {value}") for name, value in document.metadata.items() if not _is_empty(value)]
        self._text = "\n".join([*passages, *fields])
        self._words = as_words(self._text)
        self._labels = frozenset([name for phrase in phrases for name in phrase.names[:1]])

    def tells(self, phrase: Phrase) -> bool:
        """Whether a label of the same meaning is told, or is at least mentioned."""
        for name in phrase.names:  # noqa: SIM110 - half the time of any(...)
            if name in self._labels or name in self._words:
                return True
        return False

    def holds(self, beginnings: Iterable[str]) -> bool:
        """Whether one of these folded texts stands in it."""
        for beginning in beginnings:  # noqa: SIM110 - a third of the time of any(...)
            if beginning in self._text:
                return True
        return False


def _is_empty(value: Any) -> bool:
    return value is None or value in ("", [], {})
