"""Generator *rule*: one plain question for each fact, from templates. Fast, and never wrong about the value.

Where rows are split, a second wording of an answerable fact is made, which the split may hold out to ask whether the
fact was learnt. It is never trained on. Of a great many facts one in four gets one: a test part is bounded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dyag_core import Example, hookimpl
from dyag_core.api import similarity
from dyag_plugins.generators.facts.interview import RuleOptions
from dyag_plugins.generators.facts.interviews import Interviews

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dyag_core import Document, Run
    from dyag_plugins.generators.facts.interview import Interview
    from dyag_plugins.generators.facts.questions import Ask

#: The two wordings of a fact are at most this similar; nearer than that, the split would refuse to ask the second.
DIFFERENT = 0.75
#: So many facts get a second wording, and after them this share, by lot.
_ALL_OF, _LATER = 2000, 0.25


class RuleGenerator:
    """Facts from fields, labels, tables, sections and first sentences; one canonical question each."""

    dyag_api = 1
    Options = RuleOptions

    @hookimpl
    def dyag_generate(self, documents: Iterable[Document], options: RuleOptions, run: Run) -> Iterator[Example]:
        """One example a fact, document by document."""
        return _examples(documents, Interviews(options, run), run)

    @hookimpl
    def dyag_explain(self, documents: Iterable[Document], options: RuleOptions, run: Run) -> Iterator[Example]:
        """The same examples; their meta says which rule and template made them, and from where."""
        return _examples(documents, Interviews(options, run, explains=True), run)


def _examples(documents: Iterable[Document], interviews: Interviews, run: Run) -> Iterator[Example]:
    chance, facts = run.random("second wordings"), 0
    for asking, document, asks in interviews.of(documents):
        for ask in asks:
            template = asking.canonical(ask)
            question = asking.fill(template, ask)
            yield asking.example(document, ask, question, template)
            if not run.splits or not ask.fact.answerable:
                continue
            facts += 1
            if facts > _ALL_OF and chance.random() >= _LATER:
                continue
            other = _other_wording(asking, ask, question)
            if other is not None:
                yield asking.example(document, ask, *other).model_copy(update={"spare": True})


def _other_wording(asking: Interview, ask: Ask, question: str) -> tuple[str, str] | None:
    """Another question about the same fact with its template, by lot; None where all are too near the plain one."""
    particular, general = asking.other_templates(ask)
    templates = [*particular, *general]
    asking.run.random("other wording", ask.fact.id).shuffle(templates)
    for template in templates:
        other = asking.fill(template, ask)
        if similarity(question, other) <= DIFFERENT:
            return other, template
    return None
