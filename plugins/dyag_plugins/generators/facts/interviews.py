"""All interviews of a run: each document is asked about in its own language, once those behind it were looked at."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from dyag_core.api import LANGUAGES, language_name
from dyag_plugins.generators.facts.columns import Columns
from dyag_plugins.generators.facts.interview import Interview
from dyag_plugins.generators.facts.namesakes import Namesakes
from dyag_plugins.generators.facts.statements import PROSE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dyag_core import Document, Run
    from dyag_plugins.generators.facts.interview import RuleOptions
    from dyag_plugins.generators.facts.questions import Ask

#: So many documents are looked at before the first of them is asked about: what a value says is told by its column,
#: and whether another answers differently by its namesakes.
_AHEAD = 256


class Interviews:
    """One interview a language; what columns hold is told to all."""

    def __init__(self, options: RuleOptions, run: Run, *, explains: bool = False) -> None:
        self._options, self._run, self._explains = options, run, explains
        self._columns, self._namesakes = Columns(), Namesakes()
        self._made: dict[str, Interview] = {}

    def of(self, documents: Iterable[Document]) -> Iterator[tuple[Interview, Document, list[Ask]]]:
        """Each document that can be asked about, in order, with the interview in its language and what it asks."""
        coming = iter(documents)
        while ahead := list(islice(coming, _AHEAD)):
            asked = [(document, asking) for document in ahead if (asking := self._in(document)) is not None]
            looked = [(document, asking, asking.looked_at(document)) for document, asking in asked]
            self._namesakes.look_at([(document, found) for document, _, found in looked])
            for document, asking, found in looked:
                yield asking, document, asking.asks(document, found, self._namesakes)
        self._tell_what_was_left()

    def _in(self, document: Document) -> Interview | None:
        lang = document.lang or self._run.lang
        if lang not in LANGUAGES:
            self._run.left_out[
                f"a document in {language_name(lang)}: questions are asked in English and in French"
            ] += 1
            return None
        if lang not in self._made:
            self._made[lang] = Interview(
                self._options, self._run, explains=self._explains, lang=lang, columns=self._columns
            )
        return self._made[lang]

    def _tell_what_was_left(self) -> None:
        """Say it where most of what was read is text that rules can't ask about."""
        left, asked = self._run.left_out[PROSE], sum(asking.asked for asking in self._made.values())
        if left > asked:
            self._run.warn(
                f"most of this is running text: {left} sections of it were not asked about, for {asked} facts that "
                "were; rules take only what is labelled or asked in it. A language model reads the rest: --method llm"
            )
