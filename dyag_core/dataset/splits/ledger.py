"""What became of examples that are no rows."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Ledger:
    """Counts by reason.

    `rejected` could not be used; `set_aside` was not needed. `refused_for_recall` holds questions whose wording came
    too near a trained one; they may still serve for validation. `drawn` tells of a sample how many rows of each kind
    were drawn, and of how many.
    """

    set_aside: Counter[str] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)
    refused_for_recall: set[str] = field(default_factory=set)
    drawn: dict[str, tuple[int, int]] = field(default_factory=dict)
