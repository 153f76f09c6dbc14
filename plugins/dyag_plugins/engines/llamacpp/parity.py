"""Whether two engines give the same greedy answers: twenty prompts that every model can be asked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from dyag_core import Decoding, Engine, Message, Reply
from dyag_core.api import SYSTEM, question_messages, with_context

#: At least this share of the answers has to be the same.
THRESHOLD = 0.95
DECODING = Decoding(max_new_tokens=32)

_CLOSED = {
    "en": (
        "What is the capital of France?",
        "How many days are there in a week?",
        "Which licence does the Linux kernel have?",
        "What is a text editor for?",
        "Who wrote Les Misérables?",
    ),
    "fr": (
        "Quelle est la capitale de l'Italie ?",
        "Combien de mois y a-t-il dans une année ?",
        "À quoi sert un navigateur web ?",
        "Quelle est la licence de Python ?",
        "Qui a peint la Joconde ?",
    ),
}
_PASSAGES = {
    "en": (
        ("Otter is a mail server. Licence: MIT. Minimum version: 4.2.", "Which licence does Otter have?"),
        ("The reading room is open from 9 to 17, and closed on Mondays.", "When is the reading room closed?"),
        ("A request costs 12 euros. Payment is due within 30 days.", "What does a request cost?"),
        ("Heron draws maps. It was written in Rust by the city of Nantes.", "What is Heron written in?"),
        ("Permits are valid for two years and can be renewed once.", "How often can a permit be renewed?"),
    ),
    "fr": (
        ("Loutre est un serveur de messagerie. Licence : AGPL-3.0.", "Quelle est la licence de Loutre ?"),
        ("La salle de lecture est ouverte de 9 h à 17 h, sauf le lundi.", "Quel jour la salle est-elle fermée ?"),
        ("Le dossier coûte 12 euros, à payer sous 30 jours.", "Quel est le délai de paiement ?"),
        ("Héron dessine des cartes. Version minimale : 19.", "Quelle est la version minimale de Héron ?"),
        ("Le permis est valable deux ans ; il se renouvelle en mairie.", "Où se renouvelle le permis ?"),
    ),
}


@dataclass(frozen=True)
class Parity:
    """How many of the `asked` prompts got the same answer from both engines."""

    same: int
    asked: int

    @property
    def holds(self) -> bool:
        """Whether it is enough to take one engine for the other."""
        return self.same >= THRESHOLD * self.asked

    @classmethod
    def of(cls, ours: Sequence[Reply], theirs: Sequence[Reply]) -> Parity:
        """Compare replies to the same prompts, by their text."""
        return cls(sum(a.text == b.text for a, b in zip(ours, theirs, strict=True)), len(ours))


def prompts() -> list[tuple[Message, ...]]:
    """Twenty prompts: half of them with a passage, half of them French."""
    closed = [question_messages(text, SYSTEM[lang]) for lang, texts in _CLOSED.items() for text in texts]
    return closed + [
        with_context(question_messages(text, SYSTEM[lang]), passage, lang)
        for lang, pairs in _PASSAGES.items()
        for passage, text in pairs
    ]


def answers(engine: Engine, asked: Iterable[Sequence[Message]]) -> list[Reply]:
    """The engine's greedy answers, in order."""
    replies = dict(engine.answer(list(asked), DECODING))
    return [replies[index] for index in sorted(replies)]
