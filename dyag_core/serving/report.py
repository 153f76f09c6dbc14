"""The comparison that the served arms were measured with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from dyag_core.artifacts import read_json
from dyag_core.errors import UsageError
from dyag_core.records import Comparison


@dataclass(frozen=True)
class Measured:
    """A comparison, and the page that `dyag compare-models` wrote beside it (which may be missing)."""

    comparison: Comparison
    page: Path

    @property
    def k(self) -> dict[str, int]:
        """Passages by arm as they were retrieved when it was measured; arms without retrieval are left out."""
        told = {arm.name: (arm.metadata.get("index") or {}).get("k") for arm in self.comparison.arms}
        return {name: k for name, k in told.items() if isinstance(k, int)}


def read_report(file: Path) -> Measured:
    """The comparison in `file`, PREFIX.json. UsageError: it is something else."""
    try:
        return Measured(Comparison.model_validate(read_json(file)), file.with_suffix(".html"))
    except ValidationError as error:
        raise UsageError(
            f"{file}: not a comparison", "give PREFIX.json of dyag compare-models --format json"
        ) from error
