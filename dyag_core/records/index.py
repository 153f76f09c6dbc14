"""A search index that was built."""

from __future__ import annotations

from pathlib import Path

from dyag_core.records.base import Record


class Index(Record):
    """What the stage made: the folder, how many chunks, the hash of `chunks.jsonl`, the documents' language."""

    folder: Path
    chunks: int
    sha256: str
    retriever: str
    lang: str
