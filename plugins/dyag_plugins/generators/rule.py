"""Generator *rule*: one plain question for each fact, from templates. Fast, and never wrong about the value."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, Field, field_validator

from dyag_core import Example, Fact, hookimpl
from dyag_core.normalise import fold
from dyag_core.prompts import UNKNOWN
from dyag_plugins.generators.facts import Found, facts_of
from dyag_plugins.generators.packs import label_key, load_pack
from dyag_plugins.generators.wording import Phrase, Wordings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dyag_core import Document, Run

#: A label that this many documents have is missed where a document hasn't got it.
_USUAL = 2


class RuleOptions(BaseModel, extra="forbid"):
    """What can be chosen about facts, questions and answers."""

    answer_style: Literal["value", "sentence"] = Field("value", description="answer with the bare value or a sentence")
    sources: bool = Field(False, description="end each answer with the chunk it comes from")
    rules: Path | None = Field(None, description="your own patterns, questions and answers (YAML); they come first")
    unanswerable: float = Field(0.1, ge=0, lt=1, description="share of questions that nothing in the document answers")
    attributes: list[str] = Field(default_factory=list, description="ask about these labels only, comma-separated")
    facts: int | None = Field(None, ge=1, description="at most this many facts a document")

    @field_validator("attributes", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


class RuleGenerator:
    """Facts from fields, labels, tables, sections and first sentences; one canonical question each."""

    dyag_api = 1
    Options = RuleOptions

    @hookimpl
    def dyag_generate(self, documents: Iterable[Document], options: RuleOptions, run: Run) -> Iterator[Example]:
        """One example a fact, document by document."""
        asking = Asking(options, run)
        for document in documents:
            for fact, phrase in asking.facts(document):
                yield asking.example(document, fact, phrase, asking.words.canonical(phrase, fact.subject))


class Asking:
    """Facts with the words to speak of them, and the examples made of both. What generators share."""

    def __init__(self, options: RuleOptions, run: Run) -> None:
        self.options, self.run = options, run
        self.pack = load_pack(run.lang, options.rules)
        self.words = Wordings(self.pack, run.lang)
        self._missing = [fold(value).strip(" .") for value in self.pack.missing]
        self._skipped = [label_key(label) for label in self.pack.skipped]
        self._wanted = {label_key(label) for label in options.attributes}
        self._patterns = [(re.compile(p.pattern, re.MULTILINE), p.attribute) for p in self.pack.patterns]
        self._absent = [(self.words.absent(a), [fold(word) for word in a.words]) for a in self.pack.absent]
        self._seen: Counter[str] = Counter()
        self._spelling: dict[str, str] = {}

    def facts(self, document: Document) -> list[tuple[Fact, Phrase]]:
        """The document's facts, then some that it doesn't tell (`value` None)."""
        found = [*self._by_pattern(document), *facts_of(document, missing=self._missing, skipped=self._skipped)]
        once: dict[tuple[str, str], tuple[Found, Phrase]] = {}
        for item in found:
            phrase = self.words.phrase(item.fact.attribute, heading=item.seen_as == "section")
            once.setdefault((item.fact.subject, self._meaning(item.fact, phrase)), (item, phrase))
        told = [(item.fact, phrase) for item, phrase in once.values() if item.fact.answerable]
        untold = [(item.fact, phrase) for item, phrase in once.values() if not item.fact.answerable]
        if self._wanted:
            told = [(fact, phrase) for fact, phrase in told if self._is_wanted(fact, phrase)]
            untold = [(fact, phrase) for fact, phrase in untold if self._is_wanted(fact, phrase)]
        told = told[: self.options.facts]
        missing = self._untold(document, told, untold, {label_key(item.fact.attribute) for item, _ in once.values()})
        for item, phrase in once.values():
            if item.seen_as in ("field", "label") and not (phrase.kind and phrase.kind.broad):
                self._seen[label_key(item.fact.attribute)] += 1
                self._spelling.setdefault(label_key(item.fact.attribute), item.fact.attribute)
        return [*told, *missing]

    def example(self, document: Document, fact: Fact, phrase: Phrase, question: str) -> Example:
        """A question about one fact with its answer."""
        return Example(
            question=question, answer=self.answer(fact, phrase), document=document, chunk=fact.chunk, fact=fact
        )

    def answer(self, fact: Fact, phrase: Phrase) -> str:
        """The answer in the chosen style."""
        if fact.value is None:
            return UNKNOWN[self.run.lang]
        text = fact.value if self.options.answer_style == "value" else self.words.answer(phrase, fact)
        if self.options.sources and fact.chunk:
            text += "\n\n" + self.words.fill(self.pack.source, phrase, fact.subject, chunk=fact.chunk, quoted=False)
        return text

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

    @staticmethod
    def _meaning(fact: Fact, phrase: Phrase) -> str:
        """Facts that would be asked in the same words are one."""
        return phrase.noun or label_key(fact.attribute)

    def _is_wanted(self, fact: Fact, phrase: Phrase) -> bool:
        labels = {label_key(fact.attribute), label_key(phrase.bare)}
        return bool(labels & self._wanted)

    def _untold(
        self, document: Document, told: list[tuple[Fact, Phrase]], untold: list[tuple[Fact, Phrase]], has: set[str]
    ) -> list[tuple[Fact, Phrase]]:
        """Things this document could be asked and doesn't tell: blank fields, what others have, what few ever have."""
        share = self.options.unanswerable
        rng = self.run.random("unanswerable", document.id)
        number = int(len(told) * share / (1 - share) + rng.random())
        if not number:
            return []
        text = fold(document.text)
        known = {phrase.noun for _, phrase in told}
        usual = [
            self.words.phrase(self._spelling[key])
            for key, times in self._seen.items()
            if times >= _USUAL and key not in has and key not in text
        ]
        seldom = [phrase for phrase, words in self._absent if not any(word in text for word in words)]
        subject = document.title
        candidates = [
            phrase
            for phrase in [*rng.sample(usual, len(usual)), *rng.sample(seldom, len(seldom))]
            if phrase.noun and phrase.noun not in known
        ]
        blank = rng.sample(untold, len(untold))
        # What others have and what few have take turns: one kind alone could be told by its words.
        first, second = candidates[: len(usual)], candidates[len(usual) :]
        mixed = [pair for two in zip(first, second, strict=False) for pair in two]
        mixed += first[len(second) :] + second[len(first) :]
        rest = mixed[: max(0, number - len(blank))]
        made = [Fact(document=document.id, subject=subject, attribute=p.label, value=None) for p in rest]
        return [*blank[:number], *zip(made, rest, strict=True)]
