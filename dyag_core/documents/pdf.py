"""PDF as Markdown, by pdfminer.six.

A PDF holds positions, not structure: pdfminer finds words, lines and blocks. What makes them readable again is done
here: running heads and page numbers go, paragraphs are put together over lines and pages, numbered headings are
marked. (markitdown's own PDF reader takes justified text for tables, and loses the spaces of many TeX files.)
"""

from __future__ import annotations

import io
import logging
import re
from collections import Counter
from typing import TYPE_CHECKING

from dyag_core.text.hyphens import joined

if TYPE_CHECKING:
    from collections.abc import Sequence

# "2.1 Horaires", but no sentence, and no line of a table of contents ("2.1 Horaires . . . . 4").
_NUMBERED = re.compile(r"^(\d{1,2}(?:\.\d{1,2}){0,3})[.)]?\s+(?!.*(?:\. ?){4})[^\W\d_].{0,78}[^.;:,!…]$")
_ITEM = re.compile(r"^[•▪◦‣–*-]\s+|^(?=\d{1,2}[.)]\s)")
_UNKNOWN_GLYPH = re.compile(r"\(cid:\d+\)")
_DIGITS = re.compile(r"\d+")
_LONGEST_HEADING = 80
#: What stands at the top or bottom of so many pages, numbers aside, is no text of the document.
_REPEATED = 3


def pdf_text(raw: bytes) -> str:
    """The text of a PDF as Markdown, "" for one that holds pictures only.

    Raises ValueError where it is no PDF; pdfminer raises whatever a broken one leads to.
    """
    from pdfminer.high_level import extract_text

    logging.getLogger("pdfminer").setLevel(logging.ERROR)  # it warns of fonts, on stderr
    if not raw.lstrip().startswith(b"%PDF"):
        raise ValueError("is no PDF file")
    return pages_text(extract_text(io.BytesIO(raw)).split("\f"))


def pages_text(pages: Sequence[str]) -> str:
    """The text of pages, in which blank lines part the blocks, as one Markdown text."""
    blocks = _paragraphs([[block for block in re.split(r"\n\s*\n", page) if block.strip()] for page in pages])
    found = []
    for i, block in enumerate(blocks):
        following = blocks[i + 1] if i + 1 < len(blocks) else ""
        numbered = _NUMBERED.match(block)
        next_number = _NUMBERED.match(following)
        # Behind a heading stands text, or a heading below it; behind one of a list's items stands the next.
        if numbered and following and (not next_number or next_number[1].startswith(f"{numbered[1]}.")):
            block = f"{'#' * min(6, 2 + numbered[1].count('.'))} {block}"
        elif i == 0 and following and len(block) <= _LONGEST_HEADING and "\n" not in block and block[-1] not in ".;:,":
            block = f"# {block}"
        found.append(block)
    return "\n\n".join(found)


def _paragraphs(pages: list[list[str]]) -> list[str]:
    """All blocks without running heads, feet and page numbers; a paragraph that a page ends in the middle is one."""
    edges = Counter(form for page in pages for form in {_form(block) for block in [*page[:2], *page[-2:]]})
    found: list[str] = []
    for page in pages:
        inner = [
            block
            for i, block in enumerate(page)
            if edges[_form(block)] < _REPEATED or not (i < 2 or i >= len(page) - 2)
        ]
        for i, block in enumerate(map(_one_block, inner)):
            goes_on = bool(found) and block[:1].islower()
            if goes_on and found[-1][-2:-1].isalpha() and found[-1].endswith("-"):
                found[-1] = found[-1][:-1] + block
            elif goes_on and i == 0 and found[-1][-1] not in ".!?:;…":
                found[-1] = f"{found[-1]} {block}"
            elif block:
                found.append(block)
    return found


def _form(block: str) -> str:
    return _DIGITS.sub("#", " ".join(block.split()))


def _one_block(block: str) -> str:
    """The lines of a block as one, or one for each item of a list."""
    text = joined(_UNKNOWN_GLYPH.sub("", block).strip())
    lines: list[str] = []
    for line in map(str.strip, text.split("\n")):
        item = _ITEM.match(line)
        if item or not lines:
            lines.append(f"- {line[item.end() :]}" if item and item[0] else line)
        else:
            lines[-1] += f" {line}"
    return "\n".join(" ".join(line.split()) for line in lines)
