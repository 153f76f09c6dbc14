"""The chunks of an index as they lie in their file: each is read when it is asked for, none is held.

A table beside the file says where each line begins, what its digest is, and in which order the ids stand. A line is
compared with its digest whenever it is read. So an index opens without a look at its chunks, however many they are, and
still nothing is shown that isn't what was indexed.
"""

from __future__ import annotations

import hashlib
import threading
from array import array
from bisect import bisect_right
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, overload

from pydantic import ValidationError

from dyag_core.artifacts import BadLine, atomic_write, file_sha256, to_json
from dyag_core.artifacts.jsonl import parse_line
from dyag_core.errors import UsageError
from dyag_core.records import Chunk

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

#: The columns of the table: the byte at which a line begins; the first 8 bytes of its SHA-256; and, in row r, the place
#: of the chunk whose id is the r-th of all.
_COLUMNS = [("start", "<i8"), ("digest", "<u8"), ("by_id", "<i4")]


class ChunkFile(Sequence[Chunk]):
    """The chunks in `path`, by place. Threads may share it.

    Args:
        table: see `_COLUMNS`.
        remedy: what a person does about a damaged file.
    """

    def __init__(self, path: Path, table: Any, remedy: str) -> None:
        import numpy as np

        self._path, self._remedy = path, remedy
        self._handle = path.open("rb", buffering=0)
        self._lock = threading.Lock()
        self._starts = np.append(table["start"], path.stat().st_size)
        self.digests = np.ascontiguousarray(table["digest"])
        self.by_id = np.ascontiguousarray(table["by_id"])

    def __len__(self) -> int:
        return len(self.digests)

    @overload
    def __getitem__(self, place: int) -> Chunk: ...
    @overload
    def __getitem__(self, place: slice) -> list[Chunk]: ...
    def __getitem__(self, place: int | slice) -> Chunk | list[Chunk]:
        """UsageError where the line has changed since the index was built."""
        if isinstance(place, slice):
            return [self[i] for i in range(*place.indices(len(self)))]
        number = range(len(self))[place]
        start, end = int(self._starts[number]), int(self._starts[number + 1])
        with self._lock:
            self._handle.seek(start)
            line = self._handle.read(end - start)
        if _digest(line) != self.digests[number]:
            raise UsageError(
                f"{self._path}: line {number + 1} is not the one that the index was built with", self._remedy
            )
        return _parsed(self._path, number + 1, line)

    def find(self, chunk_id: str) -> Chunk | None:
        """The chunk with this id, by bisection: some twenty lines are read among a million."""
        after = bisect_right(self.by_id, chunk_id, key=lambda place: self[int(place)].id)
        found = self[int(self.by_id[after - 1])] if after else None
        return found if found is not None and found.id == chunk_id else None

    def not_in(self, other: ChunkFile) -> int:
        """How many of these chunks `other` doesn't have as they are."""
        import numpy as np

        return int(np.count_nonzero(~np.isin(self.digests, other.digests)))


def write_chunks(path: Path, table: Path, chunks: Iterable[Chunk]) -> dict[str, Any]:
    """Write `chunks` one a line, and their table; returns what `open_chunks` wants to be told."""
    made = _Table()
    with atomic_write(path, "wb") as handle:
        for chunk in chunks:
            line = f"{to_json(chunk.model_dump(mode='json'))}\n".encode()
            made.add(line, chunk.id)
            handle.write(line)
    with atomic_write(table, "wb") as handle:
        made.save(handle)
    return {"count": len(made.ids), "sha256": made.sha256, "bytes": made.bytes, "table": file_sha256(table)}


def open_chunks(path: Path, table: Path, told: dict[str, Any], remedy: str) -> ChunkFile:
    """The chunks that `write_chunks` wrote, or an older version, which kept no table: then the file is read through.

    Raises:
        UsageError: one of the files isn't what was written, as far as their sizes and the table's hash tell.
    """
    import numpy as np

    damaged = UsageError(f"{path} is not the file that the index was built with", remedy)
    if not path.is_file():
        raise damaged
    if "table" in told:
        if path.stat().st_size != told["bytes"] or not table.is_file() or file_sha256(table) != told["table"]:
            raise damaged
        rows = np.load(table, allow_pickle=False)
    else:
        made = _table_of(path)
        if made.sha256 != told["sha256"]:
            raise damaged
        rows = made.rows()
    if len(rows) != told["count"]:
        raise UsageError(f"{path}: {len(rows)} chunks, {told['count']} were expected", remedy)
    return ChunkFile(path, rows, remedy)


def digests_of(chunks: Sequence[Chunk]) -> Any:
    """A digest of each chunk (uint64), by which a retriever knows those that it has seen before."""
    import numpy as np

    if isinstance(chunks, ChunkFile):
        return chunks.digests
    lines = (f"{to_json(chunk.model_dump(mode='json'))}\n".encode() for chunk in chunks)
    return np.fromiter(map(_digest, lines), dtype=np.uint64, count=len(chunks))


def places_by_id(chunks: Sequence[Chunk]) -> Any:
    """The chunks' places in the order of their ids (int32)."""
    import numpy as np

    return chunks.by_id if isinstance(chunks, ChunkFile) else np.array(_order([c.id for c in chunks]), dtype=np.int32)


class _Table:
    """Grows line by line."""

    def __init__(self) -> None:
        self.bytes = 0
        self.ids: list[str] = []
        self._starts, self._digests = array("q"), array("Q")
        self._sha256 = hashlib.sha256()

    def add(self, line: bytes, chunk_id: str) -> None:
        self._starts.append(self.bytes)
        self._digests.append(_digest(line))
        self._sha256.update(line)
        self.bytes += len(line)
        self.ids.append(chunk_id)

    @property
    def sha256(self) -> str:
        return self._sha256.hexdigest()

    def rows(self) -> Any:
        import numpy as np

        rows = np.empty(len(self.ids), dtype=_COLUMNS)
        rows["start"], rows["digest"], rows["by_id"] = self._starts, self._digests, _order(self.ids)
        return rows

    def save(self, handle: Any) -> None:
        import numpy as np

        np.save(handle, self.rows(), allow_pickle=False)


def _table_of(path: Path) -> _Table:
    made = _Table()
    with path.open("rb") as handle:
        for number, line in enumerate(handle, 1):
            made.add(line, _parsed(path, number, line).id)
    return made


def _parsed(path: Path, number: int, line: bytes) -> Chunk:
    row = parse_line(number, line)
    if isinstance(row, BadLine):
        raise UsageError(f"{path}: line {number}: {row.reason}")
    try:
        return Chunk.model_validate(row)
    except ValidationError as error:
        raise UsageError(f"{path}: line {number} is not a chunk: {error.errors()[0]['msg']}") from error


def _digest(line: bytes) -> int:
    return int.from_bytes(hashlib.sha256(line).digest()[:8], "little")


def _order(ids: Sequence[str]) -> list[int]:
    return sorted(range(len(ids)), key=ids.__getitem__)
