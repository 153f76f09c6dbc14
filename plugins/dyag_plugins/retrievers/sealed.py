"""The arrays that a retriever keeps inside an index: mapped into memory, and used only where they are whole.

A seal names what a folder was made of, and has a hash of each block of each file. Opening a large folder looks at sizes
alone; a block is compared with its hash when something in it is first read. So gigabytes open at once, and nothing
damaged is searched. A small folder, which is most of them, is compared whole.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dyag_core import UsageError
from dyag_core.api import atomic_folder, atomic_text, read_json, to_json

#: Written last: without it there is nothing.
SEAL = "cache.json"
_BLOCK = 1 << 18
#: What is no larger than this, in bytes, is compared whole when it is opened: a hundredth of a second.
_SMALL = 1 << 24


class Damaged(Exception):
    """A file isn't what was sealed: what it was made from must make it again."""


class Sealed:
    """A folder of .npy files that was sealed under `key`.

    Raises:
        Damaged: it is missing, was made of something else, or a file has another size.
    """

    def __init__(self, folder: Path, key: str) -> None:
        self._folder = folder
        try:
            told = read_json(folder / SEAL)
            self._files: dict[str, dict[str, Any]] = told["files"]
            whole = told["key"] == key and all(
                (folder / name).stat().st_size == file["bytes"] for name, file in self._files.items()
            )
        except (UsageError, OSError, KeyError, TypeError, AttributeError) as error:
            raise Damaged(str(folder)) from error
        if not whole:
            raise Damaged(str(folder))
        if sum(file["bytes"] for file in self._files.values()) <= _SMALL:
            for name, file in self._files.items():
                if _blocks(folder / name) != file["blocks"]:
                    raise Damaged(str(folder / name))

    def array(self, name: str) -> SealedArray:
        """The array in `name`.npy."""
        file = self._files.get(f"{name}.npy")
        if file is None:
            raise Damaged(f"{self._folder / name}.npy")
        return SealedArray(self._folder / f"{name}.npy", file["blocks"])


class SealedArray:
    """A one- or two-dimensional array in a file; `array[start:end]` are its rows, checked and not copied."""

    def __init__(self, path: Path, hashes: list[str]) -> None:
        import numpy as np

        self._path, self._hashes = path, hashes
        self._checked = np.zeros(len(hashes), dtype=bool)
        self._bytes = np.memmap(path, dtype=np.uint8, mode="r").view(np.ndarray)
        self._check(0, 1)  # the header
        mapped = np.load(path, mmap_mode="r", allow_pickle=False)
        self._start = mapped.offset
        self._rows = mapped.view(np.ndarray)
        self._width = self._rows.itemsize * (self._rows.shape[1] if self._rows.ndim > 1 else 1)

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, rows: slice) -> Any:
        """Damaged: a block of these rows isn't what was sealed."""
        start, end, _ = rows.indices(len(self))
        if start < end:
            self._check(self._start + start * self._width, self._start + end * self._width)
        return self._rows[start:end]

    def _check(self, start: int, end: int) -> None:
        import numpy as np

        first, last = start // _BLOCK, -(-end // _BLOCK)
        for block in (first + np.flatnonzero(~self._checked[first:last])).tolist():
            if _hash(self._bytes[block * _BLOCK : (block + 1) * _BLOCK]) != self._hashes[block]:
                raise Damaged(str(self._path))
            self._checked[block] = True


@contextmanager
def sealed_folder(folder: Path, key: str) -> Iterator[Path]:
    """An empty folder that takes `folder`'s place, sealed under `key`, when the block ends well."""
    with atomic_folder(folder) as new:
        yield new
        files = {path.name: {"bytes": path.stat().st_size, "blocks": _blocks(path)} for path in sorted(new.iterdir())}
        atomic_text(new / SEAL, to_json({"key": key, "files": files}, indent=2) + "\n")


def bring_up_to_date(
    folder: Path,
    key: str,
    digests: Any,
    read: Callable[[Sealed], None],
    build: Callable[[Path, Sealed | None], None],
    *,
    afresh: bool = False,
) -> None:
    """Let `read` have what is in `folder`, made anew where it is damaged or of other chunks than these digests say.

    Args:
        build: writes the arrays into an empty folder, given what was made under that key of other chunks, if it was.
            Where that turns out to be damaged, it is called again without it.
        afresh: trust nothing that is there.
    """
    import numpy as np

    def made(before: Sealed | None) -> None:
        with sealed_folder(folder, key) as new:
            build(new, before)
            save(new, digests=digests)
        read(Sealed(folder, key))

    try:
        if afresh:
            raise Damaged(str(folder))
        found = Sealed(folder, key)
        if np.array_equal(found.array("digests")[:], digests):
            read(found)
        else:
            made(found)
    except Damaged:
        made(None)


def what_stayed(before: Sealed | None, digests: Any) -> tuple[Any, Any, Any]:
    """Which of the chunks with these digests `before` has: (their places there, their places now, all others now).

    The last two ascend.
    """
    import numpy as np

    known = before.array("digests")[:] if before is not None else digests[:0]
    _, old, new = np.intersect1d(known, digests, return_indices=True)
    order = np.argsort(new)
    return old[order], new[order], np.setdiff1d(np.arange(len(digests)), new)


def save(folder: Path, **arrays: Any) -> None:
    """Write each array as NAME.npy."""
    import numpy as np

    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array, allow_pickle=False)


def _blocks(path: Path) -> list[str]:
    with path.open("rb") as handle:
        return [_hash(block) for block in iter(lambda: handle.read(_BLOCK), b"")]


def _hash(block: Any) -> str:
    return hashlib.sha256(block).hexdigest()
