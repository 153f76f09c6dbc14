"""Generators that each break one check; the good one breaks none."""

from __future__ import annotations

import itertools
import random

from dyag_core import (
    Example,
    hookimpl,
)
from dyag_core.records import Fact
from dyag_core.testing import (
    GeneratorContract,
)

count = itertools.count()


class Generator:
    """The first line of each chunk."""

    dyag_api = 1

    def examples(self, document, run):
        for chunk in document.chunks:
            line = chunk.text.strip().partition("\n")[0]
            if line:
                yield Example(question=f"{document.title}?", answer=line, document=document, chunk=chunk)

    @hookimpl
    def dyag_generate(self, documents, run):
        for document in documents:
            yield from self.examples(document, run)


class TestGoodGenerator(GeneratorContract):
    plugin = Generator


class TestMakesNothing(GeneratorContract):
    breaks, says = "test_it_makes_examples", "no example came of 12 sample documents"

    class plugin(Generator):
        def examples(self, document, run):
            return []


class TestNoRecords(GeneratorContract):
    breaks, raises = "test_it_makes_examples", "returned dict, not Example"

    class plugin(Generator):
        def examples(self, document, run):
            yield {"question": "?", "answer": "!"}


class TestInventsDocuments(GeneratorContract):
    breaks, says = "test_its_examples_name_their_document", "none of those given"

    class plugin(Generator):
        def examples(self, document, run):
            yield Example(question="?", answer="!", document=document.title)


class TestInventsChunks(GeneratorContract):
    breaks, says = "test_its_examples_name_their_document", "no chunk of those given"

    class plugin(Generator):
        def examples(self, document, run):
            yield Example(question="?", answer="!", document=document, chunk="1")


class TestInventsFacts(GeneratorContract):
    breaks, says = "test_its_examples_name_their_document", "Fact.document"

    class plugin(Generator):
        def examples(self, document, run):
            fact = Fact(document="?", subject="?", attribute="?", value="!")
            yield Example(question="?", answer="!", document=document, fact=fact)


class TestGlobalChance(GeneratorContract):
    breaks, says = "test_the_same_seed_gives_the_same_examples", "global random generator"

    class plugin(Generator):
        def examples(self, document, run):
            yield Example(question=str(random.random()), answer="!", document=document)


class TestClock(GeneratorContract):
    breaks, says = "test_the_same_seed_gives_the_same_examples", "two runs with one seed differ"

    class plugin(Generator):
        def examples(self, document, run):
            yield Example(question=f"{next(count)}", answer="!", document=document)


class TestReadsAllFirst(GeneratorContract):
    breaks, says = "test_it_reads_while_it_writes", "all 400 documents were read"

    class plugin(Generator):
        @hookimpl
        def dyag_generate(self, documents, run):
            for document in list(documents):
                yield from self.examples(document, run)


class TestNeedsChunks(GeneratorContract):
    breaks, raises = "test_it_survives_odd_documents", "the odd document 'none' ends the run"

    class plugin(Generator):
        def examples(self, document, run):
            yield Example(question="?", answer=document.chunks[0].text, document=document)


class TestAlwaysOne(GeneratorContract):
    breaks, says = "test_no_document_gives_no_example", "of no document at all"

    class plugin(Generator):
        @hookimpl
        def dyag_generate(self, documents, run):
            yield Example(question="?", answer="!", document="d")


class TestMarksDocuments(GeneratorContract):
    breaks, says = "test_it_leaves_the_documents_alone", "changed a document"

    class plugin(Generator):
        def examples(self, document, run):
            document.metadata["seen"] = True
            return []


class TestOneQuestion(GeneratorContract):
    breaks, raises = "test_a_session_writes_its_rows", "GateError"

    class plugin(Generator):
        def examples(self, document, run):
            yield Example(question=" ", answer="!", document=document)
