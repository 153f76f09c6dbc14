"""The files that a retriever keeps inside an index: used only where they are whole and made of the same things."""

from __future__ import annotations

from pathlib import Path

from dyag_core import UsageError
from dyag_core.api import atomic_text, file_sha256, read_json, to_json

#: Names what a cache was made of, and its files' hashes. Written last: without it there is no cache.
MARKER = "cache.json"


def is_whole(folder: Path, key: str) -> bool:
    """Whether `folder` holds what was sealed under `key`, undamaged."""
    try:
        marker = read_json(folder / MARKER)
        return bool(marker["key"] == key and all(file_sha256(folder / n) == h for n, h in marker["files"].items()))
    except (UsageError, OSError, KeyError, TypeError, AttributeError):
        return False  # missing or damaged: it is a cache, and is built again


def unseal(folder: Path) -> None:
    """Make `folder` ready to be written: until `seal`, it holds no cache."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARKER).unlink(missing_ok=True)


def seal(folder: Path, key: str) -> None:
    """Mark the files of `folder` as whole."""
    hashes = {path.name: file_sha256(path) for path in sorted(folder.iterdir()) if path.is_file()}
    atomic_text(folder / MARKER, to_json({"key": key, "files": hashes}, indent=2) + "\n")
