"""What speaks against asking for a fact that was found, each with its name. In doubt nothing is asked."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dyag_core.api import fold
from dyag_plugins.generators.facts.extraction import CELLS
from dyag_plugins.generators.facts.packs import label_key
from dyag_plugins.generators.facts.statements import NO_ATTRIBUTE, NO_SUBJECT, PROSE
from dyag_plugins.generators.facts.subjects import is_clause, is_name

if TYPE_CHECKING:
    from dyag_plugins.generators.facts.columns import Columns
    from dyag_plugins.generators.facts.extraction import Found
    from dyag_plugins.generators.facts.phrasing import Phrase, Wordings
    from dyag_plugins.generators.facts.questions import Ask
    from dyag_plugins.generators.facts.values import Values

UNKNOWN_LABEL = "a number or a code under a label that isn't known (columns in a --rules file)"
NO_VALUE = "a text that isn't what its label says"
SEVERAL = "several values under a label in the singular"
FOREIGN_VALUE = "a value in another language than its document"
#: What is read off running text is asked only where it is sure.
_OF_TEXT = ("label", "table", "column", "section", "sentence", "definition", "option")
#: An article before a common noun, or two parts with a colon between them.
_HEADING = re.compile(r"^(?:[Ll][ea]s? |[Ll]['’]|[Tt]he )[a-zà-ÿ]|\S ?: ")
#: What a row of a text's table links to is seldom the site of what the row names.
_LINKS = frozenset(("url", "lien", "liens", "link", "links", "adresse web"))
_TO_LINKS = re.compile(r"(?:liens?|links?)\b|(?:\w+ )*links?$")
#: "apiazza", "julie.guyot, l-martin": how a site calls persons, and pages, among themselves.
_LOGINS = re.compile(r"[a-z0-9]+(?:[._-][a-z0-9]+)*(?:, [a-z0-9]+(?:[._-][a-z0-9]+)*)*")
_MARKED = re.compile(r"[._-]")
_STATES = frozenset("status state statut etat".split())
_GIVEN_UP = re.compile(r"\b(?:deprecated|obsolete?|archived?|archivee?|retired|discontinued|abandonnee?)\b")
#: Longer than any list of people.
_LONGEST_WHO = 120
#: A row of a table whose name has more words is called by a sentence.
_LONGEST_ROW = 7
#: More words behind "Repository:" are a sentence on repositories.
_LONGEST_LABELLED = 15
#: "Tracks time", "To track time", not "Steps for employees", says what a thing is for.
_SAYS_WHAT_FOR = re.compile(r"(?:to|for|used|\w+ing|\w+[^\Ws]s) (?!(?:and|or|for|of)\b)")
#: A text of so many words is a value.
_SHORT = 4
#: Within so many words a longer one says what it is about.
_SOON = 8


class Doubts:
    """Doubts in one language, by what columns hold."""

    def __init__(self, words: Wordings, values: Values, columns: Columns) -> None:
        self._words, self._values, self._columns = words, values, columns

    def of_what_is_said(self, ask: Ask, seen_as: str) -> str:
        """The reason not to ask what fields and running text seem to say; "" where there is none."""
        fact, kind, told = ask.fact, ask.phrase.kind, ask.fact.value or ""
        if "://" in fact.subject:
            return NO_SUBJECT
        if kind and kind.holds and told and not re.search(kind.holds, told):
            return NO_VALUE
        labelled = self._words.lang == "en" and seen_as == "label" and kind is not None and not kind.broad
        if labelled and len(told.split()) > _LONGEST_LABELLED:
            return PROSE
        if ask.phrase.asks == "who" and told[:1].islower() and told.endswith(".") and len(told.split()) > 2:
            return NO_VALUE  # "Developers: review the checklist."
        if label_key(fact.attribute) in _STATES and _GIVEN_UP.search(fold(fact.subject)):
            return NO_VALUE  # "CDN service (deprecated)" is "production ready" no more
        if seen_as in _OF_TEXT and _TO_LINKS.match(label_key(fact.attribute)) and "://" not in told:
            return NO_VALUE  # the text of a link
        if seen_as == "field":
            return self._of_a_field(ask, told)
        if seen_as in _OF_TEXT and (not is_name(fact.subject) or self._is_heading(fact.subject, seen_as)):
            return NO_SUBJECT
        if seen_as in ("label", "section") and set(label_key(fact.attribute).split()) <= set(
            label_key(fact.subject).split()
        ):
            return NO_SUBJECT  # a page on the scope of something
        if seen_as == "section" and not _is_told(ask, told):
            return PROSE
        if seen_as == "column" and not self._words.names_something(fact.attribute):
            return NO_ATTRIBUTE
        return self._of_a_row(ask, told) if seen_as == "table" else ""

    def _of_a_field(self, ask: Ask, told: str) -> str:
        named = ask.phrase.asks == "who" or (ask.phrase.kind is None and _MARKED.search(told))
        if named and _LOGINS.fullmatch(told):
            return NO_VALUE
        if not ask.phrase.plural and self._are_several(ask.fact.attribute, told):
            return SEVERAL
        return NO_SUBJECT if is_clause(ask.fact.subject) else ""

    def _of_a_row(self, ask: Ask, told: str) -> str:
        subject, label, kind = ask.fact.subject, ask.fact.attribute, ask.phrase.kind
        if len(subject.split()) > _LONGEST_ROW or self._values.says_nothing(subject):
            return NO_SUBJECT
        if kind and kind.labels[0] == "purpose" and not _SAYS_WHAT_FOR.match(fold(told)):
            return NO_VALUE
        if self._words.is_foreign(told):
            return FOREIGN_VALUE
        clumsy = ask.kind == "yes/no" and not self._words.has_question(label) and len(label.split()) > 2
        if label_key(label) in _LINKS or clumsy or not self._words.is_attribute(label):
            return NO_ATTRIBUTE
        return ""

    def _are_several(self, label: str, value: str) -> bool:
        """Whether a value is a list: a part of it is the whole value in another document, or row."""
        column = self._columns.of(label_key(label))
        return ", " in value and any(part in column.values for part in value.split(", "))

    def _is_heading(self, subject: str, seen_as: str) -> bool:
        """Whether a title is one of a text, not the name of what it is about: "Les standards", "Accès : le badge"."""
        if seen_as in ("definition", "option", "table"):
            return False
        return _HEADING.search(subject) is not None or self._words.is_of_several(subject)

    def of_the_label(self, ask: Ask, item: Found) -> str:
        """The reason not to ask for a cell, or what could be one, under such a label; "" where there is none."""
        asked = item.seen_as in CELLS and ask.kind not in ("yes/no", "how many")
        return UNKNOWN_LABEL if asked and not self.is_known(item.fact.attribute, ask.phrase) else ""

    def is_known(self, label: str, phrase: Phrase) -> bool:
        """Whether a label says what is under it, or what is under it says that itself: a text, with its unit."""
        column = self._columns.of(label_key(label))
        if phrase.asks == "who" and column.is_of_persons:
            return False
        if phrase.kind or phrase.asks_itself or self._words.is_column(label) or " in " in phrase.bare:
            return True
        return phrase.bare.startswith("number of ") or column.holds_codes or column.is_of_words


def _is_told(ask: Ask, value: str) -> bool:
    """Whether the text of a section tells its heading: a short one in words that do, where the kind names such."""
    kind = ask.phrase.kind
    if ask.kind == "who" and len(value) > _LONGEST_WHO:
        return False
    if ask.kind in ("how many", "when") and not re.search(r"\d", value):
        return False
    if kind is None or kind.broad or len(value.split()) <= _SHORT:
        return True
    begins = " ".join(fold(value).split()[:_SOON])
    told = any(word in begins for word in kind.told_by) if kind.told_by else not value.endswith(".")
    return told and value.rstrip(".").count(". ") == 0
