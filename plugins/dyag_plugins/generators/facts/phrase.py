"""How an attribute is spoken of, with every form that templates use."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from string import Formatter
from typing import TYPE_CHECKING

from dyag_core.api import fold
from dyag_plugins.generators.facts.label_text import UNSAID, is_unsaid
from dyag_plugins.generators.facts.packs import OF_THE_PHRASE, as_words

if TYPE_CHECKING:
    import re

    from dyag_plugins.generators.facts.packs import Kind


@dataclass(frozen=True)
class Phrase:
    """How an attribute is spoken of: "la licence", "licence". `noun` is "" where the gender is unknown.

    `doubt` is the reason not to ask with it at all. Where `asks_itself`, the label is a question ("Qui contacter ?"),
    and `bare` is that without its mark.
    """

    label: str
    noun: str
    bare: str
    which: str
    plural: bool
    kind: Kind | None
    asks: str | None = None
    its: str = ""
    it_is: str = ""
    what: str = "what"
    that_one: str = ""
    the_same: str = ""
    which_ones: str = ""
    of_noun: str = ""
    of_bare: str = ""
    a_bare: str = ""
    be: str = "is"
    doubt: str = ""
    asks_itself: bool = False
    _templates: dict[str, str] = field(default_factory=dict, init=False, repr=False, compare=False)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Every label of this meaning, its own first, in the form in which `as_words` has a text."""
        labels = (self.label, self.bare, *(self.kind.labels if self.kind else ()))
        words = (as_words(fold(label)) for label in labels)
        return tuple(dict.fromkeys(name for name in words if name.strip()))

    def put_into(self, template: str) -> str:
        """A template with this phrase's words in it; what depends on the subject and the value still stands open."""
        known = self._templates.get(template)
        if known is None:
            words = {name: getattr(self, "be" if name == "is" else name) for name in OF_THE_PHRASE}
            known = "".join(
                _literal(text) + ("" if name is None else _literal(words[name]) if name in words else f"{{{name}}}")
                for text, name, _, _ in Formatter().parse(template)
            )
            self._templates[template] = known
        return known


def question_phrase(label: str, asked: str, points: re.Pattern[str]) -> Phrase:
    """The phrase of a label that is a question; `points` finds what points at something outside it."""
    unfit = points.search(fold(asked)) or len(asked.split()) < 2 or is_unsaid(asked.replace(",", ""))
    return Phrase(label, "", asked, "", False, None, doubt=UNSAID if unfit else "", asks_itself=True)


def _literal(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")
