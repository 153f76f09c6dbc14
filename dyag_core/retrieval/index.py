"""An index as it lies on disk, opened."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dyag_core.artifacts import read_json
from dyag_core.errors import UsageError
from dyag_core.plugin.run import Run
from dyag_core.retrieval.chunk_file import ChunkFile, open_chunks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dyag_core.plugin.host import Plugins
    from dyag_core.plugin.protocols import Retriever
    from dyag_core.records import Chunk, Hit, Question


MANIFEST = "index.json"


CHUNKS = "chunks.jsonl"


TABLE = "chunks.npy"


RETRIEVER = "retriever"


TIMES = "times.json"


@dataclass(frozen=True, eq=False)
class OpenIndex:
    """An index ready to be searched. `sha256`, the retriever's name and the seconds that building took (None: not
    recorded) go into results files. `built` is when, in seconds since 1970.
    """

    folder: Path
    sha256: str
    retriever_name: str
    lang: str
    chunks: ChunkFile
    retriever: Retriever
    seconds: float | None = None
    built: float = 0.0

    def chunk(self, chunk_id: str) -> Chunk | None:
        """The chunk with this id."""
        return self.chunks.find(chunk_id)

    def right_chunks(self, question: Question) -> list[Chunk]:
        """The passages that hold the answer; [] where nothing answers, or one of them isn't in this index."""
        found = [self.chunk(name) for name in question.chunks] if question.answerable else []
        return [chunk for chunk in found if chunk is not None] if None not in found else []

    def search(self, queries: Sequence[str], k: int) -> list[list[Hit]]:
        """The `k` best chunks for each query, best first."""
        return self.retriever.search(queries, k)


def open_index(folder: Path, *, plugins: Plugins, run: Run) -> OpenIndex:
    """Open an index for searching.

    Raises:
        UsageError: there is none in `folder`, or it is damaged.
    """
    if not (folder / MANIFEST).is_file():
        raise UsageError(f"{folder}: no index here", f"build it: dyag index-rag DOCUMENTS --output {folder}")
    manifest = read_json(folder / MANIFEST)
    again = f"build it again: dyag index-rag DOCUMENTS --output {folder}"
    try:
        told, lang = manifest["chunks"], manifest["lang"]
        digest, _ = told["sha256"], told["count"]
        name, options = manifest["options"]["retriever"], manifest["options"]["retriever_options"]
    except (KeyError, TypeError) as error:
        raise UsageError(f"{folder / MANIFEST}: not the manifest of an index ({error} is missing)", again) from error
    chunks = open_chunks(folder / CHUNKS, folder / TABLE, told, again)
    chosen = plugins.choose("retrievers", name, options)
    retriever = plugins.retriever(chosen, chunks, folder / RETRIEVER, run)
    built = (folder / MANIFEST).stat().st_mtime
    return OpenIndex(folder, digest, chosen.name, lang, chunks, retriever, _seconds(folder), built)


def _seconds(folder: Path) -> float | None:
    """How long building took; None for an index older than this file."""
    if not (folder / TIMES).is_file():
        return None
    told = read_json(folder / TIMES)
    seconds = told.get("seconds") if isinstance(told, dict) else None
    return float(seconds) if isinstance(seconds, int | float) else None
