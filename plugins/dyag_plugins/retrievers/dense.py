"""Retriever `dense`: search by meaning. Passages and queries are unit vectors, the score is their cosine.

The search is exact: one product with all passages, fit for some hundred thousand of them. Scores are rounded to six
decimals, so that what floating point adds up in another order is still a tie; equal scores are ordered by chunk id.
The vectors are kept in the index (.npy, no pickle), mapped into memory, under a hash of the model and the texts.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field

from dyag_core import BaseModelPreset, Chunk, Hit, Run, hookimpl
from dyag_core.api import detect_language, digests_of, locate, sha256_of
from dyag_plugins.encoders import ENCODER_OF_LANGUAGE, encoder_preset
from dyag_plugins.retrievers.best import best, ranks_by_id
from dyag_plugins.retrievers.embedding import Embedder
from dyag_plugins.retrievers.sealed import Damaged, Sealed, bring_up_to_date, what_stayed

VECTORS = "vectors.npy"
_FORMAT = 2
_DECIMALS = 6
#: Queries whose scores stand in memory at once.
_AT_ONCE = 64
#: Texts embedded and written at once: those of a block are embedded in the order of their lengths.
_BLOCK = 1 << 14


class Dense:
    """Search by the vectors of an embedding model."""

    dyag_api = 1
    updates = True
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
        lang = detect_language(chunk.text for chunk in chunks)
        preset = encoder_preset(options.model or ENCODER_OF_LANGUAGE[lang])
        embedder = Embedder(Path(locate(preset, run.progress)), options.batch_size)
        return DenseRetriever(_Index(chunks, folder, embedder, preset, options.passage_prefix, run), options)


class DenseRetriever:
    """See `dyag_core.Retriever`. Every chunk has a score, so `k` are found wherever there are so many."""

    def __init__(self, index: _Index, options: Dense.Options) -> None:
        self._index = index
        self._prefix = options.query_prefix
        self._ranks = ranks_by_id(index.chunks)

    def search(self, queries: Sequence[str], k: int) -> list[list[Hit]]:
        """The `k` nearest chunks for each query, best first; none for a query without a word."""
        found: list[list[Hit]] = [[] for _ in queries]
        asked = [place for place, query in enumerate(queries) if query.strip()]
        for start in range(0, len(asked), _AT_ONCE):
            places = asked[start : start + _AT_ONCE]
            all_scores = self._index.scores([self._prefix + queries[place] for place in places])
            for place, scores in zip(places, all_scores, strict=True):
                near = best(scores, self._ranks, k).tolist()
                found[place] = [Hit(chunk=self._index.chunks[i], score=float(scores[i])) for i in near]
        return found


class _Index:
    """The vectors in `folder`: opened if they are whole, brought up to date if they are of other chunks, or made."""

    def __init__(
        self, chunks: Sequence[Chunk], folder: Path, embedder: Embedder, preset: BaseModelPreset, prefix: str, run: Run
    ) -> None:
        self.chunks, self._folder, self._embedder, self._run = chunks, folder, embedder, run
        self._preset, self._prefix = preset, prefix
        self._key = sha256_of([_FORMAT, embedder.sha256, prefix])
        self._digests = digests_of(chunks)
        self._open()

    def scores(self, queries: Sequence[str]) -> Any:
        """Cosines, rounded (queries x chunks)."""
        asked = self._embedder.vectors(queries)
        try:
            vectors = self._vectors[:]
        except Damaged:
            self._open(afresh=True)
            vectors = self._vectors[:]
        return (asked @ vectors.T).round(_DECIMALS)

    def _open(self, *, afresh: bool = False) -> None:
        bring_up_to_date(self._folder, self._key, self._digests, self._read, self._build, afresh=afresh)

    def _read(self, files: Sealed) -> None:
        self._vectors = files.array("vectors")

    def _build(self, folder: Path, before: Sealed | None) -> None:
        """Embed all chunks, or those that `before` hasn't; the others' vectors are copied."""
        _warn_of_language(self._preset, detect_language(chunk.text for chunk in self.chunks), self._run)
        old, new, fresh = what_stayed(before, self._digests)
        vectors: Any = None
        with self._run.progress.task(f"embedding with {self._preset.name}", total=len(fresh)) as task:
            for start in range(0, len(fresh), _BLOCK):
                places = fresh[start : start + _BLOCK]
                texts = [self._prefix + self.chunks[place].text for place in places.tolist()]
                made = self._embedder.vectors(texts, task.advance)
                vectors = self._begun(folder, made.shape[1]) if vectors is None else vectors
                vectors[places] = made
        if before is not None:
            kept = before.array("vectors")
            vectors = self._begun(folder, kept[:1].shape[1]) if vectors is None else vectors
            for start in range(0, len(old), _BLOCK):
                vectors[new[start : start + _BLOCK]] = kept[:][old[start : start + _BLOCK]]

    def _begun(self, folder: Path, width: int) -> Any:
        import numpy as np

        shape = (len(self._digests), width)
        return np.lib.format.open_memmap(folder / VECTORS, mode="w+", dtype=np.float32, shape=shape)


def _warn_of_language(preset: BaseModelPreset, lang: str, run: Run) -> None:
    own = preset.extra.get("lang")
    if own and lang != own:
        run.warn(
            f"the embedding model {preset.name} learnt English, and these documents are in another language: expect"
            " bm25 to find more; take a multilingual one (-o model=usem) before you judge dense search by it"
        )
