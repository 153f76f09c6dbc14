"""What can be asked about documents, with the words for it, and the examples made of both."""

from __future__ import annotations

import re
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, Field, field_validator

from dyag_core import Example, Fact
from dyag_core.api import UNKNOWN, DigestSet, fold
from dyag_plugins.generators.facts.derived import derived
from dyag_plugins.generators.facts.extraction import Found, facts_of
from dyag_plugins.generators.facts.label_history import LabelHistory
from dyag_plugins.generators.facts.mentions import Mentions
from dyag_plugins.generators.facts.own_questions import own_ask
from dyag_plugins.generators.facts.packs import label_key, load_pack
from dyag_plugins.generators.facts.phrasing import Wordings
from dyag_plugins.generators.facts.questions import Ask, kind_of, where_in
from dyag_plugins.generators.facts.statements import NO_ATTRIBUTE, NO_SUBJECT, PROSE
from dyag_plugins.generators.facts.subjects import is_clause, is_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dyag_core import Document, Run
    from dyag_plugins.generators.facts.phrasing import Phrase


#: A document is searched for so many labels that others have, or for so many times what is wanted of it, not for all.
_LOOKS, _LOOKS_EACH = 32, 4


#: So many questions without an answer wait for a document that lacks what others tell; more than that are made up.
_MAY_WAIT = 4


#: What brings a question of its own, and what is read off running text: the latter is asked only where it is sure.
_OWN = ("faq", "option", "definition")
_OF_TEXT = ("label", "table", "section", "sentence", "definition", "option")


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

    def __init__(self, options: RuleOptions, run: Run, *, explains: bool = False) -> None:
        self.options, self.run, self.explains = options, run, explains
        self.pack = load_pack(run.lang, options.rules)
        self.words = Wordings(self.pack, run.lang)
        self.told = LabelHistory()
        self._missing = frozenset(fold(value).strip(" .") for value in self.pack.missing)
        self._skipped = frozenset(label_key(label) for label in self.pack.skipped)
        self._yes = frozenset(fold(value) for value in self.pack.yes_values)
        self._no = frozenset(fold(value) for value in self.pack.no_values)
        self._absent = [(self.words.absent(entry), [fold(word) for word in entry.words]) for entry in self.pack.absent]
        self._wanted = {label_key(label) for label in options.attributes}
        self._patterns = [(re.compile(p.pattern, re.MULTILINE), p.attribute) for p in self.pack.patterns]
        self._owed, self._asked = 0.0, 0
        self._names = DigestSet()
        #: Yes and no in pairs, whichever first: no share of either can be learnt.
        pairs = self.run.random("yes or no")
        self._truths = (truth for first in iter(lambda: pairs.random() < 0.5, None) for truth in (first, not first))

    def asks(self, document: Document) -> list[Ask]:
        """What the document tells, some questions made of that, then some that it doesn't answer (`value` None)."""
        stated = facts_of(
            document,
            missing=self._missing,
            skipped=self._skipped,
            is_attribute=self.words.is_attribute,
            has_question=self.words.has_question,
            left=self.run.left_out,
        )
        once: dict[tuple[str, str], Ask] = {}
        for item in (*self._by_pattern(document), *stated):
            ask = self._ask(item)
            if reason := self._doubt(ask):
                self.run.left_out[reason] += 1
                continue
            said = ask.templates[0] if ask.rule in _OWN else label_key(ask.fact.attribute)
            once.setdefault((ask.fact.subject, ask.phrase.noun or said), ask)
        told, blank = list[Ask](), list[Ask]()
        for ask in once.values():
            if self._is_wanted(ask.phrase):
                (blank if ask.fact.value is None else told).append(ask)
        told = self._drawn(document, told)
        made = self._derived(document, told)
        labelled = sum(ask.rule not in _OWN for ask in told)
        asks_more = (labelled or blank) and is_name(document.title)
        untold = self._untold(document, list(once.values()), labelled + len(made), blank) if asks_more else []
        self._remember(document, once.values())
        self._asked += len(told)
        return [*told, *made, *untold]

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
            return UNKNOWN[self.run.lang]
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

    def tell_what_was_left(self) -> None:
        """Say it where most of what was read is text that rules can't ask about."""
        left = self.run.left_out[PROSE]
        if left > self._asked:
            self.run.warn(
                f"most of this is running text: {left} sections of it were not asked about, for {self._asked} facts "
                "that were; rules take only what is labelled or asked in it. A language model reads the rest: "
                "--method llm"
            )

    def _doubt(self, ask: Ask) -> str | None:
        """The reason not to ask what running text seems to say."""
        if ask.rule == "field":
            return NO_SUBJECT if is_clause(ask.fact.subject) else None
        if ask.rule in _OF_TEXT and not is_name(ask.fact.subject):
            return NO_SUBJECT
        if ask.rule == "section" and ask.kind in ("how many", "when") and not re.search(r"\d", ask.fact.value or ""):
            return PROSE
        if ask.rule == "table" and not self.words.is_attribute(ask.fact.attribute):
            return NO_ATTRIBUTE
        return None

    def _ask(self, item: Found) -> Ask:
        fact, seen_as = item
        value = fact.value
        number = value is not None and value.isdigit()
        phrase = self.words.phrase(fact.attribute, heading=seen_as == "section", number=number)
        if seen_as in _OWN:
            return own_ask(fact, seen_as, phrase, self.pack)
        if value is None:
            # A blank field is asked about in the words in which others of its label are.
            return Ask(fact, self.told.phrase(label_key(fact.attribute)) or phrase, kind_of(phrase, None), "blank")
        truth = fold(value).strip(" .")
        if truth in self._yes or truth in self._no:
            answer = self.pack.yes if truth in self._yes else self.pack.no.partition(",")[0]
            return Ask(fact, phrase, "yes/no", seen_as, self.words.yes_or_no(phrase), answer)
        return Ask(fact, phrase, kind_of(phrase, value), seen_as)

    def _derived(self, document: Document, told: list[Ask]) -> list[Ask]:
        share = self.options.derived
        rng = self.run.random("derived", document.id)
        number = int(len(told) * share / (1 - share) + rng.random())
        if not number:
            return []
        return list(islice(derived(told, self.told.earlier, self.words, self._truths, rng), number))

    def _remember(self, document: Document, asks: Iterable[Ask]) -> None:
        title = document.title
        for ask in asks:
            fact, phrase = ask.fact, ask.phrase
            if (ask.rule not in ("field", "label") and phrase.kind is None) or (phrase.kind and phrase.kind.implied):
                continue
            if fact.value is not None and fact.subject == title:
                self.told.add(label_key(fact.attribute), ask)

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

    def _untold(self, document: Document, known: list[Ask], told: int, blank: list[Ask]) -> list[Ask]:
        """Questions that this document doesn't answer and that look like those that others do.

        First its blank fields and the labels that other documents have; what is still short waits for the next
        document. Only where too many wait, labels are taken that no document had so far.

        Args:
            known: whatever it tells, or says that it doesn't.
            told: how many questions it answers.
        """
        share = self.options.unanswerable
        rng = self.run.random("unanswerable", document.id)
        name = fold(document.title)
        if name in self._names:  # another part of it, or another of that name, may tell what this one doesn't
            return []
        self._names.add(name)
        self._owed += told * share / (1 - share)
        number = int(self._owed + rng.random())
        if number <= 0:
            return []
        said = Mentions(document, [ask.phrase for ask in known])
        nouns = {ask.phrase.noun for ask in known}
        chosen = rng.sample(blank, min(number, len(blank)))
        short = number - len(chosen)
        usual, looks = self.told.usual(), max(_LOOKS, _LOOKS_EACH * short)
        if self._wanted:
            usual = [phrase for phrase in usual if self._is_wanted(phrase)]
        drawn = usual if len(usual) <= looks else rng.sample(usual, looks)
        untold = [phrase for phrase in drawn if phrase.noun not in nouns and not said.tells(phrase)]
        missing = rng.sample(untold, min(short, len(untold)))
        short -= len(missing) + _MAY_WAIT
        if short > 0 and not self._wanted:
            seldom = [
                phrase
                for phrase, words in self._absent
                if phrase.noun not in nouns and not said.tells(phrase) and not said.holds(words)
            ]
            missing += rng.sample(seldom, min(short, len(seldom)))
        for phrase in missing:
            fact = Fact(document=document.id, subject=document.title, attribute=phrase.label, value=None)
            chosen.append(Ask(fact, phrase, kind_of(phrase, None), "missing"))
        self._owed -= len(chosen)
        return chosen
