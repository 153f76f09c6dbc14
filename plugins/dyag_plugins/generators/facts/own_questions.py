"""Asks whose question doesn't come from a label: those that a document asks itself, and the options of a command."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dyag_core.api import fold
from dyag_plugins.generators.facts.questions import Ask

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dyag_core.records import Fact
    from dyag_plugins.generators.facts.packs import Pack
    from dyag_plugins.generators.facts.phrasing import Phrase

_WITH_CONTEXT = re.compile(r"^(?P<question>.*?)(?P<context> \([^()]+\))?$")
#: "Comment demander son accès ?": said in the first person it is somebody else's.
_OF_ANYBODY = re.compile(r"\b(?:demander|changer|modifier|migrer|gérer|créer|supprimer) s(?:on|a|es)\b")
_KINDS = (
    ("how many", re.compile(r"^(?:combien|how (?:many|much))\b")),
    ("who", re.compile(r"^(?:[aà] |de |par )?(?:qui|who)\b(?! est-ce que?\b)")),
    ("where", re.compile(r"^(?:d['’])?(?:ou|where)\b")),
    ("when", re.compile(r"^(?:quand|when)\b|^(?:a|depuis) (?:quelle date|quand)\b")),
)


def own_ask(fact: Fact, seen_as: str, phrase: Phrase, pack: Pack) -> Ask:
    """What a document asks itself, in its words and in others; else what a term means, or an option does."""
    kind = "what"
    if seen_as == "faq":
        folded = fold(fact.attribute)
        kind = next((kind for kind, pattern in _KINDS if pattern.match(folded)), kind)
        templates = tuple(map(_literal, (fact.attribute, *_reworded(fact.attribute, pack))))
    elif seen_as == "option":
        templates = tuple(template.replace("{label}", _literal(fact.attribute)) for template in pack.options)
    else:
        one = fold(fact.subject).startswith(("un ", "une "))  # "Je ne connais pas un modèle" is no French
        templates = tuple(template for template in pack.definitions if not (one and "pas {subject}" in template))
    return Ask(fact, phrase, kind, seen_as, templates, fact.value or "")


def _reworded(question: str, pack: Pack) -> Iterator[str]:
    parts = _WITH_CONTEXT.match(question)
    asked, context = (parts["question"], parts["context"] or "") if parts else (question, "")
    for rewording in pack.rewordings:
        found = re.match(rewording.pattern, asked, re.IGNORECASE)
        if found and not _OF_ANYBODY.search(found[0]):
            groups = {name: _inside(text, found.start(name)) for name, text in found.groupdict().items()}
            yield from (template.format_map(groups) + context for template in rewording.questions)
            return


def _inside(text: str, start: int) -> str:
    """A part of a question as it stands inside another: without the capital of its beginning."""
    return text[:1].lower() + text[1:] if start == 0 else text


def _literal(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")
