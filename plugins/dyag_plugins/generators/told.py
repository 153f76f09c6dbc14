"""What the documents so far have told: under which labels, and with which values. It stays small, however many come."""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator, Mapping, Sequence

    from dyag_plugins.generators.asks import Ask
    from dyag_plugins.generators.wording import Phrase

#: So many labels are kept, of those told once and of those told again; the ones told longest ago go first.
_LABELS = 1024
#: What so many documents said last under a label is kept to compare with.
_VALUES = 24

K = TypeVar("K")
V = TypeVar("V")
T = TypeVar("T")


class Told:
    """Labels that documents have, in the form in which labels are compared, with their words and newest values."""

    def __init__(self) -> None:
        self._once: OrderedDict[str, Phrase] = OrderedDict()
        self._often: OrderedDict[str, Phrase] = OrderedDict()
        self._plain: OrderedDict[str, deque[Ask]] = OrderedDict()

    @property
    def earlier(self) -> Mapping[str, Sequence[Ask]]:
        """Plain asks of earlier documents by noun, the newest last."""
        return self._plain

    def phrase(self, label: str) -> Phrase | None:
        """The words in which `label` was told first."""
        return self._often.get(label) or self._once.get(label)

    def usual(self, rng: random.Random) -> Iterator[tuple[str, Phrase]]:
        """Labels that two documents or more have, by lot."""
        return by_lot(list(self._often.items()), rng)

    def add(self, label: str, ask: Ask) -> None:
        """A document tells this under `label`."""
        if label in self._often:
            self._often.move_to_end(label)
        elif label in self._once:
            _put_last(self._often, label, self._once.pop(label))
        else:
            _put_last(self._once, label, ask.phrase)
        if ask.is_plain:
            noun = ask.phrase.noun
            if noun in self._plain:
                self._plain.move_to_end(noun)
            else:
                _put_last(self._plain, noun, deque(maxlen=_VALUES))
            self._plain[noun].append(ask)


def by_lot(items: Sequence[T], rng: random.Random) -> Iterator[T]:
    """All of `items` in an order of chance, each drawn only when it is asked for (Fisher-Yates)."""
    moved: dict[int, int] = {}  # what stands where, where it isn't as given
    for last in range(len(items) - 1, -1, -1):
        place = rng.randrange(last + 1)
        yield items[moved.get(place, place)]
        moved[place] = moved.get(last, last)


def _put_last(kept: OrderedDict[K, V], key: K, value: V) -> None:
    kept[key] = value
    if len(kept) > _LABELS:
        kept.popitem(last=False)
