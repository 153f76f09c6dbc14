"""Which generated examples are fit to train on. Each that isn't is refused with a named reason."""

from __future__ import annotations

import re
from collections import OrderedDict
from typing import TYPE_CHECKING

from dyag_core.digests import DigestSet
from dyag_core.grounding import stands_alone, supported
from dyag_core.normalise import fold, normalise
from dyag_core.similarity import similarity

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dyag_core.records import Document, Example

LONGEST_QUESTION = 600
LONGEST_ANSWER = 2000
#: Two wordings of one fact as near as this are one wording.
NEAR_DUPLICATE = 0.8
#: Documents are kept this long, so that an example can be checked against its own.
_REMEMBERED = 4096

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
        self._documents: OrderedDict[str, list[Document]] = OrderedDict()
        self._questions = DigestSet()
        self._wordings: OrderedDict[tuple[str | None, ...], list[str]] = OrderedDict()

    def watch(self, documents: Iterable[Document]) -> Iterator[Document]:
        """Pass documents on and remember the newest."""
        for document in documents:
            self._documents.setdefault(document.id, []).append(document)
            if len(self._documents) > _REMEMBERED:
                self._documents.popitem(last=False)
            yield document

    def reason(self, example: Example) -> str | None:
        """Why `example` can't be used, or None. An example that passes counts for the duplicates of later ones."""
        if not example.question.strip() or not example.answer.strip():
            return "empty question or answer"
        if len(example.question) > LONGEST_QUESTION or len(example.answer) > LONGEST_ANSWER:
            return "over-long"
        whole = folded = " ".join(fold(example.question).split())
        if example.history:
            roles = [message.role for message in example.history]
            if roles != ["user", "assistant"] * (len(roles) // 2):
                return "wrong roles"
            # "Et sa licence ?" is another question after another history.
            whole = " ".join([*(fold(turn.content) for turn in example.history), folded])
        if _needs_context(folded):
            return "makes no sense alone"
        if example.document not in self._documents:
            return f"its document is not among the last {_REMEMBERED} read"
        if not self._supported(example):
            return "not supported by its chunk"
        if not self._stands_alone(example):
            return "makes no sense alone"
        if whole in self._questions:
            return "exact duplicate"
        if self._near_duplicate(example):
            return "near duplicate"
        self._questions.add(whole)
        return None

    def _stands_alone(self, example: Example) -> bool:
        """Free questions only: a generator that names its fact has asked about a subject."""
        if example.fact or example.history:
            return True
        return stands_alone(example.question, self._documents[example.document][0].title)

    def _near_duplicate(self, example: Example) -> bool:
        wordings = self._wordings.setdefault(_asked(example), [])
        if wordings and any(similarity(example.question, other) >= NEAR_DUPLICATE for other in wordings):
            return True
        wordings.append(example.question)
        if len(self._wordings) > _REMEMBERED:
            self._wordings.popitem(last=False)
        return False

    def _supported(self, example: Example) -> bool:
        parts, facts, passage = self._documents[example.document], example.facts, example.chunk
        texts = [chunk.text for part in parts for chunk in part.chunks if passage is None or passage == chunk.id]
        if facts and all(fact.value is None or _stands_in(fact.value, texts) for fact in facts):
            return True  # most examples: there is no need to look further
        fields = [str(value) for part in parts for value in part.metadata.values()]
        fields += [part.title for part in parts]
        if example.fact is None:
            return supported(example.answer, texts + fields, example.question)
        whole = [chunk.text for part in parts for chunk in part.chunks] if example.other_facts else texts
        return all(
            fact.value is None
            or _says(fact.value, whole + fields if fact.document == example.document else self._texts(fact.document))
            for fact in facts
        )

    def _texts(self, document: str) -> list[str]:
        """Everything that another document says, for an answer that compares."""
        parts = self._documents.get(document, [])
        return [text for part in parts for text in (part.text, part.title, *map(str, part.metadata.values()))]


def _asked(example: Example) -> tuple[str | None, ...]:
    """What all wordings of one question share: the facts that it rests on, without them document and answer."""
    facts = example.facts
    if not facts:
        return example.document, example.answer
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
