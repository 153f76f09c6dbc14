"""What a folder holds that can be served: what `dyag quickstart` makes, or anything laid out like it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dyag_core.errors import UsageError
from dyag_core.retrieval.index import MANIFEST
from dyag_core.training.foreign_adapter import CONFIG

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Found:
    """A fine-tuned model, an index and a comparison; None where the folder has none."""

    model: Path | None = None
    index: Path | None = None
    report: Path | None = None


def found_in(folder: Path, given: Found) -> Found:
    """What stands in `folder` or one level below, where `given` doesn't name it already.

    Raises:
        UsageError: there is no such folder, nothing in it can be served, or there are several of a kind.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder}: no such folder", "give the folder that dyag quickstart made, or --model DIR")
    places = [folder, *sorted(path for path in folder.iterdir() if path.is_dir())]
    adapters = [place / "final" for place in places if (place / "final" / CONFIG).is_file()]
    adapters += [place for place in places if place.name != "final" and (place / CONFIG).is_file()]
    if (folder / CONFIG).is_file():
        adapters = [folder]
    indexes = [place for place in places if (place / MANIFEST).is_file()]
    found = Found(
        model=given.model or _only(adapters, folder, "fine-tuned models", "--model"),
        index=given.index or _only(indexes, folder, "indexes", "--index"),
        report=given.report or _only(list(folder.glob("report.json")), folder, "reports", "--report"),
    )
    if found.model is None and found.index is None:
        raise UsageError(f"{folder} holds neither a fine-tuned model nor an index", "name them: --model --index")
    return found


def _only(paths: Sequence[Path], folder: Path, kind: str, flag: str) -> Path | None:
    if len(paths) > 1:
        names = ", ".join(str(path.relative_to(folder)) for path in paths)
        raise UsageError(f"{folder} holds several {kind}: {names}", f"name one: {flag}")
    return paths[0] if paths else None
