"""A search index that was built."""

from __future__ import annotations

from pathlib import Path

from dyag_core.records.base import Record


class Index(Record):
    """What the stage made: the folder, how many chunks, the hash of `chunks.jsonl`, the documents' language.

    Of an index that was brought up to date, also how many chunks are `added` and how many of the old ones are `gone`; a
    chunk that has changed is both. None for one that was built from nothing.
    """

    folder: Path
    chunks: int
    sha256: str
    retriever: str
    lang: str
    added: int | None = None
    gone: int | None = None
