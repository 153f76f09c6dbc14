"""Find the facts that a document states: fields, `Label: value` lines, tables, short sections, a first sentence.

Nothing here knows a customer's fields. What a label means, and how to ask about it, is for the pack (`wording.py`).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from dyag_core.api import (
    HEADING,
    TABLE_ROW,
    field_label,
    first_sentence,
    fold,
    heading_title,
    passages_of,
    says_field,
)
from dyag_core.records import Fact
from dyag_plugins.generators.facts.packs import label_key
from dyag_plugins.generators.facts.tables import table_facts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from dyag_core.records import Chunk, Document

#: Longer values are no facts to be learnt by heart: of a longer text the first sentence is taken.
LONGEST_VALUE = 240
#: The marks of a longer one aren't looked for: that takes time with the square of its length.
_LONGEST_MARKED_UP = 10 * LONGEST_VALUE
_LONGEST_LABEL_WORDS = 6

_FENCE = re.compile(r"^\s*(?:```|~~~)")
_BULLET = re.compile(r"^\s*(?:[-*+•]|\d+[.)])\s+")
_LABELLED = re.compile(
    r"^\s*(?:[-*+•]\s+)?(?:\*\*|__)?(?P<label>[^\W\d_][^:|*_\n.!?;]{0,70})\s*(?:\*\*|__)?\s*:(?:\*\*|__)?\s+(?P<value>\S.*)$"
)
_LINK = re.compile(r"!?\[([^\]]*)\]\(([^)\s]*)[^)]*\)")
_EMPHASIS = re.compile(r"(\*\*|__|`)(?=\S)(.+?)(?<=\S)\1")


class Found(NamedTuple):
    """A fact and where it was seen: "field", "label", "table", "section" or "sentence"."""

    fact: Fact
    seen_as: str


def facts_of(document: Document, *, missing: Iterable[str], skipped: Iterable[str]) -> list[Found]:
    """What `document` says, in its own order; a field that repeats a label of the text is left out.

    Args:
        missing: values that say nothing ("n/a"), folded; they give a fact whose value is None.
        skipped: labels that nobody asks about ("id"), folded.
    """
    missing, skipped = frozenset(missing), frozenset(skipped)
    found: dict[tuple[str, str], Found] = {}
    name, title = document.title, fold(document.title)
    document_id = document.id

    def add(chunk: str, subject: str, label: str, value: str, seen_as: str) -> None:
        if len(value) > LONGEST_VALUE and not _is_marked_up(first := first_sentence(value)):
            value = first  # before the rest, which isn't needed, is made plain
        value = value[:_LONGEST_MARKED_UP]
        value = plain_text(value).rstrip(" ,;")
        known = label_key(label)
        key = (title if subject == name else fold(subject), known)
        if not value or not known or known in skipped or key in found or title.endswith(f"({fold(value)})"):
            return
        if len(value) > LONGEST_VALUE:
            value = first_sentence(value)
            if len(value) > LONGEST_VALUE:
                return
        said = None if fold(value).strip(" .") in missing else value
        fact = Fact(document=document_id, chunk=chunk, subject=subject, attribute=label, value=said)
        found[key] = Found(fact, seen_as)

    for chunk in document.chunks:
        for subject, label, value, seen_as in _stated(chunk.text, name):
            add(chunk.id, subject, label, value, seen_as)
    in_text = [item.fact for item in found.values()]
    passages = passages_of(document) if document.metadata else ()
    for field, value in document.metadata.items():
        text = _field_text(value)
        label = field_label(field)
        if text and fold(text) != title and not any(_same(label, text, fact) for fact in in_text):
            add(_chunk_saying(passages, field, text).id, name, label, text, "field")
    return list(found.values())


def plain_text(value: str) -> str:
    """One line without Markdown: the text of a link, no emphasis."""
    if _is_marked_up(value):
        value = _LINK.sub(lambda link: link[1] or link[2], value)
        value = _EMPHASIS.sub(r"\2", value)
    return " ".join(value.split())


def _is_marked_up(text: str) -> bool:
    return "](" in text or "**" in text or "__" in text or "`" in text


def _stated(text: str, title: str) -> list[tuple[str, str, str, str]]:
    """(subject, label, value, seen as) of everything a passage says."""
    stated: list[tuple[str, str, str, str]] = []
    heading, level, body = "", 0, list[str]()
    fences = "```" in text or "~~~" in text
    fenced = False
    for line in text.split("\n"):
        if fences and _FENCE.match(line):
            fenced = not fenced
            continue
        found = HEADING.match(line) if line[:1] == "#" and not fenced else None
        if found or line == "# ":
            stated += _section(heading, level, body, title)
            heading, level, body = (heading_title(line), len(found[1]), []) if found else ("", 0, [])
        elif not fenced:
            body.append(line)
    return stated + _section(heading, level, body, title)


def _section(heading: str, level: int, lines: Sequence[str], title: str) -> list[tuple[str, str, str, str]]:
    stated: list[tuple[str, str, str, str]] = []
    running: list[str] = []
    table: list[str] = []
    for line in lines:
        if "|" in line and TABLE_ROW.match(line):
            table.append(line)
            continue
        if table:
            stated += _table(table, title)
            table = []
        labelled = _LABELLED.match(line) if ":" in line else None
        if labelled and _is_label(labelled[1]):
            stated.append((title, labelled[1].strip(), labelled[2], "label"))
        elif line or running:
            running.append(line)
    if table:
        stated += _table(table, title)
    text = _short_text(running)
    if text:
        about_title = level <= 1 or fold(heading) == fold(title)
        if not about_title:
            stated.append((title, heading.rstrip(" :."), text, "section"))
        elif (heading or level == 0) and len(text) > 20 and text.rstrip()[-1:] in ".!?…":
            stated.append((title, "Description", first_sentence(text), "sentence"))
    return stated


def _short_text(lines: Sequence[str]) -> str:
    """The first paragraph; a short list becomes one line."""
    paragraph: list[str] = []
    for line in map(str.strip, lines):
        if line:
            paragraph.append(line)
        elif paragraph:
            break
    if not paragraph:
        return ""
    if _BULLET.match(paragraph[0]) and all(_BULLET.match(line) for line in paragraph):
        listed = ", ".join(_BULLET.sub("", line).rstrip(" ;,.") for line in paragraph)
        return listed if len(listed) <= LONGEST_VALUE else ""
    text = " ".join(paragraph)
    return "" if text.startswith((">", "<", "!")) or text.endswith(":") else text


def _table(rows: Sequence[str], title: str) -> Iterator[tuple[str, str, str, str]]:
    for subject, label, value in table_facts(rows, title, plain_text):
        yield subject, label, value, "table"


def _is_label(label: str) -> bool:
    return len(label.split()) <= _LONGEST_LABEL_WORDS and "://" not in label and "//" not in label


def _field_text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        parts = [_field_text(part) for part in value]
        return ", ".join(parts) if all(parts) else ""
    return str(value).strip() if isinstance(value, str | int | float) else ""


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
