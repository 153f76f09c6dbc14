"""`Label: value` in paragraphs, list items and definition lists, and which of them state something."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from dyag_core.api import fold, plain_text, without_pictographs
from dyag_plugins.generators.facts.subjects import begins_with_verb

if TYPE_CHECKING:
    from dyag_plugins.generators.facts.blocks import Block

_LONGEST_LABEL, _LONGEST_LABEL_WORDS = 71, 6
#: Under a label that nothing is known of, more words than that are a remark.
_MOST_WORDS = 15
#: A line that goes on with the one before it is about as long as a page is wide.
_WRAPPED = 60

_NOT_IN_A_LABEL = re.compile(r"[|.!?;]")
#: What a clause begins with; no label does.
_CLAUSE = re.compile(
    r"^(?:pour|si|dans|quand|lorsque|afin|comme|ainsi|en|sur|par|a|ou|et|mais|donc|car|il|elle|on|nous|vous|je|ce|cela|c['’]"
    r"|this|it|we|you|i|if|when|to|for|in|as|or|and|but|then|so|there|here|please|for|with|let['’]?s?)\b|\b\w{3,}ez\b"
    r"|\b(?:est|sont|suivante?s?|following|is|are|can|must|should|doit|peut)\b"
)
#: Labels of remarks, whose "value" is advice, not an attribute.
_REMARKS = frozenset(
    "attention astuce avertissement bon a savoir caution conseil danger e g exemple exemples example examples hint i "
    "important info information n b nb nota bene note notes ps rappel remarque remarques tip tips todo warning fixme "
    "par for instance please p s source cf voir see".split()
) | {"bon a savoir", "par exemple", "for example", "for instance", "nota bene", "please note", "a noter", "n b", "p s"}
#: They number parts of a text.
_PART = re.compile(
    r"^(?:annexe|appendix|article|chapitre|chapter|etape|fig|figure|image|jour|partie|part|phase|photo|point|section|step"
    r"|table|tableau|volet)(?:\s+(?:\d[\d.]*|[a-z]|[ivx]+))?$"
)
_POINTS_AWAY = re.compile(r"^(?:voir|cf\.?|see|consulter|cliquer|click|consult|refer|follow|check|read|lire)\b")


def labels_in(block: Block) -> list[tuple[str, str]]:
    """(label, value) of a block whose first line has a label; a value goes on over the lines that follow."""
    if block.kind == "term":
        return [(plain_text(block.term).rstrip(" :"), plain_text(block.text))]
    if ":" not in block.text or block.kind not in ("text", "item") or block.text[:1] == "`":  # what code means
        return []
    found: list[tuple[str, str]] = []
    before = 0
    for line in block.lines:
        text = plain_text(line)
        said, colon, rest = text.partition(":")
        said = without_pictographs(said).rstrip()
        if colon and rest[:1] == " " and (not found or before < _WRAPPED) and _is_label(said):
            found.append((said, rest.strip()))
        elif found:
            found[-1] = (found[-1][0], f"{found[-1][1]} {text}")
        else:
            return []
        before = len(text)
    return found


def _is_label(said: str) -> bool:
    if not said or not said[0].isalpha() or len(said) > _LONGEST_LABEL or _NOT_IN_A_LABEL.search(said):
        return False
    return len(said.split()) <= _LONGEST_LABEL_WORDS and "//" not in said


@lru_cache(maxsize=4096)
def is_remark(label: str) -> bool:
    """Whether what follows is a remark ("Attention: ..."), not the value of an attribute."""
    return " ".join(re.findall(r"\w+", fold(label))) in _REMARKS


def points_away(value: str) -> bool:
    """Whether a value says where to look ("Voir l'annexe", "Follow the convention")."""
    return _POINTS_AWAY.match(fold(value)) is not None


def states(label: str, value: str) -> bool:
    """Whether a label that nothing is known of is that of an attribute, with a value and no sentence under it."""
    if _CLAUSE.search(fold(label)) or _PART.match(fold(label)) or points_away(value):
        return False
    if " " in label and begins_with_verb(label):
        return False
    return len(value.split()) <= _MOST_WORDS and not re.search(r"[.!?] \S", value)
