"""What is asked: a fact, how to speak of it, and what kind of answer it takes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from dyag_core.api import fold
from dyag_plugins.generators.facts.packs import label_key

if TYPE_CHECKING:
    from dyag_core.records import Document, Fact
    from dyag_plugins.generators.facts.phrasing import Phrase

#: Lists of longer parts are no lists but sentences with commas.
LONGEST_PART = 40

_OPEN_LIST = re.compile(
    r"(?:\.{2,}|…|:)\W*$|\betc\b|\b(?:notamment|entre autres|par exemple|tels? que|telles? que|including|includes?"
    r"|such as|e\.g\.|for example|among others|dont|et (?:d['’]|bien d['’])?autres|et plus"
    r"|and (?:many )?(?:others?|more)|(?:et|ou) (?:le|les) restes?|and so on|in particular|surtout|principalement"
    r"|mainly|mostly|especially)\b",
    re.IGNORECASE,
)
_INNER_COMMA = re.compile(r"\([^()]*[,;][^()]*\)|^[^()]*\)|\([^()]*$|[.!?] [A-ZÀ-Þ]")
_LINK = re.compile(r"(?:https?|git|ftp|svn)://\S+|www\.\S+|[\w.+-]+@[\w-]+\.[\w.-]+")
_WHOLE = re.compile(r"\d+|\d{1,3}(?:[ ,\u2019\u202f\xa0]\d{3})+")
_ISO_DATE = re.compile(r"(\d{4})-(0[1-9]|1[0-2])(?:-(0[1-9]|[12]\d|3[01]))?")
_FRENCH_DAY = re.compile(r"(?:\d{1,2}|1er) [a-zéû]{3,9} \d{4}|\d{4}-\d\d-\d\d|\d{1,2}/\d{1,2}/\d{4}")
_MONTHS = {
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre".split(),
    "en": "January February March April May June July August September October November December".split(),
}


@dataclass(eq=False)
class Ask:
    """Something to ask.

    `kind` is what, who, where, when, how many or yes/no. `rule` says how the fact was found ("label", "table", ...) or
    what it was made of ("blank", "missing", "check", "count"). `templates` are a derived question's own wordings, the
    canonical one first, and `answer` its answer; `proposed` is the value that a yes/no question holds up.
    """

    fact: Fact
    phrase: Phrase
    kind: str
    rule: str
    templates: tuple[str, ...] = ()
    answer: str = ""
    proposed: str = ""

    @cached_property
    def value_key(self) -> str:
        """Its value in the form in which values are compared."""
        return fold(self.fact.value or "")

    @cached_property
    def subject_key(self) -> str:
        """Its subject in the form in which subjects are compared."""
        return fold(self.fact.subject)

    @property
    def is_plain(self) -> bool:
        """A short fact with a name of its own: it can be put beside another in one question."""
        return bool(self.phrase.noun) and not self.templates and not (self.phrase.kind and self.phrase.kind.broad)


def kind_of(phrase: Phrase, value: str | None) -> str:
    """What, who, where, when or how many, by the label and, where that tells nothing, by the value."""
    if phrase.asks or value is None:
        return phrase.asks or "what"
    if _LINK.fullmatch(value):
        return "where"
    return "when" if _ISO_DATE.fullmatch(value) else "what"


def spoken(value: str, lang: str) -> str:
    """An ISO date as people say it ("2017-03-01": "1er mars 2017", "1 March 2017"); anything else as it is."""
    date = _ISO_DATE.fullmatch(value)
    if date is None:
        return value
    year, month, day = date[1], _MONTHS[lang][int(date[2]) - 1], date[3]
    if day is None:
        return f"{month} {year}"
    return f"{'1er' if lang == 'fr' and day == '01' else int(day)} {month} {year}"


def is_whole_number(value: str) -> bool:
    """Whether a value is a bare number without decimals, however its thousands are set apart."""
    return _WHOLE.fullmatch(value) is not None


def with_article(value: str, lang: str) -> str:
    """In French a date with its day takes an article inside a sentence: "c'est le 14 mars 2017"."""
    return f"le {value}" if lang == "fr" and _FRENCH_DAY.fullmatch(value) else value


def parts_of(value: str) -> list[str]:
    """The parts of a list ("2018, 2019"): two or more, all short, all different; else none.

    None either where the list goes on ("fraude, panne, etc."), or where a comma stands inside brackets.
    """
    if _OPEN_LIST.search(value) or _INNER_COMMA.search(value):
        return []
    parts = [part.strip() for part in re.split(r"[,;]\s+", value)]
    whole = len(parts) > 1 and all(part and len(part) <= LONGEST_PART for part in parts)
    return parts if whole and len({fold(part) for part in parts}) == len(parts) else []


def told_apart(one: str, other: str) -> bool:
    """Nobody could take one value for the other: neither holds the other ("GPL-2.0", "GPL-2.0-only")."""
    one, other = label_key(one), label_key(other)
    return bool(one and other) and one not in other and other not in one


def where_in(document: Document, ask: Ask) -> str:
    """Where a fact stands: "chunk_1 line 5", "field licence", or "" for what the document doesn't tell."""
    label, value = label_key(ask.phrase.label), fold(ask.fact.value or "")
    if not value:
        return ""
    if ask.rule == "field":
        return next((f"field {name}" for name in document.metadata if label_key(name) == label), "field")
    chunk = next((chunk for chunk in document.chunks if chunk.id == ask.fact.chunk), None)
    lines = [fold(line) for line in chunk.text.split("\n")] if chunk else []
    both = (n for n, line in enumerate(lines, 1) if value in line and label in label_key(line))
    found = next(both, None) or next((n for n, line in enumerate(lines, 1) if value in line), None)
    return " ".join([ask.fact.chunk or "", f"line {found}" if found else ""]).strip()
