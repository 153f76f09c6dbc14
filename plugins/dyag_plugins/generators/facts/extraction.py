"""The facts of a document: what its passages state, and its fields.

Nothing here knows a customer's fields. What a label means, and how to ask about it, is for the pack (`phrasing.py`).
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from dyag_core.api import (
    field_label,
    field_text,
    first_sentence,
    fold,
    is_marked_up,
    passages_of,
    plain_text,
    says_field,
)
from dyag_core.records import Fact
from dyag_plugins.generators.facts.descriptions import describes
from dyag_plugins.generators.facts.faq import ANSWERS, LONGEST_ANSWER, QUESTIONS, as_question
from dyag_plugins.generators.facts.packs import label_key
from dyag_plugins.generators.facts.statements import DESCRIPTIONS, reader_of
from dyag_plugins.generators.facts.subjects import is_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from dyag_core.records import Chunk, Document

#: Longer values are no facts to be learnt by heart: of a longer text the first sentence is taken.
LONGEST_VALUE = 240
#: The marks of a longer one aren't looked for: that takes time with the square of its length.
_LONGEST_MARKED_UP = 10 * LONGEST_VALUE
#: What stands in a column, or could: short values of which each says something, or nothing.
CELLS = ("field", "label", "table", "column")
#: Why a field isn't asked about.
SITE_FIELD = "a field of a page that says how its site lists it"
#: What a site's templates put in isn't there: '{% slack_channel "talent" %}'.
_TEMPLATED = re.compile(r"\{%|%\}|\{\{|<%")
#: To be filled in: "[Agency name] / [Project]".
_TO_FILL_IN = re.compile(r"\[[A-Z][^\[\]]{2,40}\](?!\()|\bx{2,4}/x{2,4}\b|\bYYYY\b|_{4,}")
UNFILLED = "a text that a template or a reader is to fill in"
_SAYS = re.compile(r"[^\W_]")
#: Why a field of a page isn't asked about: what a site notes of its pages is no attribute of what they are about.
FRONT_MATTER = "a field at the top of a page that isn't known as an attribute"
#: What is whole, or isn't stated at all.
_WHOLE = ("faq", "section", "option")


class Found(NamedTuple):
    """A fact and where it was seen.

    `seen_as` is "field", "label", "table", "column" (of a table, of numbers, dates or codes), "section", "sentence",
    "definition", "option" (of a command), or "faq": a question that the document asks itself is the fact's attribute,
    its answer the value.
    """

    fact: Fact
    seen_as: str


def _any(_label: str) -> bool:
    return True


def facts_of(
    document: Document,
    *,
    skipped: Iterable[str],
    is_attribute: Callable[[str], bool] = _any,
    has_question: Callable[[str], bool] = _any,
    left: Counter[str] | None = None,
) -> list[Found]:
    """What `document` says, in its own order; a field that repeats a label of the text is left out.

    Args:
        skipped: labels that nobody asks about ("id"), folded.
        is_attribute: whether a label is one that things are known to have; in running text, and at the top of a page,
            no others are believed.
        has_question: whether there is a question for it; in running text no other headings are believed.
        left: counts what isn't taken for a fact, by its reason.
    """
    skipped = frozenset(skipped)
    left = Counter() if left is None else left
    found: dict[tuple[str, str], Found] = {}
    name, title = document.title, fold(document.title)
    document_id = document.id

    def add(chunk: str, subject: str, label: str, value: str, seen_as: str) -> None:
        if _TEMPLATED.search(value) or (seen_as in ("label", "table") and _TO_FILL_IN.search(value)):
            left[UNFILLED] += 1
            return
        if seen_as in _WHOLE:
            fact = Fact(document=document_id, chunk=chunk, subject=subject, attribute=label, value=value)
            key = label if seen_as == "faq" else label_key(label) if seen_as == "section" else f"\0{label}"
            if key not in skipped:
                found.setdefault((title, key), Found(fact, seen_as))
            return
        value = value.rstrip(" ,;")
        key = (title if subject == name else fold(subject), label_key(label))
        if not key[1] or key[1] in skipped or key in found or not value:
            return
        if title.endswith(f"({fold(value)})"):  # rows of one name are told apart by it: the question would tell it
            return
        if len(value) > LONGEST_VALUE:
            value = first_sentence(value)
            if len(value) > LONGEST_VALUE:
                return
        if seen_as not in CELLS and not _SAYS.search(value):  # an ornament
            return
        fact = Fact(document=document_id, chunk=chunk, subject=subject, attribute=label, value=value)
        found[key] = Found(fact, seen_as)

    if pair := _question_in(document):
        add(document.chunks[0].id, name, *pair, "faq")
        return list(found.values())
    reader = reader_of(document, is_attribute, has_question, left)
    for chunk, subject, label, value, seen_as in reader.statements():
        add(chunk, subject or name, label, value, seen_as)
    in_text = [item.fact for item in found.values()]
    of_page = document.chunks[0].id.startswith(f"{document_id}#")  # cut from a text: its fields are front matter
    passages = passages_of(document) if document.metadata else ()
    for field, value in document.metadata.items():
        text = field_text(value)
        label = field_label(field)
        if not text or fold(text) == title or any(_same(label, text, fact) for fact in in_text):
            continue
        reason = FRONT_MATTER if of_page and not is_attribute(label) else ""
        if not reason and reader.page:
            reason = _doubt_on_page(name, label, text, reader.prose, is_attribute)
        if reason:
            left[reason] += 1
        else:
            add(_chunk_saying(passages, field, text).id, name, label, _plain(text), "field")
    return list(found.values())


def _doubt_on_page(name: str, label: str, value: str, prose: bool, is_attribute: Callable[[str], bool]) -> str:
    """The reason not to believe a field of a page, which tells how its site lists it for the most; "" where none is."""
    if value.startswith(("/", "./", "../")):
        return SITE_FIELD
    if label_key(label) in DESCRIPTIONS:
        said = plain_text(first_sentence(value)).rstrip(" .!…") + "."
        return "" if is_name(name) and describes(said, name, genus=True) else SITE_FIELD
    return "" if not prose or (is_attribute(label) and is_name(name)) else SITE_FIELD


def _plain(value: str) -> str:
    """A field's text without markup; of a longer one the first sentence, before the rest is made plain."""
    if len(value) > LONGEST_VALUE and not is_marked_up(first := first_sentence(value)):
        value = first
    return plain_text(value[:_LONGEST_MARKED_UP])


def _question_in(document: Document) -> tuple[str, str] | None:
    """The question of a row that has one, in a column or as its title, and the answer in the column beside it."""
    fields = {label_key(name): plain_text(str(value)) for name, value in document.metadata.items() if value}
    answer = next((fields[name] for name in fields if name in ANSWERS), "")
    if not answer or len(answer) > LONGEST_ANSWER:
        return None
    asked = (document.title, *(fields[name] for name in fields if name in QUESTIONS))
    question = next(filter(None, map(as_question, asked)), "")
    return (question, answer) if question else None


def _same(label: str, value: str, fact: Fact) -> bool:
    """Does a field repeat what the text says? One label holds the other's words, and the values agree or nearly so."""
    field_words, fact_words = set(label_key(label).split()), set(label_key(fact.attribute).split())
    if field_words == fact_words:
        return True
    return bool(field_words <= fact_words or fact_words <= field_words) and (
        fact.value is not None and fold(plain_text(value)) == fold(fact.value)
    )


def _chunk_saying(passages: Sequence[Chunk], field: str, value: str) -> Chunk:
    label = field_label(field)
    return next((chunk for chunk in passages if says_field(chunk.text, label, value)), passages[0])
