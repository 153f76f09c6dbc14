"""Generator *rule*: one plain question for each fact, from templates. Fast, and never wrong about the value."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dyag_core import Example, hookimpl
from dyag_plugins.generators.facts.interview import RuleOptions
from dyag_plugins.generators.facts.interviews import Interviews

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dyag_core import Document, Run


class RuleGenerator:
    """Facts from fields, labels, tables, sections and first sentences; one canonical question each."""

    dyag_api = 1
    Options = RuleOptions

    @hookimpl
    def dyag_generate(self, documents: Iterable[Document], options: RuleOptions, run: Run) -> Iterator[Example]:
        """One example a fact, document by document."""
        return _examples(documents, Interviews(options, run))

    @hookimpl
    def dyag_explain(self, documents: Iterable[Document], options: RuleOptions, run: Run) -> Iterator[Example]:
        """The same examples; their meta says which rule and template made them, and from where."""
        return _examples(documents, Interviews(options, run, explains=True))


def _examples(documents: Iterable[Document], interviews: Interviews) -> Iterator[Example]:
    for asking, document, asks in interviews.of(documents):
        for ask in asks:
            template = asking.canonical(ask)
            yield asking.example(document, ask, asking.fill(template, ask), template)
