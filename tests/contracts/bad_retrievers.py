"""Retrievers that each break one check; the good one breaks none."""

from __future__ import annotations

from dyag_core import (
    Hit,
    hookimpl,
)
from dyag_core.testing import (
    RetrieverContract,
)


class Shared:
    """Chunks by the words that they share with the query."""

    def __init__(self, chunks):
        self.chunks = chunks

    def hits(self, query):
        asked = set(query.lower().split())
        found = [Hit(chunk=c, score=len(asked & set(c.text.lower().split()))) for c in self.chunks]
        return sorted(found, key=lambda hit: (-hit.score, hit.chunk.id))

    def search(self, queries, k):
        return [self.hits(query)[:k] for query in queries]


class Retriever:
    """Chunks by shared words."""

    dyag_api = 1
    search = Shared

    @hookimpl
    def dyag_retrieve(self, chunks, folder):
        return self.search(chunks)


class TestGoodRetriever(RetrieverContract):
    plugin = Retriever


class TestWorstFirst(RetrieverContract):
    breaks, says = "test_it_finds_what_is_there", "best first"

    class plugin(Retriever):
        class search(Shared):
            def search(self, queries, k):
                return [self.hits(query)[::-1][:k] for query in queries]


class TestFindsTheSame(RetrieverContract):
    breaks, says = "test_it_finds_what_is_there", "is not found by its own text"

    class plugin(Retriever):
        class search(Shared):
            def hits(self, query):
                return super().hits("")


class TestAllOfThem(RetrieverContract):
    breaks, says = "test_it_finds_what_is_there", "where k is 3"

    class plugin(Retriever):
        class search(Shared):
            def search(self, queries, k):
                return [self.hits(query) for query in queries]


class TestOneOfTwins(RetrieverContract):
    breaks, says = "test_equal_scores_come_by_chunk_id", "the order of the chunks"

    class plugin(Retriever):
        class search(Shared):
            def __init__(self, chunks):
                super().__init__(list({chunk.text: chunk for chunk in chunks}.values()))


class TestOtherWithAnotherK(RetrieverContract):
    breaks, says = "test_fewer_hits_are_the_first_of_more", "is not the beginning of a longer list"

    class plugin(Retriever):
        class search(Shared):
            def search(self, queries, k):
                return [self.hits(query)[int(k == 1) :][:k] for query in queries]


class TestForgets(RetrieverContract):
    breaks, says = "test_it_answers_the_same_when_opened_again", "opened again"

    class plugin(Retriever):
        @hookimpl
        def dyag_retrieve(self, chunks, folder):
            seen = folder.exists()
            folder.mkdir(parents=True, exist_ok=True)
            return Shared(chunks[:-1] if seen else chunks)


class TestKeepsWhatIsGone(RetrieverContract):
    breaks, says = "test_an_update_finds_what_a_fresh_start_would", "brought up to date"

    class plugin(Retriever):
        updates = True

        @hookimpl
        def dyag_retrieve(self, chunks, folder):
            folder.mkdir(parents=True, exist_ok=True)
            kept = folder / "ids"
            ids = set(kept.read_text().split("|")) if kept.exists() else {chunk.id for chunk in chunks}
            kept.write_text("|".join(ids))
            return Shared([chunk for chunk in chunks if chunk.id in ids])


class TestFirstQueryOnly(RetrieverContract):
    breaks, says = "test_a_query_is_answered_by_itself", "depend on the other queries"

    class plugin(Retriever):
        class search(Shared):
            def search(self, queries, k):
                return [self.hits(" ".join(queries))[:k] for _ in queries]


class TestNeedsWords(RetrieverContract):
    breaks, raises = "test_it_survives_odd_queries_and_passages", "IndexError"

    class plugin(Retriever):
        class search(Shared):
            def hits(self, query):
                return super().hits(query) if query.split()[0] else []


class TestFindsOnceOnly(RetrieverContract):
    breaks, says = "test_a_session_builds_and_opens_its_index", "finds nothing when opened"

    class plugin(Retriever):
        @hookimpl
        def dyag_retrieve(self, chunks, folder):
            return Shared([])
