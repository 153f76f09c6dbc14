"""A document's chunks as they are searched and shown: whatever can be asked about stands in one of them.

A title, the fields of a YAML block and the other columns of a table stand beside a chunk's text, in its metadata. A
search that doesn't read them can't find them, and a model that isn't shown them can't tell them.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from dyag_core.text.chunking import HEADING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dyag_core.records import Chunk, Document

_CAMEL_OR_DOT = re.compile(r"(?<=[a-zà-ÿ])(?=[A-Z])|(?<=\w)\.(?=\w)")
#: What data files write before a noun for want of space ("nb_places"), and how short a noun is none ("nbre_pl").
_COUNTS, _SHORTEST_WORD = {"nb": "nombre de", "nbre": "nombre de", "num": "numéro de"}, 3
#: Fields that say what a chunk is, not what its document says.
_OF_THE_CHUNK = frozenset(("id", "document", "title", "headings"))
#: A shorter value may stand in a text by chance ("3" in "2023"): its label must stand there, too.
_TELLING = 12
_LONGEST = 1000


def passages_of(document: Document) -> tuple[Chunk, ...]:
    """The chunks of `document`, each with the title above it, the first with the fields that no chunk says.

    A chunk that says all of it already stays as it is, so that passages of passages are the same.
    """
    first, *others = document.chunks
    fields = "".join(f"- {line}\n" for line in _unsaid_fields(document)) if document.metadata else ""
    title = document.title if document.title != document.id else ""
    return (_headed(first, title, fields), *(_headed(chunk, title, "") for chunk in others))


def field_text(value: Any) -> str:
    """A field's value as a text; "" where it is none, or nested."""
    if isinstance(value, list | tuple):
        parts = [field_text(part) for part in value]
        sign = "; " if len(parts) > 1 and any("," in part for part in parts) else ", "  # "Roy, Eva; Petit, Luc"
        return sign.join(parts) if all(parts) else ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return " ".join(str(value).split()) if isinstance(value, str | int | float) else ""


@lru_cache(maxsize=4096)
def field_label(name: str) -> str:
    """A field's name in words: "date_fin" is "date fin", "licence.id" is "licence id", "nbPlaces" is "nb Places"."""
    spaced = str(name).replace("_", " ").strip()
    words = (spaced if " " in str(name).strip() else _CAMEL_OR_DOT.sub(" ", spaced)).split()
    said = " ".join(words)
    if len(words) == 2 and len(words[1]) > _SHORTEST_WORD:
        said = f"{_COUNTS.get(words[0], words[0])} {words[1]}"
    return "date de mise à jour" if said == "date maj" else said


def says_field(text: str, label: str, value: str) -> bool:
    """Whether `text` tells the field: its value, and beside a short one its label."""
    return value in text and (len(value) >= _TELLING or _names(text, label))


def _unsaid_fields(document: Document) -> Iterator[str]:
    texts = [chunk.text for chunk in document.chunks]
    for name, value in document.metadata.items():
        text, label = field_text(value), field_label(name)
        if not text or name in _OF_THE_CHUNK or text == document.title:
            continue
        if not any(says_field(other, label, text) for other in texts):
            yield f"{label}: {text if len(text) <= _LONGEST else text[:_LONGEST].rsplit(' ', 1)[0] + ' ...'}"


def _names(text: str, label: str) -> bool:
    return label.casefold() in text.casefold()


def _headed(chunk: Chunk, title: str, fields: str) -> Chunk:
    text = chunk.text
    named = not title or title in text or _names(text, title)
    if named and not fields:
        return chunk
    heading = "" if named else f"# {title}\n\n"
    line, _, rest = text.partition("\n")
    if fields and named and title and HEADING.match(line) and _names(line, title):
        heading, text = f"{line}\n\n", rest.lstrip("\n")  # the fields follow the title
    return chunk.model_copy(update={"text": f"{heading}{fields}\n{text}".rstrip() if fields else heading + text})
