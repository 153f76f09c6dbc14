"""What a retriever keeps to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import pytest

from dyag_core.plugin.protocols import Retriever
from dyag_core.records import Chunk, Hit
from dyag_core.testing.contract import FamilyContract
from dyag_core.testing.samples import ODD_TEXTS, document_rows, write_documents

if TYPE_CHECKING:
    from dyag_core.plugin.entry import Chosen
    from dyag_core.plugin.host import Plugins
    from dyag_core.plugin.run import Run

Open = Callable[..., Retriever]

_QUERIES = ("Which licence does Blender use?", "file compression", "tool", "Claws Mail version")


class RetrieverContract(FamilyContract):
    """The best chunks, best first, the same ones whenever and however often the index is opened."""

    family = "retrievers"
    section: ClassVar[str] = "Retrievers"

    @pytest.fixture
    def chunks(self) -> list[Chunk]:
        """A catalogue of passages; two of them are the same but for their ids."""
        made = [Chunk(id=row["id"], text=row["content"], metadata=row["metadata"]) for row in document_rows(6)]
        return [made[3].model_copy(update={"id": "twin#1"}), *made]

    @pytest.fixture
    def open_index(self, dyag_host: Plugins, dyag_chosen: Chosen, dyag_run: Callable[..., Run], tmp_path: Path) -> Open:
        """`open_index(chunks)` builds the search in a folder or, a second time, opens what stands there."""

        def opened(chunks: Sequence[Chunk], folder: str = "retriever") -> Retriever:
            retriever = dyag_host.retriever(dyag_chosen, chunks, tmp_path / folder, dyag_run(stage="index"))
            self.wants(isinstance(retriever, Retriever), "what dyag_retrieve returns has no method search(queries, k)")
            return retriever

        return opened

    def search(self, retriever: Retriever, queries: Sequence[str], k: int) -> list[list[Hit]]:
        """Hits, of the right shape: one list a query, at most k, best first, equal scores by chunk id."""
        found = retriever.search(queries, k)
        self.wants(len(found) == len(queries), f"{len(found)} lists of hits came for {len(queries)} queries")
        for query, hits in zip(queries, found, strict=True):
            self.wants(all(isinstance(hit, Hit) for hit in hits), "a hit is a dyag_core.Hit(chunk=..., score=...)")
            self.wants(len(hits) <= k, f"{len(hits)} hits came where k is {k}")
            keys = [(-hit.score, hit.chunk.id) for hit in hits]
            self.wants(
                keys == sorted(keys), f"hits must come best first, equal scores by chunk id; {query!r}: {keys[:5]}"
            )
            self.wants(len({hit.chunk.id for hit in hits}) == len(hits), f"a chunk came twice for {query[:40]!r}")
        return found

    def test_it_finds_what_is_there(self, open_index: Open, chunks: list[Chunk]) -> None:
        """A passage is among the best for its own text, and hits are the chunks that were given."""
        known = {chunk.id: chunk for chunk in chunks}
        for chunk, hits in zip(chunks, self.search(open_index(chunks), [c.text for c in chunks], 3), strict=True):
            self.wants(
                chunk.text in [hit.chunk.text for hit in hits], f"chunk {chunk.id!r} is not found by its own text (k=3)"
            )
            self.wants(
                all(known.get(hit.chunk.id) == hit.chunk for hit in hits), "a hit's chunk is none of those given"
            )

    def test_equal_scores_come_by_chunk_id(self, open_index: Open, chunks: list[Chunk]) -> None:
        """Two passages with one text have one score; which comes first must not depend on the order of the file."""
        one, other = open_index(chunks, "one"), open_index(chunks[::-1], "other")
        for k in (1, 3, len(chunks)):
            a, b = self.search(one, _QUERIES, k), self.search(other, _QUERIES, k)
            self.wants(
                _ids(a) == _ids(b), "the order of the chunks changes which are found: order equal scores by chunk id"
            )

    def test_fewer_hits_are_the_first_of_more(self, open_index: Open, chunks: list[Chunk]) -> None:
        """k beyond the number of chunks gives all that fit; a smaller k cuts the same list."""
        retriever = open_index(chunks)
        every = _ids(self.search(retriever, _QUERIES, len(chunks) + 100))
        for k in (1, 3):
            cut = [ids[:k] for ids in every]
            self.wants(_ids(self.search(retriever, _QUERIES, k)) == cut, f"k={k} is not the beginning of a longer list")

    def test_it_answers_the_same_when_opened_again(self, open_index: Open, chunks: list[Chunk]) -> None:
        """Opened from its folder it finds what it found when it was built."""
        built = self.search(open_index(chunks), _QUERIES, 5)
        again = self.search(open_index(chunks), _QUERIES, 5)
        self.wants(built == again, "opened again from its folder, it finds other chunks or scores")

    def test_an_update_finds_what_a_fresh_start_would(
        self, open_index: Open, dyag_chosen: Chosen, chunks: list[Chunk]
    ) -> None:
        """With `updates = True`: chunks that came, went, changed and moved; the folder still has what was."""
        if not dyag_chosen.updates:
            return
        other = chunks[2].model_copy(update={"text": f"{chunks[2].text} Which tool is it?"})
        new = Chunk(id="new#1", text="A new tool for the compression of files")
        now = [new, *chunks[4:], chunks[3], other, chunks[0]]
        for k in (3, len(now)):
            open_index(chunks, f"updated-{k}")
            updated = self.search(open_index(now, f"updated-{k}"), _QUERIES, k)
            fresh = self.search(open_index(now, f"fresh-{k}"), _QUERIES, k)
            self.wants(updated == fresh, "brought up to date, it finds other chunks or scores than if built anew")

    def test_a_query_is_answered_by_itself(self, open_index: Open, chunks: list[Chunk]) -> None:
        """Together or one by one, the hits are the same."""
        retriever = open_index(chunks)
        together = self.search(retriever, _QUERIES, 3)
        alone = [self.search(retriever, [query], 3)[0] for query in _QUERIES]
        self.wants(_ids(together) == _ids(alone), "the hits for a query depend on the other queries")
        self.wants(self.search(retriever, [], 3) == [], "no query, no list of hits")

    def test_it_survives_odd_queries_and_passages(self, open_index: Open, chunks: list[Chunk]) -> None:
        """Unknown words, nothing at all, other scripts, control tokens."""
        self.search(open_index(chunks), ["xyzzy qwertz", *ODD_TEXTS], 3)
        odd = [Chunk(id=f"odd#{i}", text=text) for i, text in enumerate(ODD_TEXTS)]
        self.search(open_index(odd, "odd"), [*ODD_TEXTS, *_QUERIES], 3)
        self.search(open_index([Chunk(id="only", text="")], "empty"), ["tool"], 3)

    def test_a_session_builds_and_opens_its_index(
        self, dyag_host: Plugins, dyag_run: Callable[..., Run], tmp_path: Path
    ) -> None:
        """`dyag index-rag` builds it, `dyag query-rag` opens it."""
        from dyag_core.retrieval.index import open_index
        from dyag_core.session import Session

        plugin = dyag_host.objects[0]
        source = write_documents(tmp_path / "documents.jsonl", document_rows())
        session = Session(tmp_path, plugins=[plugin])
        made = session.index(source, retriever=self.name(plugin), options=self.options)
        opened = open_index(made.folder, plugins=dyag_host, run=dyag_run(stage="query"))
        hits = opened.search(["Which licence does Blender use?"], 3)[0]
        self.wants(
            hits and len(opened.chunks) == made.chunks, "the index that a session built finds nothing when opened"
        )


def _ids(found: list[list[Hit]]) -> list[list[str]]:
    return [[hit.chunk.id for hit in hits] for hits in found]
