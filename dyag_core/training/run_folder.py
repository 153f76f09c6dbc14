"""The folder of a training run: whose work it holds, and whether it may go on."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dyag_core.artifacts import atomic_text, file_sha256, read_json, to_json
from dyag_core.errors import DyagError, LockedError
from dyag_core.records import TrainedModel

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dyag_core.progress import Progress
    from dyag_core.records.training import ResumePolicy


#: Stands in the output folder from the start: what the run is made of. Another run is refused there.
RUN = "run.json"


#: Written last, with the hashes of what was made: a folder with it is complete.
MANIFEST = "manifest.json"


def claim(output: Path, fingerprint: dict[str, Any], resume: ResumePolicy, progress: Progress) -> TrainedModel | None:
    """Make `output` this run's folder; returns the result where it is already there.

    Raises:
        LockedError: it is another run's, with the differences.
    """
    path = output / RUN
    if resume == "never":
        for name in (MANIFEST, RUN):
            (output / name).unlink(missing_ok=True)
        shutil.rmtree(output / "final", ignore_errors=True)
    if path.exists():
        differences = _differences(read_json(path), fingerprint)
        if differences and _holds_work(output):
            raise LockedError(
                f"{output} holds another run:\n  " + "\n  ".join(differences),
                "choose another --output, or start over there with --resume never",
            )
        complete = finished(output)
        if complete:
            progress.message(f"{output} is complete: nothing to do (--resume never trains again)")
            return complete
        if not differences:
            return None
    if resume == "require":
        raise LockedError(f"{output} holds no run to go on with", "leave out --resume to start")
    atomic_text(path, to_json(fingerprint, indent=2) + "\n")
    return None


def _holds_work(output: Path) -> bool:
    """Whether anything was trained there. A run that was refused before its first step (no memory, a bad option) may
    come back with other options.
    """
    return (output / "final").exists() or any(path.is_dir() for path in (output / "checkpoints").glob("*"))


def _differences(before: Any, now: Mapping[str, Any], where: str = "") -> list[str]:
    """One line for each value that changed: `options.rank: 8 before, 16 now`."""
    if not isinstance(before, dict):
        return [f"{where or 'run.json'}: {before!r} before, {dict(now)!r} now"]
    lines = []
    for key in [*now, *(key for key in before if key not in now)]:
        old, new = before.get(key), now.get(key)
        if old == new:
            continue
        if isinstance(new, dict):
            lines += _differences(old, new, f"{where}{key}.")
        else:
            lines.append(f"{where}{key}: {_short(old)} before, {_short(new)} now")
    return lines


def _short(value: Any) -> str:
    text = str(value)
    return f"{text[:12]}..." if len(text) >= 40 else text


def finished(output: Path) -> TrainedModel | None:
    """The result of a complete run whose files are all as they were left."""
    try:
        manifest = read_json(output / MANIFEST)
        if any(file_sha256(output / name) != sha256 for name, sha256 in manifest["outputs"].items()):
            return None
        return TrainedModel.model_validate(manifest["trained"] | {"folder": output / "final"})
    except (DyagError, OSError, KeyError, TypeError, ValueError):
        return None  # not complete: the trainer goes on from its checkpoints
