"""Generator *augmented*: each fact in several true wordings, and questions that ask for two facts at once.

A wording is composed, never copied: another register, another word order, keywords as people type them into a search
field, abbreviations, missing accents, a slip of the finger. Two wordings of a fact always differ by more than a quarter
of their words, so that one can be held out to test whether the fact was learnt rather than the sentence.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

from pydantic import Field

from dyag_core import Example, hookimpl
from dyag_core.similarity import similarity
from dyag_plugins.generators.rule import Asking, RuleOptions

if TYPE_CHECKING:
    import random
    from collections.abc import Iterable, Iterator

    from dyag_core import Document, Fact, Run
    from dyag_plugins.generators.wording import Phrase

#: Two wordings of a fact are at most this similar (see `dyag_core.similarity`).
_DIFFERENT = 0.75
#: Share of the wordings that are typed carelessly.
_CARELESS = 0.25
_LONGEST_COMBINED_VALUE = 80


class AugmentedOptions(RuleOptions):
    """The options of *rule*, and how much to vary."""

    wordings: int = Field(6, ge=1, le=20, description="wordings a fact; with --split about one of six is held out")
    combined: float = Field(0.05, ge=0, lt=1, description="share of questions that ask for two facts at once")


class AugmentedGenerator:
    """All facts of a document in all their wordings, then the next document: what is covered can be learnt."""

    dyag_api = 1
    Options = AugmentedOptions

    @hookimpl
    def dyag_generate(self, documents: Iterable[Document], options: AugmentedOptions, run: Run) -> Iterator[Example]:
        """Wordings of each fact, the canonical one first; then combinations."""
        asking = Asking(options, run)
        for document in documents:
            facts = asking.facts(document)
            rows = 0
            for fact, phrase in facts:
                number = options.wordings if fact.answerable else min(2, options.wordings)
                for question in wordings(asking, fact, phrase, number):
                    rows += 1
                    yield asking.example(document, fact, phrase, question)
            yield from _combined(asking, document, facts, rows, options.combined)


def wordings(asking: Asking, fact: Fact, phrase: Phrase, number: int) -> list[str]:
    """Up to `number` different questions about a fact, the canonical one first."""
    rng = asking.run.random("wordings", fact.id)
    chosen = [asking.words.canonical(phrase, fact.subject)]
    particular, general = asking.words.templates(phrase)
    # About half from what is particular to the attribute, the rest from what can be asked of anything.
    some = rng.sample(particular, min(len(particular), max(1, (number - 1) // 2)))
    others = [template for template in [*particular, *general] if template not in some]
    templates = [*some, *rng.sample(others, len(others))]
    questions = (_typed(asking.words.fill(template, phrase, fact.subject), fact.subject, rng) for template in templates)
    for question in questions:
        if len(chosen) >= number:
            break
        if all(similarity(question, other) <= _DIFFERENT for other in chosen):
            chosen.append(question)
    return [chosen[0], *rng.sample(chosen[1:], len(chosen) - 1)]


def _combined(
    asking: Asking, document: Document, facts: list[tuple[Fact, Phrase]], rows: int, share: float
) -> Iterator[Example]:
    """Questions for two facts of a document at once; nobody is asked for two long texts in one breath."""
    short = [
        (fact, phrase)
        for fact, phrase in facts
        if fact.value and phrase.noun and len(fact.value) <= _LONGEST_COMBINED_VALUE and fact.subject == document.title
    ]
    rng = asking.run.random("combined", document.id)
    number = int(rows * share / (1 - share) + rng.random())
    pairs = [(one, other) for n, one in enumerate(short) for other in short[n + 1 :]]
    for (fact, phrase), (fact_other, phrase_other) in rng.sample(pairs, min(number, len(pairs))):
        template = rng.choice(asking.pack.combined)
        question = asking.words.fill(template, phrase, fact.subject, other=phrase_other)
        if asking.options.answer_style == "sentence":
            answer = f"{asking.words.answer(phrase, fact)} {asking.words.answer(phrase_other, fact_other)}"
        else:
            answer = asking.words.fill(
                asking.pack.combined_answer,
                phrase,
                fact.subject,
                value=fact.value or "",
                other=phrase_other,
                value_other=fact_other.value or "",
            )
        yield Example(
            question=question,
            answer=answer,
            document=document,
            chunk=fact.chunk,
            fact=fact,
            other_facts=(fact_other,),
        )


def _typed(question: str, subject: str, rng: random.Random) -> str:
    """Sometimes as people type: in haste, without accents, with a slip. The subject's own letters stay."""
    if rng.random() >= _CARELESS:
        return question
    how = rng.choice((_without_accents, _in_haste, _with_a_slip))
    before, name, after = question.partition(subject)
    if not name:
        return question
    if how is _with_a_slip:  # one slip is enough
        longer_first = len(before) > len(after)
        return (how(before, rng) + name + after) if longer_first else (before + name + how(after, rng))
    return how(before, rng) + name + how(after, rng)


def _without_accents(text: str, _rng: random.Random) -> str:
    decomposed = unicodedata.normalize("NFD", text)
    return unicodedata.normalize("NFC", "".join(c for c in decomposed if not unicodedata.combining(c)))


def _in_haste(text: str, _rng: random.Random) -> str:
    return re.sub(r"\s*[?.!]+\s*$", "", _without_accents(text, _rng).lower())


def _with_a_slip(text: str, rng: random.Random) -> str:
    """Two neighbouring letters change places, or one is left out, in one longer word."""
    words = list(re.finditer(r"[^\W\d_]{5,}", text))
    if not words:
        return text
    word = rng.choice(words)
    at = rng.randrange(word.start() + 1, word.end() - 2)
    if rng.random() < 0.5:
        return text[:at] + text[at + 1 :]
    return text[:at] + text[at + 1] + text[at] + text[at + 2 :]
