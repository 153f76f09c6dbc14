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
_KINDS = (
    ("how many", re.compile(r"^(?:combien|how (?:many|much))\b")),
    ("who", re.compile(r"^(?:[aà] |de |par )?(?:qui|who)\b(?! est-ce que?\b)")),
    ("where", re.compile(r"^(?:d['’])?(?:ou|where)\b")),
    ("when", re.compile(r"^(?:quand|when)\b|^(?:a|depuis) (?:quelle date|quand)\b")),
)


def own_question(fact: Fact, phrase: Phrase, pack: Pack) -> Ask:
    """What a document asks itself, in its own words first, then in others that mean the same."""
    question = fact.attribute
    folded = fold(question)
    kind = next((kind for kind, pattern in _KINDS if pattern.match(folded)), "what")
    return Ask(
        fact, phrase, kind, "faq", tuple(map(_literal, (question, *_reworded(question, pack)))), fact.value or ""
    )


def option_question(fact: Fact, phrase: Phrase, pack: Pack) -> Ask:
    """What an option of a command does."""
    name = _literal(fact.attribute)
    return Ask(
        fact, phrase, "what", "option", tuple(t.replace("{label}", name) for t in pack.options), fact.value or ""
    )


def _reworded(question: str, pack: Pack) -> Iterator[str]:
    parts = _WITH_CONTEXT.match(question)
    asked, context = (parts["question"], parts["context"] or "") if parts else (question, "")
    for rewording in pack.rewordings:
        found = re.match(rewording.pattern, asked, re.IGNORECASE)
        if found:
            yield from (template.format_map(found.groupdict()) + context for template in rewording.questions)
            return


def _literal(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")
