"""What can be asked about documents, with the words for it, and the examples made of both."""

from __future__ import annotations

import re
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, Field, field_validator

from dyag_core import Example, Fact
from dyag_core.api import LANGUAGES, UNKNOWN, fold
from dyag_plugins.generators.facts.cells import Cells
from dyag_plugins.generators.facts.columns import Columns
from dyag_plugins.generators.facts.derived import derived
from dyag_plugins.generators.facts.doubts import Doubts
from dyag_plugins.generators.facts.extraction import CELLS, Found, facts_of
from dyag_plugins.generators.facts.label_history import LabelHistory
from dyag_plugins.generators.facts.own_questions import own_ask
from dyag_plugins.generators.facts.packs import label_key, load_pack
from dyag_plugins.generators.facts.phrasing import Wordings
from dyag_plugins.generators.facts.questions import Ask, is_whole_number, kind_of, where_in
from dyag_plugins.generators.facts.subjects import is_name
from dyag_plugins.generators.facts.unanswered import Unanswered
from dyag_plugins.generators.facts.values import Values

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dyag_core import Document, Run
    from dyag_plugins.generators.facts.namesakes import Namesakes
    from dyag_plugins.generators.facts.phrasing import Phrase


#: What brings a question of its own.
_OWN = ("faq", "option", "definition")
#: Why something isn't asked.
_OF_THE_ENTRY = "a date of the entry or a coordinate, beside what is asked"
_DISPUTED = "what another document of the same name tells otherwise"
_SAYS_NONE = "a value that says there is none"
_BLANK = "a blank where others are described, or say yes or no"
_EITHER = "a value that may be a code, or a yes or no among other values"


class RuleOptions(BaseModel, extra="forbid"):
    """What can be chosen about facts, questions and answers."""

    answer_style: Literal["value", "sentence"] = Field(
        "value", description="answer with the bare value or a sentence", json_schema_extra={"flag": True}
    )
    sources: bool = Field(
        False, description="end each answer with the chunk it comes from", json_schema_extra={"flag": True}
    )
    rules: Path | None = Field(
        None,
        description="your own patterns, questions and answers (YAML); they come first",
        json_schema_extra={"flag": True},
    )
    unanswerable: float = Field(0.15, ge=0, lt=1, description="share of questions that nothing in the document answers")
    derived: float = Field(0.05, ge=0, lt=1, description="share of yes/no and how-many questions made from a fact")
    attributes: list[str] = Field(default_factory=list, description="ask about these labels only, comma-separated")
    facts: int | None = Field(None, ge=1, description="at most this many facts a document, drawn by lot")

    @field_validator("attributes", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


class Interview:
    """What can be asked about documents, with the words for it, and the examples made of both.

    Generators share it. It remembers what earlier documents told, so documents must be given in order.
    """

    def __init__(
        self,
        options: RuleOptions,
        run: Run,
        *,
        explains: bool = False,
        lang: str | None = None,
        columns: Columns | None = None,
    ) -> None:
        self.options, self.run, self.explains, self.lang = options, run, explains, lang or run.lang
        self.pack = load_pack(self.lang, options.rules)
        self.words = Wordings(self.pack, self.lang)
        self.told = LabelHistory()
        self.asked = 0
        self._columns = Columns() if columns is None else columns
        self._values = Values([self.pack, *(load_pack(other) for other in LANGUAGES if other != self.lang)])
        self._cells = Cells(self.pack, self.lang)
        self._bookkeeping = frozenset(map(label_key, self.pack.bookkeeping))
        self._doubts = Doubts(self.words, self._values, self._columns)
        self._skipped = frozenset(label_key(label) for label in self.pack.skipped)
        self._wanted = {label_key(label) for label in options.attributes}
        self._patterns = [(re.compile(p.pattern, re.MULTILINE), p.attribute) for p in self.pack.patterns]
        absent = [(self.words.absent(entry), [fold(word) for word in entry.words]) for entry in self.pack.absent]
        self._unanswered = Unanswered(
            options.unanswerable, run, self.told, self._columns, self._values,
            [] if self._wanted else absent, self._is_wanted if self._wanted else None,
        )  # fmt: skip
        #: Yes and no in pairs, whichever first: no share of either can be learnt.
        pairs = self.run.random("yes or no")
        self._truths = (truth for first in iter(lambda: pairs.random() < 0.5, None) for truth in (first, not first))

    def looked_at(self, document: Document) -> list[Found]:
        """What the document tells, noted with what others tell under the same labels: it may be missed in them."""
        stated = facts_of(
            document,
            skipped=self._skipped,
            is_attribute=self.words.is_attribute,
            has_question=self.words.has_question,
            left=self.run.left_out,
        )
        found = [*self._by_pattern(document), *stated]
        self._columns.add(found)
        for fact, seen_as in found:
            if not fact.value or fact.subject != document.title or self._values.says_nothing(fact.value):
                continue
            phrase = self.words.phrase(fact.attribute, heading=seen_as == "section", number=is_whole_number(fact.value))
            if seen_as in CELLS and self._cells.doubt(fact, phrase, self._columns.of(label_key(fact.attribute))):
                continue
            ask = Ask(fact, phrase, kind_of(phrase, fact.value), seen_as)
            if seen_as == "field" and self._doubts.of_what_is_said(ask, seen_as):
                continue
            is_label = seen_as in ("field", "label") or (phrase.kind is not None and seen_as not in _OWN)
            sure = seen_as not in CELLS or self._doubts.is_known(fact.attribute, phrase)
            if is_label and sure and not phrase.doubt and not (phrase.kind and phrase.kind.implied):
                self.told.hear(label_key(fact.attribute), phrase)
        return found

    def asks(
        self, document: Document, found: list[Found] | None = None, namesakes: Namesakes | None = None
    ) -> list[Ask]:
        """What the document tells, some questions made of that, then some that it doesn't answer (`value` None).

        Args:
            found: what `looked_at` gave for it.
            namesakes: what other documents of its name tell.
        """
        once: dict[tuple[str, str], Ask] = {}
        known: list[Phrase] = []
        for item in self.looked_at(document) if found is None else found:
            ask, reason = self._ask(item)
            reason = self._doubts.of_what_is_said(ask, item.seen_as) or reason or self._doubts.of_the_label(ask, item)
            known.append(ask.phrase)
            if not reason and namesakes is not None and namesakes.dispute(item):
                reason = _DISPUTED
            if reason:
                self.run.left_out[reason] += 1
                continue
            said = ask.templates[0] if ask.rule in _OWN else label_key(ask.fact.attribute)
            once.setdefault((ask.fact.subject, ask.phrase.noun or said), ask)
        told, blank = list[Ask](), list[Ask]()
        for ask in once.values():
            if self._is_wanted(ask.phrase):
                (blank if ask.fact.value is None else told).append(ask)
        told = self._drawn(document, self._of_the_thing(told))
        made = self._derived(document, told)
        labelled = sum(ask.rule not in _OWN for ask in told)
        alone = namesakes is None or not namesakes.has_namesake(document)
        asks_more = (labelled or blank) and alone and is_name(document.title)
        untold = self._unanswered.of(document, known, labelled + len(made), blank) if asks_more else []
        self._remember(document, once.values())
        self.asked += len(told)
        return [*told, *made, *untold]

    def _of_the_thing(self, told: list[Ask]) -> list[Ask]:
        """Without what is told of the entry or for machines ("date de mise à jour"), where anything else is."""
        own = [ask for ask in told if label_key(ask.phrase.bare) not in self._bookkeeping]
        if not own or len(own) == len(told):
            return told
        self.run.left_out[_OF_THE_ENTRY] += len(told) - len(own)
        return own

    def _drawn(self, document: Document, told: list[Ask]) -> list[Ask]:
        """As many as are wanted of a document. Not the first: these would be the same labels in every document."""
        wanted = self.options.facts
        if wanted is None or len(told) <= wanted:
            return told
        places = self.run.random("facts", document.id).sample(range(len(told)), wanted)
        return [told[place] for place in sorted(places)]

    def canonical(self, ask: Ask) -> str:
        """The template of its plain question."""
        return ask.templates[0] if ask.templates else self.words.canonical(ask.phrase)

    def other_templates(self, ask: Ask) -> tuple[list[str], list[str]]:
        """(those particular to what is asked, those for any attribute) beside the plain question's."""
        if ask.templates:
            return list(ask.templates[1:]), []
        return self.words.templates(ask.phrase, ask.fact.value)

    def fill(self, template: str, ask: Ask) -> str:
        """A template in words."""
        return self.words.fill(template, ask.phrase, ask.fact.subject, proposed=ask.proposed)

    def example(self, document: Document, ask: Ask, question: str, template: str = "") -> Example:
        """A question about one fact with its answer."""
        fact, meta = ask.fact, {"kind": ask.kind}
        if self.explains:
            meta |= {"rule": ask.rule, "template": template, "where": where_in(document, ask)}
        return Example(
            question=question,
            answer=self.answer(ask),
            document=document.id,
            chunk=fact.chunk,
            fact=fact,
            meta=meta,
        )

    def answer(self, ask: Ask) -> str:
        """The answer in the chosen style."""
        fact = ask.fact
        if fact.value is None:
            return UNKNOWN[self.lang]
        if self.options.answer_style == "value":
            text = ask.answer or fact.value
        elif ask.rule in _OWN:
            text = fact.value
        elif ask.kind == "yes/no":  # the sentence says the rest: "Non. La licence de X est MIT."
            said = re.match(r"\w+", ask.answer)
            text = f"{said[0] if said else ask.answer}."
            text += f" {self.words.answer(ask.phrase, fact)}" if ask.proposed else ""
        else:
            told = fact.model_copy(update={"value": ask.answer}) if ask.answer else fact
            text = f"{ask.answer}." if ask.rule == "count" else self.words.answer(ask.phrase, told)
        if self.options.sources and fact.chunk:
            text += "\n\n" + self.words.fill(self.pack.source, ask.phrase, fact.subject, chunk=fact.chunk, quoted=False)
        return text

    def _ask(self, item: Found) -> tuple[Ask, str]:
        """How to ask for what was found, and the reason not to; "" where there is none."""
        fact, seen_as = item
        value = fact.value or ""
        phrase = self.words.phrase(fact.attribute, heading=seen_as == "section", number=is_whole_number(value))
        if seen_as in _OWN:
            return own_ask(fact, seen_as, phrase, self.pack), ""
        key = label_key(fact.attribute)
        column = self._columns.of(key)
        reading = self._values.read(value, column, key) if seen_as in CELLS else "value"
        if reading == "blank":
            # A blank field is asked about in the words in which others of its label are.
            phrase = self.told.phrase(key) or phrase
            untold = fact.model_copy(update={"value": None})
            unasked = (phrase.kind and phrase.kind.implied) or self._values.are_yes_or_no(column, key)
            return Ask(untold, phrase, kind_of(phrase, None), "blank"), phrase.doubt or (_BLANK if unasked else "")
        if reading in ("yes", "no"):
            phrase, templates = self.words.truth(fact.attribute)
            answer = self.pack.yes if reading == "yes" else self.pack.no.partition(",")[0]
            if fold(value).startswith(f"{fold(answer)} ") or fold(value).startswith(f"{fold(answer)},"):
                answer = value[:1].upper() + value[1:]  # with a remark
            return Ask(fact, phrase, "yes/no", seen_as, templates, answer), phrase.doubt
        reason = _SAYS_NONE if reading == "none" else _EITHER if reading == "doubt" else phrase.doubt
        if not reason and seen_as in (*CELLS, "section"):
            reason = self._cells.doubt(fact, phrase, column)
        return Ask(fact, phrase, kind_of(phrase, value), seen_as), reason

    def _derived(self, document: Document, told: list[Ask]) -> list[Ask]:
        share = self.options.derived
        rng = self.run.random("derived", document.id)
        number = int(len(told) * share / (1 - share) + rng.random())
        if not number:
            return []
        return list(islice(derived(told, self.told.earlier, self.words, self._truths, rng), number))

    def _remember(self, document: Document, asks: Iterable[Ask]) -> None:
        for ask in asks:
            if ask.fact.value is not None and ask.fact.subject == document.title and ask.kind != "yes/no":
                self.told.add(ask)

    def _by_pattern(self, document: Document) -> Iterator[Found]:
        for chunk in document.chunks:
            for pattern, attribute in self._patterns:
                for match in pattern.finditer(chunk.text):
                    label = attribute or match.groupdict().get("label")
                    if label and match["value"] and match["value"].strip():
                        value = " ".join(match["value"].split())
                        fact = Fact(
                            document=document.id, chunk=chunk.id, subject=document.title, attribute=label, value=value
                        )
                        yield Found(fact, "label")

    def _is_wanted(self, phrase: Phrase) -> bool:
        return not self._wanted or bool({label_key(phrase.label), label_key(phrase.bare)} & self._wanted)
