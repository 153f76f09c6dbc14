"""Chunks in an order that covers the documents, for a generator whose every row costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dyag_core.dataset.smallest import Smallest
from dyag_core.dataset.splits import Lot
from dyag_core.text.digests import DigestTable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dyag_core.records import Document

#: A chunk may give no usable row: so many times the rows that are wanted wait.
_CHUNKS_A_ROW = 4


def one_chunk_each(documents: Iterable[Document], rows: int, seed: int) -> Iterator[Document]:
    """Documents with one chunk: first one of each document, then another of each; which, and in what order, by lot.

    Everything is read before the first comes. What waits is bounded by `rows`, the number of rows that are wanted.
    """
    lot, ranks = Lot(seed), DigestTable()
    kept = Smallest["Document"](_CHUNKS_A_ROW * rows)
    for document in documents:
        first = ranks.get(document.id)  # its parts may not stand together
        ranks.increment(document.id, by=len(document.chunks))
        drawn = sorted((lot.order(f"{document.id}\x1f{chunk.id}"), n) for n, chunk in enumerate(document.chunks))
        for rank, (order, n) in enumerate(drawn, first):
            chunk = document.chunks[n]
            kept.add((rank, order, n), document.model_copy(update={"chunks": (chunk,)}))
    yield from kept.items()
