"""What the documents so far have told: under which labels, and with which values. It stays small, however many come."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dyag_plugins.generators.facts.phrasing import Phrase
    from dyag_plugins.generators.facts.questions import Ask

#: So many labels are kept. The one that came first goes first; it comes back if it is still told.
_LABELS = 2048
#: So many nouns are kept with what was said under them, and of each what so many documents said last.
_NOUNS, _VALUES = 1024, 24


class LabelHistory:
    """Labels that documents have, in the form in which labels are compared, with their words and newest values."""

    def __init__(self) -> None:
        self._phrases: dict[str, Phrase] = {}
        self._again: set[str] = set()
        self._usual: list[Phrase] | None = []  # None: to be listed anew
        self._plain: dict[str, deque[Ask]] = {}

    @property
    def earlier(self) -> Mapping[str, Sequence[Ask]]:
        """Plain asks of earlier documents by noun, the newest last."""
        return self._plain

    def phrase(self, label: str) -> Phrase | None:
        """The words in which `label` was told first."""
        return self._phrases.get(label)

    def usual(self) -> list[Phrase]:
        """Labels with a noun that two documents or more have, in words, in the order in which they were told first."""
        if self._usual is None:
            again = self._again
            self._usual = [phrase for label, phrase in self._phrases.items() if label in again and phrase.noun]
        return self._usual

    def hear(self, label: str, phrase: Phrase) -> None:
        """A document tells something under `label`."""
        if label not in self._phrases:
            self._phrases[label] = phrase
            if len(self._phrases) > _LABELS:
                self._forget(_drop_first(self._phrases))
        elif label not in self._again:
            self._again.add(label)
            self._usual = None

    def add(self, ask: Ask) -> None:
        """A document tells this; those that follow can be compared with it."""
        if ask.is_plain:
            noun = ask.phrase.noun
            if noun not in self._plain:
                self._plain[noun] = deque(maxlen=_VALUES)
                if len(self._plain) > _NOUNS:
                    _drop_first(self._plain)
            self._plain[noun].append(ask)

    def _forget(self, label: str) -> None:
        if label in self._again:
            self._again.remove(label)
            self._usual = None


def _drop_first(kept: dict[str, Any]) -> str:
    first = next(iter(kept))
    del kept[first]
    return first
