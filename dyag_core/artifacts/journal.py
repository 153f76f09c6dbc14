"""An append-only journal: work that was acknowledged is never asked for again, however the process ended."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from dyag_core.artifacts.atomic import disk_errors
from dyag_core.artifacts.jsonl import BadLine, read_jsonl, to_json

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType
    from typing import Self


class Journal:
    """Results by key, one JSON line each, synced to disk as they are put.

    Open it as a context manager. A torn last line (the process was killed while it wrote) is cut off first; a bad
    line in the middle is passed over, so that its work is done again. Keys must name all that the result depends on
    (`sha256_of(...)`): a journal is then right whatever run wrote it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._entries: dict[str, Any] = {}

    def __enter__(self) -> Self:
        with disk_errors(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._cut_torn_tail()
            if self.path.exists():
                for _, line in read_jsonl(self.path):
                    if not isinstance(line, BadLine) and "key" in line:
                        self._entries[line["key"]] = line.get("value")
            self._handle = self.path.open("ab")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._handle.close()

    def __contains__(self, key: str) -> bool:
        return key in self._entries

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: str) -> Any:
        """The value put under `key`, or None."""
        return self._entries.get(key)

    def items(self) -> list[tuple[str, Any]]:
        """All keys with their values, in the order in which keys were first put."""
        return list(self._entries.items())

    def put(self, key: str, value: Any) -> None:
        """Keep `value` (anything JSON can hold); when this returns it is on the disk."""
        with disk_errors(self.path):
            self._handle.write(to_json({"key": key, "value": value}).encode("utf-8") + b"\n")
            self._handle.flush()
            os.fsync(self._handle.fileno())
        self._entries[key] = value

    def remove(self) -> None:
        """Throw the journal away, once the final file holds all that it held."""
        self._handle.close()
        self.path.unlink(missing_ok=True)

    def _cut_torn_tail(self) -> None:
        if not self.path.exists():
            return
        with self.path.open("rb+") as handle:
            end = handle.seek(0, os.SEEK_END)
            position = end
            while position > 0:
                start = max(0, position - 65536)
                handle.seek(start)
                newline = handle.read(position - start).rfind(b"\n")
                if newline >= 0:
                    position = start + newline + 1
                    break
                position = start
            if position < end:
                handle.truncate(position)
