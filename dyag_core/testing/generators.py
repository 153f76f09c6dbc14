"""What a generator keeps to."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from itertools import cycle, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from dyag_core.chat.conversations import read_conversations
from dyag_core.records import Document, Example
from dyag_core.testing.contract import FamilyContract
from dyag_core.testing.samples import odd_documents

if TYPE_CHECKING:
    from dyag_core.plugin.entry import Chosen
    from dyag_core.plugin.host import Plugins
    from dyag_core.plugin.run import Run

Generate = Callable[..., list[Example]]

#: Documents given to a generator that streams; it must give an example before it has read them all.
_MANY = 400


class GeneratorContract(FamilyContract):
    """Examples of the documents it is given, the same ones for the same seed, while it reads.

    `streams = False` for a generator that must see every document before its first example; say so in its docstring.
    """

    family = "generators"
    section: ClassVar[str] = "Generators"
    streams: ClassVar[bool] = True

    @pytest.fixture
    def generate(self, dyag_host: Plugins, dyag_chosen: Chosen, dyag_run: Callable[..., Run]) -> Generate:
        """`generate(documents, seed=1, lang="fr")`: all examples of one run, each checked to be one."""

        def made(documents: Iterable[Document], **run: Any) -> list[Example]:
            examples = list(dyag_host.generate(dyag_chosen, iter(documents), dyag_run(**run)))
            for example in examples:
                self.wants(isinstance(example, Example), f"yield Example records, not {type(example).__name__}")
            return examples

        return made

    def test_it_makes_examples(self, generate: Generate, dyag_documents: list[Document]) -> None:
        """Of the sample catalogue, in either language of what is written for people."""
        for lang in ("en", "fr"):
            made = generate(dyag_documents, lang=lang)
            self.wants(
                made,
                f"no example came of {len(dyag_documents)} sample documents (lang={lang}); a generator for another "
                "kind of document overrides the fixture dyag_documents_file in its contract class",
            )
            empty = [example for example in made if not example.question.strip() or not example.answer.strip()]
            self.wants(not empty, f"an example has an empty question or answer: {empty[:1]}")

    def test_its_examples_name_their_document(self, generate: Generate, dyag_documents: list[Document]) -> None:
        """Splits, strata and the explanation of a row rest on document, chunk and fact."""
        known = {document.id: {chunk.id for chunk in document.chunks} for document in dyag_documents}
        for example in generate(dyag_documents):
            self.wants(example.document in known, f"Example.document is {example.document!r}, none of those given")
            if example.chunk is not None:
                chunks = set().union(*known.values())
                self.wants(example.chunk in chunks, f"Example.chunk is {example.chunk!r}, no chunk of those given")
            for fact in example.facts:
                self.wants(fact.document in known, f"Fact.document is {fact.document!r}, none of those given")

    def test_the_same_seed_gives_the_same_examples(self, generate: Generate, dyag_documents: list[Document]) -> None:
        """Chance comes from `run.random(...)`: never from the global generator, the clock or the order of a set."""
        random.seed(1)
        before = random.getstate()
        once = generate(dyag_documents, seed=7)
        self.wants(random.getstate() == before, "the global random generator was used: take run.random(...)")
        random.seed(2)
        self.wants(
            once == generate(dyag_documents, seed=7), "two runs with one seed differ: take chance from run.random(...)"
        )

    def test_it_reads_while_it_writes(
        self,
        dyag_host: Plugins,
        dyag_chosen: Chosen,
        dyag_run: Callable[..., Run],
        dyag_documents: list[Document],
    ) -> None:
        """Documents stream: a hundred thousand of them must not stand in memory."""
        if not self.streams:
            return
        read = 0

        def counted() -> Iterator[Document]:
            nonlocal read
            for read, document in enumerate(islice(cycle(dyag_documents), _MANY), 1):
                yield document.model_copy(update={"id": f"{document.id}-{read}"})

        examples = iter(dyag_host.generate(dyag_chosen, counted(), dyag_run()))
        self.wants(next(examples, None), f"no example came of {_MANY} documents")
        self.wants(
            read < _MANY,
            f"all {_MANY} documents were read before the first example: loop over `documents` and yield, keep no list "
            "(streams = False in the contract class, if it can't be done otherwise)",
        )

    def test_it_survives_odd_documents(self, generate: Generate) -> None:
        """Empty, without metadata, without chunks, other scripts, control tokens, one endless line."""
        for document in odd_documents():
            try:
                generate([document])
            except Exception as error:
                raise AssertionError(f"the odd document {document.id!r} ends the run") from error
        generate(odd_documents())

    def test_no_document_gives_no_example(self, generate: Generate) -> None:
        """Nothing in, nothing out."""
        self.wants(generate([]) == [], "examples were made of no document at all")

    def test_it_leaves_the_documents_alone(self, generate: Generate, dyag_documents: list[Document]) -> None:
        """Metadata are a dict that others read too."""
        before = [document.model_copy(deep=True) for document in dyag_documents]
        generate(dyag_documents)
        self.wants(dyag_documents == before, "dyag_generate changed a document it was given: work on a copy")

    def test_a_session_writes_its_rows(self, dyag_host: Plugins, dyag_documents_file: Path, tmp_path: Path) -> None:
        """`dyag generate-training` screens them (some must be kept), writes them and can read them again."""
        from dyag_core.session import Session

        plugin = dyag_host.objects[0]
        session = Session(tmp_path, plugins=[plugin], lang="en")
        data = session.generate(dyag_documents_file, method=self.name(plugin), options=self.options, min_yield=0)
        rows = read_conversations(data.output)
        self.wants(len(rows) == data.written, f"{data.written} rows were written and {len(rows)} can be read")
