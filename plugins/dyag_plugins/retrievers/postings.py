"""An inverted file: for each term the chunks that it stands in, how often, and what that weighs in BM25.

It is made by blocks that fit in memory, each inverted by itself and written out, then merged term by term (blocked
sort-based indexing: Manning, Raghavan & Schütze 2008, ch. 4). Bringing an old one up to date is the same merge: of what
is left of the old one, and of blocks of new chunks. The weights are computed while merging, for each depends on all
chunks; they are the ones of bm25s (Lù 2024, method "lucene"), to the last bit.
"""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dyag_plugins.retrievers.sealed import save

if TYPE_CHECKING:
    from dyag_plugins.retrievers.sealed import Sealed

#: So many words are inverted at once, and so many postings merged (a term's are never parted). Either takes about 50
#: bytes of memory each.
_BLOCK = 1 << 22
_SLAB = 1 << 21
#: Terms merged at once: their numbers are sorted as 16-bit integers, for which numpy has a linear sort.
_TERMS = 1 << 16


class Terms:
    """All terms in the order of their bytes; a term's number is its place. They stay in the file, end to end."""

    def __init__(self, letters: Any, starts: Any) -> None:
        self._letters, self._starts = letters, starts

    def __len__(self) -> int:
        return len(self._starts) - 1

    def number(self, term: str) -> int | None:
        """By bisection; None for a term that there is not."""
        wanted = term.encode()
        found = bisect_left(range(len(self)), wanted, key=self._bytes)
        return found if found < len(self) and self._bytes(found) == wanted else None

    def __iter__(self) -> Iterator[str]:
        letters = self._letters.tobytes()
        return (letters[start:end].decode() for start, end in pairwise(self._starts.tolist()))

    def _bytes(self, number: int) -> bytes:
        letters: bytes = self._letters[self._starts[number] : self._starts[number + 1]].tobytes()
        return letters


@dataclass(frozen=True)
class Block:
    """Postings by term, within a term by chunk.

    `starts` has the place of each term's first posting, and their number at the end. `places`, where given, maps the
    chunks' old places to new ones (-1: gone).
    """

    terms: Terms
    starts: Any
    chunks: Any
    counts: Any
    places: Any = None

    @classmethod
    def opened(cls, folder: Sealed, places: Any = None) -> Block:
        """What `merge` wrote."""
        names = ("letters", "term_starts", "starts")
        letters, term_starts, starts = (folder.array(name)[:] for name in names)
        return cls(Terms(letters, term_starts), starts, folder.array("chunks"), folder.array("counts"), places)

    @classmethod
    def spilt(cls, folder: Path) -> Block:
        """What `invert` wrote, mapped."""
        import numpy as np

        letters, term_starts, starts, chunks, counts = (
            np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False).view(np.ndarray)
            for name in ("letters", "term_starts", "starts", "chunks", "counts")
        )
        return cls(Terms(letters, term_starts), starts, chunks, counts)

    def postings(self, first: int, end: int) -> tuple[Any, Any, Any]:
        """(terms counted from `first`, chunks, counts) of the terms from `first` up to `end`."""
        import numpy as np

        part = slice(int(self.starts[first]), int(self.starts[end]))
        chunks, counts = self.chunks[part], self.counts[part]
        terms = np.repeat(np.arange(end - first), np.diff(self.starts[first : end + 1]))
        if self.places is None:
            return terms, chunks, counts
        chunks = self.places[chunks]
        kept = chunks >= 0
        return terms[kept], chunks[kept], counts[kept]

    def size(self) -> int:
        """How many postings there are, those of chunks that are gone left out."""
        parts = (self.chunks[start : start + _SLAB] for start in range(0, len(self.chunks), _SLAB))
        return len(self.chunks) if self.places is None else sum(int((self.places[p] >= 0).sum()) for p in parts)


def invert(
    texts: Iterable[str], places: Sequence[int], analyse: Callable[[str], list[str]], folder: Path
) -> tuple[list[Block], Any]:
    """Blocks of postings for texts whose chunks have these places (ascending), and each text's length in terms.

    The blocks are written into numbered folders below `folder`.
    """
    import numpy as np

    blocks: list[Block] = []
    numbers: defaultdict[str, int] = defaultdict()
    numbers.default_factory = numbers.__len__
    flat, lengths = array("i"), array("i")
    begun = 0
    folder.mkdir(parents=True)

    def spill() -> None:
        block = folder / str(len(blocks))
        block.mkdir()
        of_block = np.array(places[begun : len(lengths)], dtype=np.int64)
        _spill(numbers, np.array(flat), np.repeat(of_block, lengths[begun:]), block)
        blocks.append(Block.spilt(block))

    for text in texts:
        terms = analyse(text)
        lengths.append(len(terms))
        flat.extend(map(numbers.__getitem__, terms))
        if len(flat) >= _BLOCK:
            spill()
            numbers.clear()
            flat, begun = array("i"), len(lengths)
    if begun < len(lengths):
        spill()
    return blocks, np.array(lengths)


def _spill(numbers: dict[str, int], flat: Any, places: Any, folder: Path) -> None:
    import numpy as np

    terms = sorted(numbers)
    ordered = np.empty(len(terms), dtype=np.int64)
    ordered[[numbers[term] for term in terms]] = np.arange(len(terms))
    pairs, counts = np.unique(ordered[flat] << 32 | places, return_counts=True)
    starts = np.searchsorted(pairs >> 32, np.arange(len(terms) + 1))
    _save_terms(terms, folder)
    save(
        folder,
        starts=starts,
        chunks=(pairs & 0xFFFFFFFF).astype(np.int32),
        counts=counts.astype(np.min_scalar_type(counts.max(initial=0))),
    )


def _save_terms(terms: Sequence[str], folder: Path) -> None:
    import numpy as np

    encoded = [term.encode() for term in terms]
    starts = np.cumsum([0, *map(len, encoded)], dtype=np.int64)
    save(folder, letters=np.frombuffer(b"".join(encoded), dtype=np.uint8), term_starts=starts)


def merge(blocks: Sequence[Block], lengths: Any, k1: float, b: float, folder: Path) -> None:
    """Write the blocks as one, with the weights of all postings.

    A term's weight in a chunk is idf * tf / (tf + k1 * (1 - b + b * length / mean length)), with Lucene's idf,
    ln(1 + (N - df + 0.5) / (df + 0.5)): Robertson & Zaragoza 2009, eq. 3.15, without the factor (k1 + 1).
    """
    import numpy as np

    terms = sorted(set().union(*(block.terms for block in blocks)))
    number = {term: i for i, term in enumerate(terms)}
    of_blocks = [np.fromiter((number[term] for term in block.terms), np.int64, len(block.terms)) for block in blocks]
    most = np.zeros(len(terms), dtype=np.int64)
    for block, numbers in zip(blocks, of_blocks, strict=True):
        most[numbers] += np.diff(block.starts)
    norms = k1 * ((1 - b) + b * lengths / (lengths.mean() or 1.0))
    sizes = np.zeros(len(terms), dtype=np.int64)
    total = sum(map(Block.size, blocks))
    types = {
        "chunks": np.dtype(np.int32),
        "counts": np.result_type(np.uint8, *(block.counts[:0] for block in blocks)),
        "weights": np.dtype(np.float32),
    }
    files = {name: _begun(folder / f"{name}.npy", total, kind) for name, kind in types.items()}
    for first, end in _slabs(most):
        found = []
        for block, numbers in zip(blocks, of_blocks, strict=True):
            low, high = np.searchsorted(numbers, (first, end)).tolist()
            of_block, chunks, counts = block.postings(low, high)
            found.append((numbers[low:high][of_block] - first, chunks, counts))
        slab, chunks, counts = _in_order(*map(np.concatenate, zip(*found, strict=True)))
        sizes[first:end] = np.bincount(slab, minlength=end - first)
        weights = _idf(sizes[first:end], len(lengths))[slab] * (counts / (norms[chunks] + counts))
        for name, values in (("chunks", chunks), ("counts", counts), ("weights", weights)):
            values.astype(types[name]).tofile(files[name])
    for file in files.values():
        file.close()
    kept = np.flatnonzero(sizes)  # terms of chunks that are gone stand nowhere
    _save_terms([terms[i] for i in kept.tolist()], folder)
    save(folder, starts=np.concatenate([[0], np.cumsum(sizes[kept])]), lengths=lengths.astype(np.int32))


def _slabs(sizes: Any) -> Iterator[tuple[int, int]]:
    """Ranges of terms that together have not too many postings."""
    import numpy as np

    ends = np.cumsum(sizes)
    first = 0
    while first < len(sizes):
        before = ends[first] - sizes[first]
        end = max(first + 1, min(first + _TERMS, int(np.searchsorted(ends, before + _SLAB, "right"))))
        yield first, end
        first = end


def _in_order(terms: Any, chunks: Any, counts: Any) -> tuple[Any, Any, Any]:
    """By term, within a term by chunk. What comes block by block is so once it is sorted by term alone."""
    import numpy as np

    order = np.argsort(terms.astype(np.uint16), kind="stable")
    terms, chunks, counts = terms[order], chunks[order], counts[order]
    pairs = terms.astype(np.int64) << 32 | chunks
    if (pairs[1:] < pairs[:-1]).any():
        order = np.argsort(pairs, kind="stable")
        terms, chunks, counts = terms[order], chunks[order], counts[order]
    return terms, chunks, counts


def _idf(sizes: Any, chunks: int) -> Any:
    import numpy as np

    different, which = np.unique(sizes, return_inverse=True)
    idf = [math.log(1 + (chunks - size + 0.5) / (size + 0.5)) for size in different.tolist()]
    return np.array(idf, dtype=np.float32)[which]


def _begun(path: Path, rows: int, kind: Any) -> Any:
    """A file of `rows` numbers, open behind its header."""
    import numpy as np

    handle = path.open("wb")
    np.lib.format.write_array_header_1_0(
        handle, {"shape": (rows,), "fortran_order": False, "descr": np.lib.format.dtype_to_descr(kind)}
    )
    return handle
