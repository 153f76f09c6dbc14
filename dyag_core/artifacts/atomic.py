"""Write a file, or a folder, whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import glob
import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from dyag_core.errors import ResourceError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn "no space left" and "not allowed" into errors that name `path` and say what to do."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise ResourceError(
                f"no room to write {path}: {error.strerror}", "free some space and run the same command again"
            ) from error
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG):
            raise UsageError(f"can't write {path}: {error.strerror}", "choose another --output") from error
        raise


@contextmanager
def atomic_write(path: Path, mode: str = "w") -> Iterator[IO[Any]]:
    """A file handle whose content takes `path`'s place when the block ends well; else the old file stays as it was.

    Temporary file in the same folder, flush, fsync, file mode, `os.replace`, fsync of the folder. `mode` is "w"
    (UTF-8, "\\n" line ends) or "wb".

    Raises:
        ResourceError: the disk is full. UsageError: the folder can't be written.
    """
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:50]}.", suffix=".tmp")
        temporary = Path(name)
        try:
            text = {} if "b" in mode else {"encoding": "utf-8", "newline": "\n"}
            with open(descriptor, mode, **text) as handle:  # type: ignore[call-overload]
                yield handle
                handle.flush()
                os.fsync(handle.fileno())
            with contextlib.suppress(FileNotFoundError):
                os.chmod(temporary, path.stat().st_mode & 0o7777 if path.exists() else 0o666 & ~_umask())
            os.replace(temporary, path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        _sync_folder(path.parent)


def atomic_text(path: Path, text: str) -> None:
    """Write `text` as the whole content of `path`."""
    with atomic_write(path) as handle:
        handle.write(text)


@contextmanager
def atomic_folder(folder: Path) -> Iterator[Path]:
    """An empty folder that takes `folder`'s place when the block ends well; else what was there stays as it was.

    What a killed writer left is removed by the next. Only for who holds the lock on `folder`.

    Raises:
        ResourceError: the disk is full. UsageError: the folder can't be written.
    """
    partial = folder.with_name(f".{folder.name}.partial")
    with disk_errors(folder):
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        try:
            yield partial
            shutil.rmtree(folder, ignore_errors=True)
            os.rename(partial, folder)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise


def remove_leftovers(*paths: Path) -> None:
    """Delete the temporary files that killed writers of `paths` left. Only for who holds the lock on them."""
    for path in paths:
        for leftover in path.parent.glob(f".{glob.escape(path.name[:50])}.*.tmp"):
            leftover.unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":  # Windows can't open a folder
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
