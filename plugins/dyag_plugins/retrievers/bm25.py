"""Retriever `bm25`: lexical search with bm25s (Lù 2024), for French and English.

Words are folded (lower case, no accents) on both sides before stopwords and stemming, because people type "categorie"
and "licence" where documents say "Catégorie". Stemming folded words is a little less exact than stemming accented
ones, but it is the same on both sides, which is what counts. "7zip" is found by "7-zip" and the other way round.
Scripts without spaces (Chinese, Japanese, Thai ...) are searched by pairs of neighbouring characters (Nie et al. 2000).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, Field

from dyag_core import Chunk, Hit, Run, hookimpl
from dyag_core.api import detect_language, fold, sha256_of
from dyag_plugins.retrievers.best import best, ranks_by_id
from dyag_plugins.retrievers.cache import is_whole, seal, unseal

_WORD = re.compile(r"[^\W_]+")
_PART = re.compile(r"\d+|[^\W\d_]+")
# Han, kana, Hangul as `fold` leaves it, Thai and Lao, Burmese, Khmer: no spaces between words.
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u11ff\u1780-\u17ff\u3005\u3040-\u30ff\u3400-\u9fff\uac00-\ud7ff\U00020000-\U0003ffff]+"
)
_STEMMERS = {"fr": "french", "en": "english"}
_FORMAT = 2


class BM25:
    """BM25 over an index's chunks."""

    dyag_api = 1

    class Options(BaseModel, extra="forbid"):
        """Language and the two constants of BM25."""

        lang: Literal["auto", "fr", "en"] = Field("auto", description="language of the documents; auto detects it")
        k1: float = Field(1.5, ge=0, description="how soon a repeated word stops counting")
        b: float = Field(0.75, ge=0, le=1, description="how much long chunks are held back")

    @hookimpl
    def dyag_retrieve(self, chunks: Sequence[Chunk], folder: Path, options: Options, run: Run) -> BM25Retriever:
        """Load the search structures from `folder`, or build them there."""
        lang = detect_language(chunk.text for chunk in chunks) if options.lang == "auto" else options.lang
        analyse = analyser(lang)
        key = sha256_of([_FORMAT, lang, options.k1, options.b, [[chunk.id, chunk.text] for chunk in chunks]])
        searcher = _load(folder, key)
        if searcher is None:
            with run.progress.task("building the search index"):
                searcher = _build([analyse(chunk.text) for chunk in chunks], options)
                _save(searcher, folder, key)
        return BM25Retriever(chunks, searcher, analyse)


class BM25Retriever:
    """See `dyag_core.plugin.protocols.Retriever`. Chunks that share no word with the query are not returned."""

    def __init__(self, chunks: Sequence[Chunk], searcher: Any, analyse: Callable[[str], list[str]]) -> None:
        self._chunks = chunks
        self._searcher = searcher
        self._analyse = analyse
        self._ranks = ranks_by_id(chunks)

    def search(self, queries: Sequence[str], k: int) -> list[list[Hit]]:
        """At most `k` chunks for each query, best first; equal scores in the order of chunk ids."""
        return [self._search(query, k) for query in queries]

    def _search(self, query: str, k: int) -> list[Hit]:
        ids = self._searcher.get_tokens_ids(self._analyse(query))
        if not ids:
            return []
        scores = self._searcher.get_scores_from_ids(ids)
        found = best(scores, self._ranks, k)
        return [Hit(chunk=self._chunks[i], score=float(scores[i])) for i in found[scores[found] > 0].tolist()]


def analyser(lang: str) -> Callable[[str], list[str]]:
    """A function from a text to its search terms: folded, without stopwords, stemmed.

    A word of letters and digits also gives its parts ("7zip": 7zip, 7, zip), so that spelling "7-zip" finds it.
    """
    import Stemmer
    from bm25s import stopwords

    stem = Stemmer.Stemmer(_STEMMERS[lang]).stemWord
    words = stopwords.STOPWORDS_FRENCH if lang == "fr" else stopwords.STOPWORDS_EN_PLUS
    stop = {part for word in words for part in _WORD.findall(fold(word))}

    def analyse(text: str) -> list[str]:
        terms = []
        for word in _WORD.findall(fold(text)):
            if word in stop:
                continue
            if not word.isascii() and _UNSPACED.search(word):
                terms += _pairs(word)
                word = _UNSPACED.sub("", word)
                if not word:
                    continue
            parts = _PART.findall(word)
            terms += [stem(term) for term in ([word] if len(parts) < 2 else [word, *parts])]
        return terms

    return analyse


def _pairs(word: str) -> list[str]:
    """Neighbouring characters of each stretch without spaces, two by two; a single one by itself."""
    runs: list[str] = _UNSPACED.findall(word)
    return [run[i : i + 2] for run in runs for i in range(max(1, len(run) - 1))]


def _build(corpus: Sequence[list[str]], options: BM25.Options) -> Any:
    import bm25s

    if not any(corpus):
        corpus = [[""] for _ in corpus]  # no word anywhere: bm25s would divide by a mean length of zero
    # Own vocabulary, sorted: bm25s would number the words in the order of a set, which differs from run to run.
    vocabulary = {term: i for i, term in enumerate(sorted({term for terms in corpus for term in terms}))}
    searcher = bm25s.BM25(k1=options.k1, b=options.b, backend="numpy")
    ids = [[vocabulary[term] for term in terms] for terms in corpus]
    searcher.index((ids, vocabulary), create_empty_token=False, show_progress=False)
    return searcher


def _save(searcher: Any, folder: Path, key: str) -> None:
    unseal(folder)
    searcher.save(folder, show_progress=False, allow_pickle=False)
    seal(folder, key)


def _load(folder: Path, key: str) -> Any | None:
    """The structures saved under `key`, or None if they are missing, of other chunks, or damaged."""
    import bm25s

    return bm25s.BM25.load(folder, show_progress=False, allow_pickle=False) if is_whole(folder, key) else None
