"""Counts and samples whose memory doesn't grow with what they are fed."""

from __future__ import annotations

import math
import random
from collections import Counter
from typing import TYPE_CHECKING, Generic, TypeVar

from dyag_core.records.quality import Bin, Counted

if TYPE_CHECKING:
    from collections.abc import Iterable

T = TypeVar("T")


class Tally:
    """Counts by key, for the first `limit` different keys; rows of keys that come later are counted together."""

    def __init__(self, limit: int = 100_000) -> None:
        self.counts: Counter[str] = Counter()
        self.others = 0
        self._limit = limit

    def add(self, key: str, rows: int = 1) -> None:
        """Count `rows` more of `key`; 0 notes that it exists."""
        counts = self.counts
        if key in counts:
            counts[key] += rows
        elif len(counts) < self._limit:
            counts[key] = rows
        else:
            self.others += rows

    def update(self, keys: Iterable[str]) -> None:
        """Count a row of each of `keys`."""
        for key, rows in Counter(keys).items():
            self.add(key, rows)

    @property
    def full(self) -> bool:
        """Whether keys may have been left out."""
        return len(self.counts) >= self._limit

    def top(self, most: int) -> list[tuple[str, int]]:
        """The `most` frequent keys; those as frequent as each other by name, so that the order is always the same."""
        return sorted(self.counts.items(), key=lambda item: (-item[1], item[0]))[:most]

    def counted(self, most: int) -> Counted:
        """The `most` frequent, and the sum of all others."""
        values = dict(self.top(most))
        return Counted(values=values, others=self.counts.total() + self.others - sum(values.values()))


class Reservoir(Generic[T]):
    """A random sample of `size` items of a stream, in the stream's order (Li 1994, algorithm L).

    How many items are passed over until the next is taken is drawn at once: an item that isn't taken costs an addition.
    Ask `takes` once for each item, and `keep` it if the answer is yes.
    """

    def __init__(self, size: int, seed: str) -> None:
        self._size = size
        self._random = random.Random(seed)
        self._seen = 0
        self._next = 1
        self._largest = 1.0  # of the `size` smallest of as many uniform random numbers as there were items
        self._items: list[tuple[int, T]] = []

    def takes(self) -> bool:
        """Whether the next item is to be kept."""
        self._seen += 1
        return self._seen == self._next

    def keep(self, item: T) -> None:
        """Put the item into the sample, in place of one by lot."""
        if len(self._items) < self._size:
            self._items.append((self._seen, item))
        else:
            self._items[self._random.randrange(self._size)] = (self._seen, item)
        self._next += 1
        if len(self._items) == self._size:
            self._largest *= self._uniform() ** (1 / self._size)
            self._next += int(math.log(self._uniform()) / math.log1p(-self._largest))

    def _uniform(self) -> float:
        return 1.0 - self._random.random()  # above 0, for its logarithm

    @property
    def items(self) -> list[T]:
        """The sample."""
        return [item for _, item in sorted(self._items, key=lambda pair: pair[0])]


def percentile(counts: Counter[int], share: float) -> int:
    """The smallest value that at least `share` (0 to 1) of the counted ones don't exceed; 0 of none."""
    needed = share * counts.total()
    reached = 0
    for value in sorted(counts):
        reached += counts[value]
        if reached >= needed:
            return value
    return 0


def histogram(counts: Counter[int], bars: int = 16) -> tuple[Bin, ...]:
    """Bins of one width (1, 2 or 5 times a power of ten) over all counted values, at most about `bars` of them."""
    if not counts:
        return ()
    low, high = min(counts), max(counts)
    widths: Iterable[int] = (m * 10**e for e in range(12) for m in (1, 2, 5))
    width = next(w for w in widths if high // w - low // w < bars)
    rows: Counter[int] = Counter()
    for value, count in counts.items():
        rows[value // width] += count
    places = range(low // width, high // width + 1)
    return tuple(Bin(low=p * width, high=p * width + width - 1, count=rows[p]) for p in places)


def doubling(values: Iterable[int]) -> tuple[Bin, ...]:
    """How many of `values` are 0, 1, 2 to 3, 4 to 7, ... up to the largest."""
    sizes = Counter(value.bit_length() for value in values)
    bins = (((1 << size) >> 1, (1 << size) - 1, sizes[size]) for size in range(max(sizes, default=-1) + 1))
    return tuple(Bin(low=low, high=high, count=count) for low, high, count in bins)
