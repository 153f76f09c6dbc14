"""Retriever `dense`: search by meaning. Passages and queries are unit vectors, the score is their cosine.

The search is exact: one product with all passages, fit for some hundred thousand of them. Scores are rounded to six
decimals, so that what floating point adds up in another order is still a tie; equal scores are ordered by chunk id.
The vectors are kept in the index (.npy, no pickle) under a hash of the model and the texts.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field

from dyag_core import BaseModelPreset, Chunk, Hit, Run, hookimpl
from dyag_core.api import atomic_write, detect_language, locate, sha256_of
from dyag_plugins.encoders import ENCODER_OF_LANGUAGE, encoder_preset
from dyag_plugins.retrievers.best import best, ranks_by_id
from dyag_plugins.retrievers.cache import is_whole, seal, unseal
from dyag_plugins.retrievers.embedding import Embedder

VECTORS = "vectors.npy"
_FORMAT = 1
_DECIMALS = 6
#: Queries whose scores stand in memory at once.
_AT_ONCE = 64


class Dense:
    """Search by the vectors of an embedding model."""

    dyag_api = 1
    requires = ("torch", "transformers")

    class Options(BaseModel, extra="forbid"):
        """The embedding model, and what it wants in front of texts."""

        model: str | None = Field(
            None,
            description="usem (16 languages) or minilm (English), both from PyPI, a folder, or ORG/NAME on the hub; by"
            " default minilm where the documents are in English, else usem",
        )
        query_prefix: str = Field("", description="put before each query; E5 models want 'query: '")
        passage_prefix: str = Field("", description="put before each passage; E5 models want 'passage: '")
        batch_size: int = Field(
            32, ge=1, description="texts embedded at once", json_schema_extra={"changes_result": False}
        )

    @hookimpl
    def dyag_retrieve(self, chunks: Sequence[Chunk], folder: Path, options: Options, run: Run) -> DenseRetriever:
        """Load the vectors from `folder`, or make them and keep them there."""
        import numpy as np

        lang = detect_language(chunk.text for chunk in chunks)
        preset = encoder_preset(options.model or ENCODER_OF_LANGUAGE[lang])
        embedder = Embedder(Path(locate(preset, run.progress)), options.batch_size, run)
        texts = [options.passage_prefix + chunk.text for chunk in chunks]
        key = sha256_of([_FORMAT, embedder.sha256, texts])
        if not is_whole(folder, key):
            _warn_of_language(preset, lang, run)
            vectors = embedder.vectors(texts, f"embedding with {preset.name}")
            unseal(folder)
            with atomic_write(folder / VECTORS, "wb") as handle:
                np.save(handle, vectors, allow_pickle=False)
            seal(folder, key)
        vectors = np.load(folder / VECTORS, mmap_mode="r", allow_pickle=False)
        return DenseRetriever(chunks, vectors, embedder, options.query_prefix)


class DenseRetriever:
    """See `dyag_core.Retriever`. Every chunk has a score, so `k` are found wherever there are so many."""

    def __init__(self, chunks: Sequence[Chunk], vectors: Any, embedder: Embedder, query_prefix: str) -> None:
        self._chunks = chunks
        self._vectors = vectors
        self._embedder = embedder
        self._prefix = query_prefix
        self._ranks = ranks_by_id(chunks)

    def search(self, queries: Sequence[str], k: int) -> list[list[Hit]]:
        """The `k` nearest chunks for each query, best first; none for a query without a word."""
        found: list[list[Hit]] = [[] for _ in queries]
        asked = [place for place, query in enumerate(queries) if query.strip()]
        for start in range(0, len(asked), _AT_ONCE):
            places = asked[start : start + _AT_ONCE]
            vectors = self._embedder.vectors([self._prefix + queries[place] for place in places])
            for place, scores in zip(places, (vectors @ self._vectors.T).round(_DECIMALS), strict=True):
                near = best(scores, self._ranks, k).tolist()
                found[place] = [Hit(chunk=self._chunks[i], score=float(scores[i])) for i in near]
        return found


def _warn_of_language(preset: BaseModelPreset, lang: str, run: Run) -> None:
    own = preset.extra.get("lang")
    if own and lang != own:
        run.warn(
            f"the embedding model {preset.name} learnt English, and these documents are in another language: expect"
            " bm25 to find more; take a multilingual one (-o model=usem) before you judge dense search by it"
        )
