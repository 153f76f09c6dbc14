"""One process at a time on one output."""

from __future__ import annotations

import os
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import filelock

from dyag_core.artifacts.atomic import disk_errors
from dyag_core.errors import LockedError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def output_lock(*outputs: Path) -> Iterator[None]:
    """Hold `outputs` (files or folders, which need not exist) for this process: all of them, or none.

    The operating system frees the lock when the process dies, however it dies. The PID stands in a file of its own
    because a locked file can't be read on Windows.

    Raises:
        LockedError: another process holds it; names its PID (exit 6).
    """
    with ExitStack() as held:
        for output in dict.fromkeys(outputs):
            held.enter_context(_held(output))
        yield


@contextmanager
def _held(output: Path) -> Iterator[None]:
    with disk_errors(output):
        output.parent.mkdir(parents=True, exist_ok=True)
        lock_path = output.parent / f".{output.name}.lock"
        owner_path = output.parent / f".{output.name}.pid"
        lock = filelock.FileLock(lock_path, timeout=0)
        try:
            lock.acquire()
        except filelock.Timeout as error:
            owner = owner_path.read_text("ascii", "replace").strip() if owner_path.exists() else "unknown"
            raise LockedError(
                f"{output} is being written by another process (PID {owner})",
                "wait until it is done, or choose another --output",
            ) from error
        owner_path.write_text(str(os.getpid()), encoding="ascii")
    try:
        yield
    finally:
        owner_path.unlink(missing_ok=True)
        lock.release()
