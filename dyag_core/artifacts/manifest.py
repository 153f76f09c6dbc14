"""Manifests: what made a file, out of what, with which options and plugins. No absolute path, no time of day."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from dyag_core.artifacts.atomic import atomic_text
from dyag_core.artifacts.jsonl import to_json
from dyag_core.records import SCHEMA_VERSION
from dyag_core.version import __version__

MANIFEST_SUFFIX = ".manifest.json"
_PARTS = ("_test", "_val", "_train")


def file_sha256(path: Path) -> str:
    """Hash of a file's bytes; of a folder, the hash over its files' names and hashes in order."""
    if path.is_dir():
        files = sorted(p for p in path.rglob("*") if p.is_file())
        return sha256_of([[p.relative_to(path).as_posix(), file_sha256(p)] for p in files])
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def sha256_of(value: Any) -> str:
    """Hash of a JSON value; the order of an object's keys does not matter."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, ensure_ascii=True, default=str).encode()).hexdigest()


def relative_to(path: Path, folder: Path) -> str:
    """`path` as seen from `folder`, with forward slashes: manifests move between machines."""
    try:
        return Path(os.path.relpath(path.resolve(), folder.resolve())).as_posix()
    except ValueError:  # another drive on Windows
        return path.name


def readable_name(name: str) -> str:
    """`name` in which the bytes of file names that Python carried as surrogates (under a C locale) are UTF-8 again."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def manifest_path(output: Path) -> Path:
    """Where the manifest of an output file stands: NAME.manifest.json beside NAME.ext."""
    return output.with_name((output.stem if output.suffix else output.name) + MANIFEST_SUFFIX)


def manifest_of_rows(rows: Path) -> Path | None:
    """The manifest beside a file of rows, or beside the whole that NAME_train, NAME_val or NAME_test is a part of."""
    stems = [rows.stem, *(rows.stem.removesuffix(part) for part in _PARTS if rows.stem.endswith(part))]
    found = (rows.with_name(stem + MANIFEST_SUFFIX) for stem in stems)
    return next((path for path in found if path.is_file()), None)


def write_manifest(
    path: Path,
    *,
    stage: str,
    options: dict[str, Any],
    seed: int,
    inputs: dict[str, Path],
    plugins: list[dict[str, Any]],
    **more: Any,
) -> dict[str, Any]:
    """Write and return a manifest. `inputs` maps a role to a file or folder, whose hash is taken.

    `plugins` is `Plugins.used()`: family, name, distribution and version of each. `more` are the stage's own facts.
    """
    manifest = {
        "schema_version": SCHEMA_VERSION,
        "dyag_version": __version__,
        "stage": stage,
        "options": options,
        "seed": seed,
        "inputs": {
            role: {"path": relative_to(file, path.parent), "sha256": file_sha256(file)} for role, file in inputs.items()
        },
        "plugins": plugins,
        **more,
    }
    atomic_text(path, readable_name(to_json(manifest, indent=2)) + "\n")
    return manifest
