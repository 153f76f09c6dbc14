"""How many rows: the shares of the parts, and the quotas of the test strata."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Literal

Part = Literal["train", "val", "test"]
STRATA = ("recall", "unseen", "unanswerable")
#: Rows of the validation and of the test part at the most: 5,000 questions tell a rate to within 1.4 points.
LARGEST_PART = 5000


@dataclass(frozen=True)
class Shares:
    """Of training, validation and test; together 1."""

    train: float
    val: float
    test: float

    @classmethod
    def of(cls, parts: tuple[float, float, float]) -> Shares:
        """From numbers in any unit, (80, 10, 10) say."""
        total = sum(parts)
        train, val, test = (part / total for part in parts)
        return cls(train, val, test)


@dataclass(frozen=True)
class Quotas:
    """How many questions each stratum of the test should have."""

    recall: int = 0
    unseen: int = 0
    unanswerable: int = 0

    @classmethod
    def of(cls, total: int) -> Quotas:
        """Half of the test is recall, the two others share the rest."""
        recall = math.ceil(total / 2)
        unseen = math.ceil((total - recall) / 2)
        return cls(recall, unseen, total - recall - unseen)

    @property
    def total(self) -> int:
        """Questions of the whole test part."""
        return self.recall + self.unseen + self.unanswerable

    def by_stratum(self) -> dict[str, int]:
        """The same as a dict."""
        return asdict(self)
