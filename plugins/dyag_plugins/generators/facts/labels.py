"""`Label: value` in paragraphs, list items and definition lists, and which of them state something."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dyag_core.api import fold, plain_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dyag_plugins.generators.facts.blocks import Block

_LONGEST_LABEL_WORDS = 6
#: Under a label that nothing is known of, more words than that are a remark.
_MOST_WORDS = 15
#: A line that goes on with the one before it is about as long as a page is wide.
_WRAPPED = 60

_LABELLED = re.compile(r"^(?P<label>[^\W\d_][^:|\n.!?;]{0,70}?)\s*:\s+(?P<value>\S.*)$")
#: What a clause begins with; no label does.
_CLAUSE = re.compile(
    r"^(?:pour|si|dans|quand|lorsque|afin|comme|ainsi|en|sur|par|a|ou|et|mais|donc|car|il|elle|on|nous|vous|je|ce|cela|c['’]"
    r"|this|it|we|you|i|if|when|to|for|in|as|or|and|but|then|so|there|here|please|for|with|let['’]?s?)\b|\b\w{3,}ez\b"
    r"|\b(?:est|sont|suivante?s?|following|is|are|can|must|should|doit|peut)\b"
)
#: Labels of remarks, whose "value" is advice, not an attribute.
_REMARKS = frozenset(
    "attention astuce avertissement bon a savoir caution conseil danger e g exemple exemples example examples hint i e "
    "important info information n b nb nota nota bene note notes ps rappel remarque remarques tip tips todo warning fixme "
    "par exemple for example for instance please note p s source cf voir see".split()
) | {"bon a savoir", "par exemple", "for example", "for instance", "nota bene", "please note", "a noter", "n b", "p s"}
_POINTS_AWAY = re.compile(r"^(?:voir|cf\.?|see|consulter|cliquer|click)\b")


def labels_in(block: Block) -> Iterator[tuple[str, str]]:
    """(label, value) of a block whose first line has a label; a value goes on over the lines that follow."""
    if block.kind == "term":
        yield plain_text(block.term).rstrip(" :"), plain_text(block.text)
        return
    if ":" not in block.text or block.kind not in ("text", "item"):
        return
    label, value, before = "", "", 0
    for line in block.lines:
        text = plain_text(line)
        found = _LABELLED.match(text) if ":" in text else None
        begins = found and len(found["label"].split()) <= _LONGEST_LABEL_WORDS and "//" not in found["label"]
        if found and begins and (not label or before < _WRAPPED):
            if label:
                yield label, value
            label, value = found["label"].strip(), found["value"]
        elif label:
            value = f"{value} {text}"
        else:
            return
        before = len(text)
    yield label, value


def is_remark(label: str) -> bool:
    """Whether what follows is a remark ("Attention: ..."), not the value of an attribute."""
    return " ".join(re.findall(r"\w+", fold(label))) in _REMARKS


def states(label: str, value: str) -> bool:
    """Whether a label that nothing is known of is that of an attribute, with a value and no sentence under it."""
    folded = fold(value)
    if _CLAUSE.search(fold(label)) or _POINTS_AWAY.match(folded):
        return False
    return len(value.split()) <= _MOST_WORDS and not re.search(r"[.!?] \S", value)
