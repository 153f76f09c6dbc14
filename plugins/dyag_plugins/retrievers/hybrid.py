"""Retriever `hybrid`: two or more searches in one list, by reciprocal rank fusion (Cormack, Clarke & Büttcher 2009).

A chunk's score is the sum over the searches of 1 / (constant + rank). Only ranks count, so scores of different kinds
need no common scale. Words and meaning miss different things: bm25 finds names and codes, dense finds paraphrases.
"""

from __future__ import annotations

import shutil
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field, field_validator

from dyag_core import Chunk, Hit, Retriever, Run, hookimpl
from dyag_core.api import atomic_text, digests_of, read_json, sha256_of, to_json


class Hybrid:
    """Several retrievers, fused by rank."""

    dyag_api = 1
    updates = True

    class Options(BaseModel, extra="forbid"):
        """Which searches, and how they are fused."""

        retrievers: list[str] = Field(["bm25", "dense"], min_length=2, description="the searches to fuse")
        options: dict[str, dict[str, Any]] = Field(
            default_factory=dict, description="their own options: {dense: {model: usem}}"
        )
        constant: float = Field(60, gt=0, description="the larger, the less the first ranks stand out")
        depth: int = Field(100, ge=1, description="ranks that count in each search")

        @field_validator("retrievers")
        @classmethod
        def _others(cls, names: list[str]) -> list[str]:
            if "hybrid" in names or len(set(names)) < len(names):
                raise ValueError("name different searches, and not hybrid itself")
            return names

        @field_validator("options")
        @classmethod
        def _of_these(cls, options: dict[str, Any], info: Any) -> dict[str, Any]:
            unknown = set(options) - set(info.data.get("retrievers", options))
            if unknown:
                raise ValueError(f"{sorted(unknown)[0]!r} is not among the retrievers")
            return options

    @hookimpl
    def dyag_retrieve(self, chunks: Sequence[Chunk], folder: Path, options: Options, run: Run) -> HybridRetriever:
        """Open each search in a folder of its own."""
        chosen = [run.plugins.choose("retrievers", name, options.options.get(name)) for name in options.retrievers]
        for one in chosen:
            one.need_libraries()
        _forget_stale(chunks, folder, [one.name for one in chosen if not one.updates])
        return HybridRetriever(
            {one.name: run.plugins.retriever(one, chunks, folder / one.name, run) for one in chosen}, options
        )


def _forget_stale(chunks: Sequence[Chunk], folder: Path, names: Sequence[str]) -> None:
    """Throw away what searches that don't bring their files up to date have made of other chunks."""
    if not names:
        return
    told = folder / "chunks.json"
    digest = sha256_of(digests_of(chunks).tolist())
    if not told.is_file() or read_json(told) != digest:
        for name in names:
            shutil.rmtree(folder / name, ignore_errors=True)
        folder.mkdir(parents=True, exist_ok=True)
        atomic_text(told, to_json(digest))


class HybridRetriever:
    """See `dyag_core.plugin.protocols.Retriever`."""

    def __init__(self, retrievers: Mapping[str, Retriever], options: Hybrid.Options) -> None:
        self._retrievers = retrievers
        self._constant, self._depth = options.constant, options.depth

    def search(self, queries: Sequence[str], k: int) -> list[list[Hit]]:
        """At most `k` chunks for each query, best first; equal scores in the order of chunk ids."""
        depth = max(k, self._depth)
        lists = [retriever.search(queries, depth) for retriever in self._retrievers.values()]
        return [self._fused(of_query, k) for of_query in zip(*lists, strict=True)]

    def _fused(self, lists: Sequence[list[Hit]], k: int) -> list[Hit]:
        chunks = {hit.chunk.id: hit.chunk for hits in lists for hit in hits}
        scores: defaultdict[str, float] = defaultdict(float)
        for hits in lists:
            for rank, hit in enumerate(hits, 1):
                scores[hit.chunk.id] += 1 / (self._constant + rank)
        best = sorted(scores, key=lambda chunk_id: (-scores[chunk_id], chunk_id))[:k]
        return [Hit(chunk=chunks[chunk_id], score=scores[chunk_id]) for chunk_id in best]
