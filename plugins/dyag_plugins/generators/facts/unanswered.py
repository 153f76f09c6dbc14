"""Questions that a document doesn't answer, and that look like those that others do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dyag_core import Fact
from dyag_core.api import DigestSet, fold
from dyag_plugins.generators.facts.mentions import Mentions
from dyag_plugins.generators.facts.packs import label_key
from dyag_plugins.generators.facts.questions import Ask, kind_of

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterator, Sequence

    from dyag_core import Document, Run
    from dyag_plugins.generators.facts.columns import Columns
    from dyag_plugins.generators.facts.label_history import LabelHistory
    from dyag_plugins.generators.facts.phrasing import Phrase
    from dyag_plugins.generators.facts.values import Values

#: A document is searched for so many labels that others have, or for so many times what is wanted of it, not for all.
_LOOKS, _LOOKS_EACH = 32, 4
#: Why a question isn't called unanswerable.
MAY_TELL = "not known for sure to be untold: the running text may tell it"


class Unanswered:
    """Chooses them document by document; what one can't be asked waits for the next.

    Args:
        share: of all questions.
        told: what earlier documents told: only that is missed in this one.
        columns: what stands beside a label: a place is not asked for the host that software has.
        absent: what a user's rules say documents seldom tell, with folded words that show that one does.
    """

    def __init__(
        self,
        share: float,
        run: Run,
        told: LabelHistory,
        columns: Columns,
        values: Values,
        absent: Sequence[tuple[Phrase, list[str]]],
        is_wanted: Callable[[Phrase], bool] | None,
    ) -> None:
        self._share, self._run, self._told, self._columns, self._values = share, run, told, columns, values
        self._absent, self._is_wanted = absent, is_wanted
        self._owed = 0.0
        self._names = DigestSet()

    def of(self, document: Document, known: Sequence[Phrase], told: int, blank: Sequence[Ask]) -> list[Ask]:
        """What this document is asked in vain: its blank fields, then what others have.

        Args:
            known: whatever it tells, or says that it doesn't.
            told: how many questions it answers.
        """
        rng = self._run.random("unanswerable", document.id)
        name = fold(document.title)
        if name in self._names:  # another part of it, or another of that name, may tell what this one doesn't
            return []
        self._names.add(name)
        self._owed += told * self._share / (1 - self._share)
        number = int(self._owed + rng.random())
        if number <= 0:
            return []
        said = Mentions(document, known)
        chosen = list[Ask]()
        for ask in rng.sample(blank, len(blank)):
            if len(chosen) < number and not self._may_tell(said, ask.phrase):
                chosen.append(ask)
        for phrase in self._missing(said, known, number - len(chosen), rng):
            fact = Fact(document=document.id, subject=document.title, attribute=phrase.label, value=None)
            chosen.append(Ask(fact, phrase, kind_of(phrase, None), "missing"))
        self._owed -= len(chosen)
        return chosen

    def _missing(self, said: Mentions, known: Sequence[Phrase], short: int, rng: random.Random) -> Iterator[Phrase]:
        """Up to `short` labels that other documents of its kind have, and this one doesn't.

        Of its kind are those that tell two labels of its own, or half of them: a film has a year, too, but no office.
        """
        nouns = {phrase.noun for phrase in known}
        labels = {label for phrase in known if self._columns.of(label := label_key(phrase.label)).told > 1}
        usual = self._told.usual()
        if self._is_wanted:
            usual = [phrase for phrase in usual if self._is_wanted(phrase)]
        for phrase in rng.sample(usual, min(len(usual), max(_LOOKS, _LOOKS_EACH * short))):
            if short <= 0:
                return
            label = label_key(phrase.label)
            column = self._columns.of(label)
            shared = len(labels & column.beside.keys())
            if not shared or phrase.noun in nouns or said.tells(phrase) or shared < min(2, len(labels) / 2):
                continue
            if self._values.are_yes_or_no(column, label):  # the label is no noun then
                continue
            if not self._may_tell(said, phrase):
                short -= 1
                yield phrase
        for phrase, words in rng.sample(self._absent, len(self._absent)):
            if short > 0 and phrase.noun not in nouns and not said.tells(phrase) and not said.holds(words):
                short -= 1
                yield phrase

    def _may_tell(self, said: Mentions, phrase: Phrase) -> bool:
        found = said.may_tell(phrase, self._columns.of(label_key(phrase.label)), self._values.says_nothing)
        if found:
            self._run.left_out[MAY_TELL] += 1
        return found
