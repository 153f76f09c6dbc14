"""Sets of texts, and numbers by text, that stay small: a million texts take 13 to 36 MB, in a dict 190.

Of a text only a 64-bit digest is kept. That any two of a million share one, and count as one, has a probability of 3 in
100 million. Open addressing in flat arrays, at most two thirds full.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

# A digest is `hash(key) or 1`, Python's own (SipHash): thirty times faster than a cryptographic one, and it never
# leaves the process. 0 marks a free slot.
_FREE = 0


class DigestSet:
    """Which texts were seen."""

    def __init__(self) -> None:
        self._used = 0
        self._allocate(1024)

    def __len__(self) -> int:
        return self._used

    def __contains__(self, key: str) -> bool:
        return self._digests[self._slot(hash(key) or 1)] != _FREE

    def add(self, key: str) -> None:
        """From now on `key` is in the set."""
        self._place(hash(key) or 1)

    def update(self, keys: Iterable[str]) -> None:
        """From now on all of `keys` are in the set."""
        for key in keys:
            self._place(hash(key) or 1)

    def _slot(self, digest: int) -> int:
        """Where `digest` stands, or would stand."""
        digests, mask = self._digests, self._mask
        slot = digest & mask
        while (found := digests[slot]) and found != digest:
            slot = (slot + 1) & mask
        return slot

    def _place(self, digest: int) -> int:
        """Where `digest` stands, which it does from now on."""
        digests, mask = self._digests, self._mask
        slot = digest & mask
        while found := digests[slot]:  # as in `_slot`, which a call for each row would make a third of all this takes
            if found == digest:
                return slot
            slot = (slot + 1) & mask
        if self._used >= self._most:
            self._grow()
            slot = self._slot(digest)
        self._digests[slot] = digest
        self._used += 1
        return slot

    def _grow(self) -> None:
        before = self._digests
        self._allocate(2 * len(before))
        for digest in before:
            if digest != _FREE:
                self._digests[self._slot(digest)] = digest

    def _allocate(self, slots: int) -> None:
        self._digests, self._mask, self._most = array("q", bytes(8 * slots)), slots - 1, 2 * slots // 3


class DigestTable(DigestSet):
    """Numbers from 0 to 2**32 - 1 by text."""

    def get(self, key: str) -> int:
        """The key's number, 0 for one that isn't there."""
        return self._numbers[self._slot(hash(key) or 1)]

    def setdefault(self, key: str, number: int) -> int:
        """The number that `key` has, or gets now."""
        before = self._used
        slot = self._place(hash(key) or 1)
        if self._used > before:
            self._numbers[slot] = number
        return self._numbers[slot]

    def increment(self, key: str, by: int = 1) -> None:
        """Add to the key's number."""
        slot = self._place(hash(key) or 1)  # first: it may put larger arrays in place of these
        self._numbers[slot] += by

    def _grow(self) -> None:
        before = zip(self._digests, self._numbers, strict=True)
        self._allocate(2 * len(self._digests))
        for digest, number in before:
            if digest != _FREE:
                slot = self._slot(digest)
                self._digests[slot], self._numbers[slot] = digest, number

    def _allocate(self, slots: int) -> None:
        super()._allocate(slots)
        self._numbers = array("I", bytes(4 * slots))
