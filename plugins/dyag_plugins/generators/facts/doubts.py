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
FOREIGN_VALUE = "a value in another language than its document"
#: What is read off running text is asked only where it is sure.
_OF_TEXT = ("label", "table", "column", "section", "sentence", "definition", "option")
#: An article before a common noun, or two parts with a colon between them.
_HEADING = re.compile(r"^(?:[Ll][ea]s? |[Ll]['’]|[Tt]he )[a-zà-ÿ]|\S ?: ")
#: What a row of a text's table links to is seldom the site of what the row names.
_LINKS = frozenset(("url", "lien", "liens", "link", "links", "adresse web"))
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


class Doubts:
    """Doubts in one language, by what columns hold."""

    def __init__(self, words: Wordings, values: Values, columns: Columns) -> None:
        self._words, self._values, self._columns = words, values, columns

    def of_what_is_said(self, ask: Ask, seen_as: str) -> str:
        """The reason not to ask what fields and running text seem to say; "" where there is none."""
        if "://" in ask.fact.subject:
            return NO_SUBJECT
        kind = ask.phrase.kind
        if kind and kind.holds and ask.fact.value and not re.search(kind.holds, ask.fact.value):
            return NO_VALUE
        labelled = self._words.lang == "en" and seen_as == "label" and kind is not None and not kind.broad
        if labelled and len((ask.fact.value or "").split()) > _LONGEST_LABELLED:
            return PROSE
        told = ask.fact.value or ""
        if ask.phrase.asks == "who" and told[:1].islower() and told.endswith(".") and len(told.split()) > 2:
            return NO_VALUE  # "Developers: review the checklist."
        if seen_as == "field":
            return NO_SUBJECT if is_clause(ask.fact.subject) else ""
        if seen_as in _OF_TEXT and (not is_name(ask.fact.subject) or self._is_heading(ask.fact.subject, seen_as)):
            return NO_SUBJECT
        if seen_as in ("label", "section") and set(label_key(ask.fact.attribute).split()) <= set(
            label_key(ask.fact.subject).split()
        ):
            return NO_SUBJECT  # a page on the scope of something
        if seen_as == "section" and ask.kind == "who" and len(told) > _LONGEST_WHO:
            return PROSE
        if seen_as == "section" and ask.kind in ("how many", "when") and not re.search(r"\d", ask.fact.value or ""):
            return PROSE
        if seen_as == "section" and not _is_told(ask):
            return PROSE
        if seen_as == "column" and not self._words.names_something(ask.fact.attribute):
            return NO_ATTRIBUTE
        if seen_as == "table":
            if len(ask.fact.subject.split()) > _LONGEST_ROW or self._values.says_nothing(ask.fact.subject):
                return NO_SUBJECT
            if kind and kind.labels[0] == "purpose" and not _SAYS_WHAT_FOR.match(fold(ask.fact.value or "")):
                return NO_VALUE
            if self._words.is_foreign(ask.fact.value or ""):
                return FOREIGN_VALUE
            label = ask.fact.attribute
            if label_key(label) in _LINKS:
                return NO_ATTRIBUTE
            clumsy = ask.kind == "yes/no" and not self._words.has_question(label) and len(label.split()) > 2
            return NO_ATTRIBUTE if clumsy or not self._words.is_attribute(label) else ""
        return ""

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


def _is_told(ask: Ask) -> bool:
    """Whether the text of a section tells its heading: a short one in words that do, where the kind names such."""
    kind, value = ask.phrase.kind, ask.fact.value or ""
    if kind is None or kind.broad or len(value.split()) <= _SHORT:
        return True
    told = not kind.told_by or any(word in fold(value) for word in kind.told_by)
    return told and value.rstrip(".").count(". ") == 0
