"""The few items of a long stream that come first in an order of their own."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Smallest(Generic[T]):
    """Keeps the `size` items with the smallest keys; while it reads, twice as many at the most."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._items: list[tuple[Any, T]] = []
        self._last: Any = None  # nothing behind this key is kept

    def add(self, key: Any, item: T) -> None:
        """Keep it, if it comes before the last of as many as are kept. No two items may have one key."""
        if self._last is None or key < self._last:
            self._items.append((key, item))
            if len(self._items) >= 2 * self.size:
                self._cut()

    def items(self) -> list[T]:
        """What is kept, the smallest key first."""
        self._cut()
        return [item for _, item in self._items]

    def _cut(self) -> None:
        self._items.sort(key=lambda pair: pair[0])
        if len(self._items) > self.size:
            del self._items[self.size :]
            self._last = self._items[-1][0]
