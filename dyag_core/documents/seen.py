"""Which ids were seen, and where first, in a few bytes each."""

from __future__ import annotations

import hashlib
from array import array

_FULL = 0.6


class SeenIds:
    """A hash table in two arrays: 8 bytes of BLAKE2 and a line number for each id, 27 to 53 bytes with the free slots.

    A dictionary of strings takes some 150 bytes an id. Two different ids share a digest with a probability of n²/2⁶⁵:
    one in 37 million for a million ids.
    """

    def __init__(self) -> None:
        self._resize(1 << 10)
        self._count = 0

    def first_line(self, name: str, line: int) -> int:
        """The line (from 1) where `name` stood first: `line` itself where it is new."""
        digest = int.from_bytes(hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")
        slot = self._slot(digest)
        if self._lines[slot]:
            return self._lines[slot]
        self._digests[slot], self._lines[slot] = digest, line
        self._count += 1
        if self._count > _FULL * len(self._lines):
            self._grow()
        return line

    def _slot(self, digest: int) -> int:
        """Where `digest` stands, or the free slot where it belongs."""
        slot = digest & self._mask
        while self._lines[slot] and self._digests[slot] != digest:
            slot = (slot + 1) & self._mask
        return slot

    def _resize(self, slots: int) -> None:
        self._mask = slots - 1
        self._digests = array("Q", bytes(8 * slots))
        self._lines = array("Q", bytes(8 * slots))  # 0: free

    def _grow(self) -> None:
        digests, lines = self._digests, self._lines
        self._resize(2 * len(lines))
        for digest, line in zip(digests, lines, strict=True):
            if line:
                slot = self._slot(digest)
                self._digests[slot], self._lines[slot] = digest, line
