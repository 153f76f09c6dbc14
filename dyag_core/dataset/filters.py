"""Which generated examples are fit to train on. Each that isn't is refused with a named reason."""

from __future__ import annotations

import re
from collections import OrderedDict
from typing import TYPE_CHECKING

from dyag_core.text.digests import DigestSet
from dyag_core.text.grounding import stands_alone, supported
from dyag_core.text.normalise import fold, normalise
from dyag_core.text.passage import passages_of
from dyag_core.text.similarity import similarity

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dyag_core.records import Document, Example, Fact

LONGEST_QUESTION = 600
LONGEST_ANSWER = 2000
#: Two wordings of one fact as near as this are one wording.
NEAR_DUPLICATE = 0.8
#: Documents are kept this long, so that an example can be checked against its own: the newest, as long as they are not
#: longer together, in characters; a few however long they are.
_REMEMBERED, _LENGTH, _FEW = 4096, 32_000_000, 64

#: One of these stands in whatever `_NEEDS_CONTEXT` finds; to look for them first costs a third of looking for it.
_OF_CONTEXT = tuple("text passage document extrait article section fiche chunk aut ci-de excerpt above below".split())
_NEEDS_CONTEXT = re.compile(
    r"\b(?:selon|dans|d'apres|d’apres|a partir de|de) (?:ce|cet|cette|le present|la presente) "
    r"(?:texte|passage|document|extrait|contexte|article|section|fiche|chunk)\b"
    r"|\b(?:selon|dans|d'apres|d’apres) (?:le texte|le passage|l'extrait|l’extrait|le contexte|l'auteur)\b"
    r"|\bci-dessus\b|\bci-dessous\b|\b(?:texte|passage|extrait) (?:fourni|donne)\b"
    r"|\b(?:in|of|from|to|by) (?:this|the (?:above|given|provided|following)) "
    r"(?:text|passage|document|excerpt|context|article|section|chunk)\b"
    r"|\b(?:in|according to) the (?:text|passage|excerpt|context|author)\b|\b(?:passage|text|excerpt) above\b"
    r"|\b(?:mentioned|described|given|listed) (?:above|below)\b"
)


class Screen:
    """Refuses examples one by one. Give it the documents on their way to the generator (`watch`)."""

    def __init__(self) -> None:
        self._documents: OrderedDict[str, _Read] = OrderedDict()
        self._length = 0
        self._questions = DigestSet()
        self._wordings: OrderedDict[tuple[str | None, ...], list[str]] = OrderedDict()

    def watch(self, documents: Iterable[Document]) -> Iterator[Document]:
        """Pass documents on and remember the newest."""
        for document in documents:
            key = document.id
            if key not in self._documents:
                self._documents[key] = _Read()
            self._length += self._documents[key].add(document)
            while len(self._documents) > (_REMEMBERED if self._length <= _LENGTH else _FEW):
                _, oldest = self._documents.popitem(last=False)
                self._length -= oldest.length
            yield document

    def reason(self, example: Example) -> str | None:
        """Why `example` can't be used, or None. An example that passes counts for the duplicates of later ones."""
        question, answer, history = example.question, example.answer, example.history
        if not question.strip() or not answer.strip():
            return "empty question or answer"
        if len(question) > LONGEST_QUESTION or len(answer) > LONGEST_ANSWER:
            return "over-long"
        whole = folded = " ".join(fold(question).split())
        if history:
            roles = [message.role for message in history]
            if roles != ["user", "assistant"] * (len(roles) // 2):
                return "wrong roles"
            # "Et sa licence ?" is another question after another history.
            whole = " ".join([*(fold(turn.content) for turn in history), folded])
        if _needs_context(folded):
            return "makes no sense alone"
        read, facts = self._documents.get(example.document), example.facts
        if read is None:
            return "its document is not among the last that were read"
        if not (facts and _all_stand_in(facts, read.passages(example.chunk))) and not self._supported(example, read):
            return "not supported by its chunk"
        # A generator that names its fact has asked about a subject; only free questions can fail to.
        if not (example.fact or history or stands_alone(question, read.title)):
            return "makes no sense alone"
        if whole in self._questions:
            return "exact duplicate"
        if self._near_duplicate(question, _asked(facts) or (example.document, answer)):
            return "near duplicate"
        self._questions.add(whole)
        return None

    def _near_duplicate(self, question: str, asked: tuple[str | None, ...]) -> bool:
        wordings = self._wordings.setdefault(asked, [])
        if wordings and any(similarity(question, other) >= NEAR_DUPLICATE for other in wordings):
            return True
        wordings.append(question)
        if len(self._wordings) > _REMEMBERED:
            self._wordings.popitem(last=False)
        return False

    def _supported(self, example: Example, read: _Read) -> bool:
        if example.fact is None:
            return supported(example.answer, read.passages(example.chunk), example.question)
        return all(fact.value is None or _says(fact.value, self._passages(fact, example)) for fact in example.facts)

    def _passages(self, fact: Fact, example: Example) -> list[str]:
        """The passage that a fact of `example` names; all of its document where it names none."""
        read = self._documents.get(fact.document)
        same = fact.document == example.document
        return read.passages(fact.chunk or (example.chunk if same else None)) if read else []


class _Read:
    """A document as it was read, in one part or several."""

    def __init__(self) -> None:
        self.title = ""
        self._texts: dict[str, list[str]] = {}  # by chunk
        self.length = 0

    def add(self, document: Document) -> int:
        """Returns how many characters came with it."""
        self.title = self.title or document.title
        for chunk in passages_of(document):
            self._texts.setdefault(chunk.id, []).append(chunk.text)
        more = sum([len(chunk.text) for chunk in document.chunks])
        self.length += more
        return more

    def passages(self, chunk: str | None) -> list[str]:
        """The text of that chunk; None: of all."""
        if chunk is not None:
            return self._texts.get(chunk, [])
        return [text for texts in self._texts.values() for text in texts]


def _all_stand_in(facts: Iterable[Fact], texts: list[str]) -> bool:
    """Whether every value stands in `texts`, as most do: then there is no need to look further."""
    for fact in facts:
        value = fact.value
        if value is not None and not _stands_in(value, texts):
            return False
    return True


def _asked(facts: Iterable[Fact]) -> tuple[str | None, ...]:
    """What all wordings of one question share: the facts that it rests on."""
    return tuple([part for fact in facts for part in (fact.document, fact.attribute, fact.value)])


def _needs_context(folded: str) -> bool:
    for word in _OF_CONTEXT:
        if word in folded:
            return _NEEDS_CONTEXT.search(folded) is not None
    return False


def _stands_in(value: str, texts: list[str]) -> bool:
    for text in texts:  # noqa: SIM110 - half the time of any(...), and this runs for each row
        if value in text:
            return True
    return False


def _says(value: str, texts: list[str]) -> bool:
    if _stands_in(value, texts):
        return True
    wanted = set(normalise(value).split())  # the text may hold a link's address or an emphasis between the words
    return any(wanted <= set(normalise(text).split()) for text in texts)
