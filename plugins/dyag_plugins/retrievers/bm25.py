"""Retriever `bm25`: lexical search, for French and English, in an inverted file (see `postings`).

Words are folded (lower case, no accents) on both sides before stopwords and stemming, because people type "categorie"
and "licence" where documents say "Catégorie". Stemming folded words is a little less exact than stemming accented
ones, but it is the same on both sides, which is what counts. "7zip" is found by "7-zip" and the other way round.
Scripts without spaces (Chinese, Japanese, Thai ...) are searched by pairs of neighbouring characters (Nie et al. 2000).
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, Field

from dyag_core import Chunk, Hit, Run, hookimpl
from dyag_core.api import detect_language, digests_of, fold, sha256_of
from dyag_plugins.retrievers.best import best, ranks_by_id
from dyag_plugins.retrievers.postings import Block, invert, merge
from dyag_plugins.retrievers.sealed import Damaged, Sealed, bring_up_to_date, what_stayed

_WORD = re.compile(r"[^\W_]+")
_PART = re.compile(r"\d+|[^\W\d_]+")
# Han, kana, Hangul as `fold` leaves it, Thai and Lao, Burmese, Khmer: no spaces between words.
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u11ff\u1780-\u17ff\u3005\u3040-\u30ff\u3400-\u9fff\uac00-\ud7ff\U00020000-\U0003ffff]+"
)
_STEMMERS = {"fr": "french", "en": "english"}
_FORMAT = 3
#: The terms of so many words are remembered: the most frequent ones come again and again.
_REMEMBERED = 200_000


class BM25:
    """BM25 over an index's chunks."""

    dyag_api = 1
    updates = True

    class Options(BaseModel, extra="forbid"):
        """Language and the two constants of BM25."""

        lang: Literal["auto", "fr", "en"] = Field("auto", description="language of the documents; auto detects it")
        k1: float = Field(1.5, ge=0, description="how soon a repeated word stops counting")
        b: float = Field(0.75, ge=0, le=1, description="how much long chunks are held back")

    @hookimpl
    def dyag_retrieve(self, chunks: Sequence[Chunk], folder: Path, options: Options, run: Run) -> BM25Retriever:
        """Load the search structures from `folder`, or build them there."""
        lang = detect_language(chunk.text for chunk in chunks) if options.lang == "auto" else options.lang
        return BM25Retriever(_Index(chunks, folder, lang, options, run))


class BM25Retriever:
    """See `dyag_core.plugin.protocols.Retriever`. Chunks that share no word with the query are not returned."""

    def __init__(self, index: _Index) -> None:
        self._index = index
        self._ranks = ranks_by_id(index.chunks)

    def search(self, queries: Sequence[str], k: int) -> list[list[Hit]]:
        """At most `k` chunks for each query, best first; equal scores in the order of chunk ids."""
        try:
            return [self._search(query, k) for query in queries]
        except Damaged:
            self._index.open(afresh=True)
            return [self._search(query, k) for query in queries]

    def _search(self, query: str, k: int) -> list[Hit]:
        scores = self._index.scores(query)
        if scores is None:
            return []
        found = best(scores, self._ranks, k, above=0).tolist()
        return [Hit(chunk=self._index.chunks[i], score=float(scores[i])) for i in found]


class _Index:
    """The inverted file in `folder`: opened if it is whole, brought up to date if it is of other chunks, or built."""

    def __init__(self, chunks: Sequence[Chunk], folder: Path, lang: str, options: BM25.Options, run: Run) -> None:
        self.chunks, self._folder, self._options, self._run = chunks, folder, options, run
        self._analyse = analyser(lang)
        self._key = sha256_of([_FORMAT, lang, options.k1, options.b])
        self._digests = digests_of(chunks)
        self.open()

    def open(self, *, afresh: bool = False) -> None:
        """Open the files; `afresh`, after building them whatever is there."""
        bring_up_to_date(self._folder, self._key, self._digests, self._read, self._build, afresh=afresh)

    def _read(self, files: Sealed) -> None:
        block = Block.opened(files)
        self._terms, self._starts, self._places = block.terms, block.starts, block.chunks
        self._weights = files.array("weights")

    def scores(self, query: str) -> Any | None:
        """Each chunk's score (float32), or None where no term of the query stands anywhere. May raise Damaged."""
        import numpy as np

        numbers = [self._terms.number(term) for term in self._analyse(query)]
        known = [number for number in numbers if number is not None]
        if not known:
            return None
        scores = np.zeros(len(self.chunks), dtype=np.float32)
        for number in known:
            part = slice(int(self._starts[number]), int(self._starts[number + 1]))
            np.add.at(scores, self._places[part], self._weights[part])  # twice as fast as scores[...] += ...
        return scores

    def _build(self, folder: Path, before: Sealed | None) -> None:
        """Write the files from all chunks, or from those that `before` hasn't and what it has of the others."""
        import numpy as np

        old, new, fresh = what_stayed(before, self._digests)
        lengths = np.empty(len(self._digests), dtype=np.int64)
        blocks, work = [], folder / "blocks"
        if before is not None:
            old_lengths = before.array("lengths")[:]
            lengths[new] = old_lengths[old]
            places = np.full(len(old_lengths), -1)
            places[old] = new
            blocks.append(Block.opened(before, places))
        inverted, lengths[fresh] = invert(self._texts(fresh.tolist()), fresh, self._analyse, work)
        merge([*blocks, *inverted], lengths, self._options.k1, self._options.b, folder)
        del inverted  # they are files mapped into memory
        shutil.rmtree(work)

    def _texts(self, places: Sequence[int]) -> Iterator[str]:
        with self._run.progress.task("building the search index", total=len(places)) as task:
            for place in places:
                yield self.chunks[place].text
                task.advance(1)


def analyser(lang: str) -> Callable[[str], list[str]]:
    """A function from a text to its search terms: folded, without stopwords, stemmed.

    A word of letters and digits also gives its parts ("7zip": 7zip, 7, zip), so that spelling "7-zip" finds it.
    """
    import Stemmer
    from bm25s import stopwords

    stem = Stemmer.Stemmer(_STEMMERS[lang], 0).stemWord  # its own cache costs more than it saves beside ours
    words = stopwords.STOPWORDS_FRENCH if lang == "fr" else stopwords.STOPWORDS_EN_PLUS
    stop = {part for word in words for part in _WORD.findall(fold(word))}

    def terms_of(word: str) -> Sequence[str]:
        if word in stop:
            return ()
        pairs: list[str] = []
        if not word.isascii() and _UNSPACED.search(word):
            pairs = _pairs(word)
            word = _UNSPACED.sub("", word)
            if not word:
                return pairs
        parts = _PART.findall(word)
        return pairs + [stem(term) for term in ([word] if len(parts) < 2 else [word, *parts])]

    known = _Remembered(terms_of)
    return lambda text: list(chain.from_iterable(map(known.__getitem__, _WORD.findall(fold(text)))))


class _Remembered(dict[str, Sequence[str]]):
    """What `terms_of` said of the words that came; all is forgotten when they are too many."""

    def __init__(self, terms_of: Callable[[str], Sequence[str]]) -> None:
        super().__init__()
        self._terms_of = terms_of

    def __missing__(self, word: str) -> Sequence[str]:
        if len(self) >= _REMEMBERED:
            self.clear()
        terms = self[word] = self._terms_of(word)
        return terms


def _pairs(word: str) -> list[str]:
    """Neighbouring characters of each stretch without spaces, two by two; a single one by itself."""
    runs: list[str] = _UNSPACED.findall(word)
    return [run[i : i + 2] for run in runs for i in range(max(1, len(run) - 1))]
