"""Chance that depends on the seed and on what is drawn, never on the order in which it comes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class Lot:
    """Draws by a keyed hash.

    Args:
        group_of: the group of a document id; documents of one group are all trained on or all held out.
    """

    seed: int
    group_of: Callable[[str], str] = str

    def order(self, key: str) -> str:
        """What is sorted by this stands in an order by chance."""
        return hashlib.sha256(f"{self.seed}\x1f{key}".encode("utf-8", "surrogatepass")).hexdigest()

    def place(self, group: str) -> float:
        """Where a group stands from 0 to 1, by chance; the lowest are held out."""
        return int(self.order(group)[:8], 16) / 2**32
