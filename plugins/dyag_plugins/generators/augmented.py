"""Generator *augmented*: each fact in several true wordings, and questions that rest on more than one fact.

A wording is composed, never copied: another register, another word order, a greeting, keywords as people type them
into a search field, abbreviations, missing accents, a slip of the finger. Two wordings of a fact always differ by more
than a quarter of their words, so that one can be held out to test whether the fact was learnt rather than the sentence.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

from pydantic import Field

from dyag_core import Example, hookimpl
from dyag_core.api import fold, similarity
from dyag_plugins.generators.facts.interview import RuleOptions
from dyag_plugins.generators.facts.interviews import Interviews
from dyag_plugins.generators.facts.multi_fact import MultiFactRows

if TYPE_CHECKING:
    import random
    from collections.abc import Iterable, Iterator

    from dyag_core import Document, Run
    from dyag_plugins.generators.facts.interview import Interview
    from dyag_plugins.generators.facts.questions import Ask

#: Two wordings of a fact are at most this similar (see `dyag_core.text.similarity`).
_DIFFERENT = 0.75
#: Share of the wordings that are typed carelessly, and of the plain questions that come with a greeting.
_CARELESS = 0.25
_POLITE = 0.12


class AugmentedOptions(RuleOptions):
    """The options of *rule*, and how much to vary."""

    wordings: int = Field(6, ge=1, le=20, description="wordings a fact; with --split about one of six is held out")
    combined: float = Field(0.05, ge=0, lt=0.5, description="share of questions that ask for two facts at once")
    compared: float = Field(0.03, ge=0, lt=0.5, description="share of questions that compare two documents")
    dialogues: float = Field(
        0.03, ge=0, lt=0.5, description="share of questions that follow on another (« Et sa ... »)"
    )


class AugmentedGenerator:
    """All facts of a document in all their wordings, then the next document: what is covered can be learnt."""

    dyag_api = 1
    Options = AugmentedOptions

    @hookimpl
    def dyag_generate(self, documents: Iterable[Document], options: AugmentedOptions, run: Run) -> Iterator[Example]:
        """Wordings of each fact, the canonical one first; then what rests on two facts."""
        return _examples(documents, options, Interviews(options, run))

    @hookimpl
    def dyag_explain(self, documents: Iterable[Document], options: AugmentedOptions, run: Run) -> Iterator[Example]:
        """The same examples; their meta says which rule and template made them, and from where."""
        return _examples(documents, options, Interviews(options, run, explains=True))


def _examples(documents: Iterable[Document], options: AugmentedOptions, interviews: Interviews) -> Iterator[Example]:
    together: dict[str, MultiFactRows] = {}
    for asking, document, asks in interviews.of(documents):
        if asking.lang not in together:
            together[asking.lang] = MultiFactRows(asking, options.combined, options.compared, options.dialogues)
        rows = 0
        for ask in asks:
            for question, template in wordings(asking, ask, options.wordings):
                rows += 1
                yield asking.example(document, ask, question, template)
        yield from together[asking.lang].examples(document, asks, rows)


def wordings(asking: Interview, ask: Ask, number: int) -> list[tuple[str, str]]:
    """Up to `number` different questions about a fact with their templates, the canonical one first."""
    rng = asking.run.random("wordings", ask.fact.id)
    first = asking.canonical(ask)
    chosen = [(asking.fill(first, ask), first)]
    particular, general = asking.other_templates(ask)
    # About half from what is particular to the attribute, the rest from what can be asked of anything.
    some = rng.sample(particular, min(len(particular), max(1, (number - 1) // 2)))
    others = [template for template in [*particular, *general] if template not in some]
    for template in [*some, *rng.sample(others, len(others))]:
        if len(chosen) >= number:
            break
        question = _varied(asking, asking.fill(template, ask), template, ask, rng)
        if all(similarity(question, other) <= _DIFFERENT for other, _ in chosen):
            chosen.append((question, template))
    return [chosen[0], *rng.sample(chosen[1:], len(chosen) - 1)]


def _varied(asking: Interview, question: str, template: str, ask: Ask, rng: random.Random) -> str:
    """Sometimes with a greeting, or as people type: in haste, abbreviated, without accents, with a slip."""
    chance = rng.random()
    if chance < _CARELESS:
        return _typed(asking, question, ask, rng)
    polite = asking.pack.polite
    # A question that addresses nobody takes any greeting: tu and vous never meet in one sentence.
    sentence = question.endswith("?") and not template.startswith(_NO_SENTENCE)
    if chance < _CARELESS + _POLITE and polite and sentence and not _ADDRESSED.search(template):
        return rng.choice(polite).format(question=question[:1].lower() + question[1:])
    return question


#: "Bonjour, 7zip, c'est quoi la licence ?" greets 7zip.
_NO_SENTENCE = ("{subject}", "{bare}", "{noun}", "{proposed}", "{value}", "{label}", "«", '"')
_ADDRESSED = re.compile(r"\b(?:tu|toi|vous|moi|merci|bonjour|je|j'\w+|you|me|hi|i|i'\w+)\b", re.IGNORECASE)


def _typed(asking: Interview, question: str, ask: Ask, rng: random.Random) -> str:
    """As people type. The letters of the subject and of a value that is held up stay."""
    kept = "|".join(re.escape(text) for text in (ask.fact.subject, ask.proposed) if text)
    parts = re.split(f"({kept})", question)  # what is kept stands at odd places
    if len(parts) == 1:
        return question
    how = rng.randrange(4)
    if how == 0:  # one slip is enough
        longest = max(range(0, len(parts), 2), key=lambda n: len(parts[n]))
        parts[longest] = _with_a_slip(parts[longest], rng)
        return "".join(parts)
    if how > 1:
        parts[::2] = [_without_accents(part) for part in parts[::2]]
    if how == 1:
        parts[::2] = [_abbreviated(asking, part.lower(), rng) for part in parts[::2]]
    elif how == 2:
        return "".join(parts)
    parts[::2] = [part.lower() for part in parts[::2]]
    parts[-1] = re.sub(r"\s*[?.!]+\s*$", "", parts[-1])
    return "".join(parts)


def _abbreviated(asking: Interview, text: str, rng: random.Random) -> str:
    """With what the pack abbreviates in lower-case `text`."""
    for words, shorter in asking.pack.abbreviations.items():
        if words in text:
            text = re.sub(rf"(?<!\w){re.escape(words)}(?!\w)", rng.choice(shorter), text)
    return text


def _without_accents(text: str) -> str:
    decomposed = unicodedata.normalize("NFD", text)
    return unicodedata.normalize("NFC", "".join(c for c in decomposed if not unicodedata.combining(c)))


def _with_a_slip(text: str, rng: random.Random) -> str:
    """In one longer word two neighbouring letters change places, a consonant is left out, or a letter is doubled."""
    words = list(re.finditer(r"[^\W\d_]{5,}", text))
    if not words:
        return text
    word = rng.choice(words)
    at = rng.randrange(word.start() + 1, word.end() - 2)
    how = rng.randrange(3)
    if how == 0 and fold(text[at]) not in "aeiouy":  # without a vowel, groupe is grope
        return text[:at] + text[at + 1 :]
    if how == 1 and text[at] in "lmnprst":
        return text[:at] + text[at] + text[at:]
    return text[:at] + text[at + 1] + text[at] + text[at + 2 :]
