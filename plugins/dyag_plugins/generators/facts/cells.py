"""Values that answer too little: what the name tells already, a code where a name is expected, a number of nothing."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dyag_core.api import fold
from dyag_plugins.generators.facts.packs import folded, label_key

if TYPE_CHECKING:
    from dyag_core import Fact
    from dyag_plugins.generators.facts.columns import Column
    from dyag_plugins.generators.facts.packs import Pack
    from dyag_plugins.generators.facts.phrase import Phrase

#: Why something isn't asked.
TOLD_BY_NAME = "what its name tells already"
CODE_FOR_NAME = "a code or a description where a name is expected"
FRAGMENT = "a part of a sentence where things are expected"
NO_UNIT = "a number without its unit"

_SHORTEST = 3
#: "Aire aménagée par la commune" is nobody's name; "Utilisé à Nantes" is no list of uses.
_OF_THE_THING = re.compile(r"\w+ \w+ee?s? (?:par|avec|pour) ")
_FRAGMENT = re.compile(r"(?:utilise|deploye|limite|reserve|prevu|destine)e?s?\b|(?:en|dans|sur|chez|par) ")
_NUMBER = re.compile(r"[-+]?\d[\d\s.,]*")
_CODE = re.compile(r"(?=.*\d)[A-Z0-9][A-Z0-9./ -]*")
_SIGLE = re.compile(r"[A-Z]{2,3}")
#: A column is one of codes where so many of its different values are.
_MOST = 0.6


class Cells:
    """Doubts about values under a label, with what a pack says of its noun: `called` and `measured`."""

    def __init__(self, pack: Pack, lang: str) -> None:
        self._called, self._measured, self._lang = folded(pack.called), folded(pack.measured), lang

    def doubt(self, fact: Fact, phrase: Phrase, column: Column) -> str:
        """The reason not to ask for `fact`, which `column` holds; "" where there is none."""
        value = fact.value or ""
        key = label_key(value)
        if len(key) >= _SHORTEST and not key.isdigit() and f" {key} " in f" {label_key(fact.subject)} ":
            return TOLD_BY_NAME
        words = fold(phrase.bare).split()
        head = words[0 if self._lang == "fr" else -1] if words else ""
        if head in self._called and self._is_code(value, column):
            return CODE_FOR_NAME
        if phrase.asks == "who" and _OF_THE_THING.match(fold(value)):
            return CODE_FOR_NAME
        if phrase.plural and _FRAGMENT.match(fold(value)):
            return FRAGMENT
        if head in self._measured and _NUMBER.fullmatch(value) and not {"en", "in"} & set(words):
            return NO_UNIT
        return ""

    def _is_code(self, value: str, column: Column) -> bool:
        if _CODE.fullmatch(value):
            return True
        short = sum(_SIGLE.fullmatch(other) is not None for other in column.values)
        return _SIGLE.fullmatch(value) is not None and short >= _MOST * len(column.values)
