"""What the stages generate and validate share: where a quality report goes, and when rows are too long."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dyag_core.artifacts import atomic_text
from dyag_core.dataset.quality.findings import TOO_LONG
from dyag_core.errors import GateError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from dyag_core.plugin.host import Plugins
    from dyag_core.records import Quality


def report_path(output: Path) -> Path:
    """NAME.report.html beside NAME.jsonl."""
    return output.with_name(f"{output.stem}.report.html")


def write_report(quality: Quality, path: Path, plugins: Plugins, lang: str) -> None:
    """Render `quality` as one HTML file."""
    reporter = plugins.choose("reporters", "html")
    atomic_text(path, plugins.report_quality(reporter, quality, lang).text)


def check_lengths(figures: Mapping[str, Any], output: Path) -> None:
    """Fail where more than 1 % of the rows are longer than training takes; `figures` are `Quality.figures()`.

    Raises:
        GateError: says how many, of which length, and what to do.
    """
    lengths, rows = figures.get("lengths") or {}, figures["rows"]
    over = lengths.get("over") or 0
    if over > TOO_LONG * rows:
        raise GateError(
            f"{output}: {over} of {rows} rows are longer than the {lengths['limit']} tokens that training takes under "
            f"{lengths['base_model']}'s chat template (the longest: {lengths['longest']})",
            "shorten the answers, choose a base model with a longer context, or train with "
            "-o max_length=... or -o on_overflow=drop",
        )
