"""What `export` made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field

from dyag_core.records.base import Record


class Exported(Record):
    """Files in another tool's format. An exporter plugin fills `files` and, where it writes rows, `rows`.

    `notes` are lines for people about what was written, `details` the same for programs: it stands in the manifest.
    `next` is the command that uses the files. `gate` says why the files should not be used as they are: they are kept,
    with their manifest, and the command ends with exit code 3. Each of these may be left empty.
    The stage adds the rest: `left_out` counts what the format can't hold, by reason.
    """

    files: tuple[Path, ...]
    rows: int | None = None
    notes: tuple[str, ...] = ()
    details: dict[str, Any] = Field(default_factory=dict)
    next: str = ""
    gate: str = ""
    format: str = ""
    left_out: dict[str, int] = Field(default_factory=dict)
    manifest: Path | None = None

    def summary_lines(self) -> list[str]:
        """What was made, in words."""
        lines = [f"{self.rows} rows in the format {self.format}"] if self.rows is not None else []
        lines += self.notes
        if self.left_out:
            reasons = ", ".join(f"{reason} {count}" for reason, count in self.left_out.items())
            lines.append(f"left out: {sum(self.left_out.values())} ({reasons})")
        return lines
