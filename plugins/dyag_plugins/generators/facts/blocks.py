"""A passage as its sections, and a section as its blocks: paragraphs put together, list items, terms, tables, the rest.

A line break means nothing in a paragraph: text is wrapped by hand, by mail programs, by PDF. So what follows reads
blocks, never lines. Code, quotations and side remarks are told apart from what the document itself says.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Literal, NamedTuple

from dyag_core.api import HEADING, TABLE_ROW, heading_title, plain_text, without_pictographs

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

Kind = Literal["text", "item", "table", "term", "code", "aside"]

_FENCE = re.compile(r"^\s*(```+|~~~+)")
BULLET = re.compile(r"^(\s*)(?:[-*+•▪◦‣]|\d{1,3}[.)])\s+")
_CODE_INDENT = re.compile(r"^(?: {4}|\t)")
_DEFINITION = re.compile(r"^\s{0,3}:\s+(\S.*)$")
#: Side remarks: fenced ("::: tip"), indented ("!!! note"), quoted ("> [!NOTE]"), as directives (".. note::").
_ASIDE_FENCE = re.compile(r"^\s*:{3,}\s*(\S?)")
_ASIDE = re.compile(r"^\s{0,3}(?:!!!|\?\?\?\+?)\s|^\s{0,3}\.\. [\w-]+::")
_MODULE = re.compile(r"^(?:import\s.*\bfrom\s+['\"]|import\s+['\"]|export\s+(?:default|const|function|let)\b)")
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)|\{/\*.*?(?:\*/\}|\Z)", re.DOTALL)
_SUMMARY = re.compile(r"<summary[^>]*>(.*?)</summary>", re.DOTALL | re.IGNORECASE)
_TAG_START = re.compile(r"^\s*</?[A-Za-z][\w.-]*(?=[\s>/]|$)")
_TAG_LINE = re.compile(r"^\s*(?:</?[A-Za-z][\w.-]*(?:\s(?:[^<>{}]|\{[^{}]*\}|\{\{[^{}]*\}\}|=>)*)?/?>\s*)+$")
LINK_ALONE = re.compile(r"^\W{0,3}!?\[[^\]]*\]\([^)]*\)\W{0,3}$|^<?https?://\S+>?$")
#: Footnotes, and the addresses of links: "[link-2]: https://..."
_FOOTNOTE = re.compile(r"^\s{0,3}\[\^?[^\]]+\]:(?:\s|$|https?:|[/#.])")
#: Tags of site generators alone on a line; what some of them hold are cards, files and films, no text.
_TEMPLATE_LINE = re.compile(r"^\s*(?:\{%.*%\}|\{\{.*\}\}|<%.*%>)\s*\\?$")
#: A card leads to another page: where it stood, something is missing.
CARD = "{% card %}"
#: One of several texts that stand in one place by turns; without its title nobody knows which.
_TAB = re.compile(r"^\s*\{%\s*tab\b")
_CARD, _CARD_END = re.compile(r"^\s*\{%\s*content-ref\b"), re.compile(r"^\s*\{%\s*endcontent-ref\b")
_NOT_OWN = re.compile(r"^\s*(?:[<>:!?.{]|\[[^\]]+\]:|import|export)", re.MULTILINE)
_BULLETS = frozenset("-*+•▪◦‣")
_CLOSED_BY_BLANK = ("text", "aside", "table")
_SAYS = re.compile(r"[^\W_]")
#: A definition of more words is no part of a list.
_LONGEST_PART = 4


class Block(NamedTuple):
    """A piece of a section. `text` keeps its inline markup; `lines` are those of a paragraph as they stand.

    For a "term" `text` is what is said of it and `term` the term.
    """

    kind: Kind
    text: str
    lines: tuple[str, ...] = ()
    term: str = ""
    depth: int = 0


@dataclass
class Section:
    """A heading, plain, and the blocks below it up to the next heading. `level` is 0 before the first heading.

    `open_end`: further headings below it, or the next passage, go on with it. `fragment`: an earlier passage began it.
    """

    heading: str
    level: int
    above: tuple[str, ...] = ()
    blocks: list[Block] = field(default_factory=list)
    open_end: bool = False
    fragment: bool = False


def sections_of(text: str) -> list[Section]:
    """The sections of a passage, in order."""
    if "<!--" in text or "{/*" in text:
        text = _COMMENT.sub("", text)
    if "<summary" in text:
        text = _SUMMARY.sub(lambda found: f"\n\n**{plain_text(found[1])}**\n\n", text)
    mixed = _NOT_OWN.search(text) is not None
    fences, fence = "```" in text or "~~~" in text, ""
    found: list[Section] = []
    path: list[tuple[int, str]] = []
    section, body = Section("", 0), list[str]()
    for line in text.split("\n"):
        if fences and (mark := _FENCE.match(line)) and (not fence or mark[1].startswith(fence)):
            fence = "" if fence else mark[1]
        heading = HEADING.match(line) if line[:1] == "#" and not fence else None
        if heading is None and line != "# ":
            body.append(line)
            continue
        if any(body) or section.heading:
            section.blocks = _blocks(body, mixed=mixed)
            found.append(section)
        level = len(heading[1]) if heading else 0
        path = [outer for outer in path if outer[0] < level]
        said = without_pictographs(plain_text(heading_title(line))).strip(" :") if heading else ""
        section, body = Section(said, level, tuple([title for _, title in path])), []
        path.append((level, said))
    section.blocks = _blocks(body, mixed=mixed)
    found.append(section)
    for one, following in pairwise(found):
        one.open_end = following.level > one.level > 0
    return [one for one in found if one.heading or one.blocks]


def _blocks(lines: Sequence[str], *, mixed: bool) -> list[Block]:
    """The blocks of a section; a list of links alone (a menu, a table of contents) is none of them."""
    blocks = _with_lists(_read(_own_lines(lines) if mixed else lines))
    if not any(block.text[:1] in "[<h!" and block.kind == "item" for block in blocks):
        return blocks
    return [block for at, block in enumerate(blocks) if not _is_menu(blocks, at)]


def _with_lists(blocks: list[Block]) -> list[Block]:
    """Blocks in which short values of one term, each a definition of its own, are one list."""
    joined: list[Block] = []
    for block in blocks:
        last = joined[-1] if joined else None
        if last and block.kind == "term" and block.term == last.term and _is_part(last.text) and _is_part(block.text):
            joined[-1] = last._replace(text=f"{last.text}, {block.text}", lines=(*last.lines, *block.lines))
        else:
            joined.append(block)
    return joined


def _is_part(text: str) -> bool:
    return len(text.rpartition(", ")[2].split()) <= _LONGEST_PART and text[-1:] not in ".!?"


def _is_menu(blocks: Sequence[Block], at: int) -> bool:
    """Whether the block `at` is an item of a list whose items are all links."""
    if blocks[at].kind != "item" or not LINK_ALONE.match(blocks[at].text):
        return False
    start = end = at
    while start and blocks[start - 1].kind == "item":
        start -= 1
    while end < len(blocks) and blocks[end].kind == "item":
        end += 1
    return all(LINK_ALONE.match(block.text) for block in blocks[start:end])


class _Reader:
    """The blocks that were read, and the one that stands open."""

    def __init__(self) -> None:
        self.blocks: list[Block] = []
        self.open("text")

    def open(self, kind: Kind, *lines: str, depth: int = 0, term: str = "") -> None:
        """Begin another block."""
        self.kind, self.lines, self.depth, self.term = kind, list(lines), depth, term

    def close(self) -> None:
        """Keep the open block, if it says anything."""
        lines = self.lines
        if not lines:
            return
        if len(lines) == 1:
            text = lines[0].strip() if self.kind != "code" else lines[0]
        else:
            text = "\n".join(lines) if self.kind == "code" else " ".join(map(str.strip, lines))
        if _SAYS.search(text):
            self.blocks.append(Block(self.kind, text, tuple(lines), self.term, self.depth))
        self.kind, self.lines, self.term = "text", [], ""


def _own_lines(lines: Iterable[str]) -> Iterator[str]:
    """The lines that are the text's own: no side remarks, no tags that stand alone, no imports of a page's parts.

    What is left out leaves a blank line, so that paragraphs around it stay apart.
    """
    fence, aside, in_tag, below_aside, in_card = "", 0, False, False, False
    for line in lines:
        said = line.strip()
        if _TAB.match(line):
            yield CARD
            continue
        if in_card or _CARD.match(line):
            yield "" if in_card else CARD
            in_card = not _CARD_END.match(line)
        elif fence or in_tag or not said:
            if fence and said.startswith(fence) and not said.strip(fence[0]):
                fence = ""
            if not in_tag:
                yield line
            in_tag = in_tag and not said.endswith(">")
        elif mark := _FENCE.match(line):
            fence = mark[1]
            yield line
        elif div := _ASIDE_FENCE.match(line):
            aside = aside + 1 if div[1] else max(0, aside - 1)
            yield ""
        elif aside or (below_aside and line[0] in " \t"):
            continue
        elif _ASIDE.match(line) or _FOOTNOTE.match(line):
            below_aside = True
            yield ""
        elif _TAG_LINE.match(line) or _TEMPLATE_LINE.match(line) or _MODULE.match(line):
            yield ""
        elif _TAG_START.match(line) and ">" not in said:
            in_tag = True
            yield ""
        else:
            below_aside = False
            yield line


def _read(lines: Iterable[str]) -> list[Block]:
    """The blocks of lines. What a line can be is told by its first sign, before any expression is tried."""
    reader, fence, blank = _Reader(), "", True
    for line in lines:
        said = line.strip()
        if fence:
            if said.startswith(fence) and not said.strip(fence[0]):
                fence = ""
                reader.close()
                reader.open("text")
            else:
                reader.lines.append(line)
            continue
        if not said:
            blank = True
            if reader.kind in _CLOSED_BY_BLANK:
                reader.close()
            continue
        first = said[0]
        indented = line[0] in " \t"
        as_code = indented and _CODE_INDENT.match(line) is not None
        listed = not (as_code and blank and not reader.lines) and (first in _BULLETS or first.isdigit())
        if first in "`~" and (mark := _FENCE.match(line)):
            reader.close()
            reader.open("code")
            fence = mark[1]
        elif first == "|" and TABLE_ROW.match(line):
            if reader.kind != "table":
                reader.close()
                reader.open("table")
            reader.lines.append(said)
        elif not first.isalnum() and not _SAYS.search(said):  # a rule line, or an ornament
            reader.close()
        elif listed and (bullet := BULLET.match(line)):
            reader.close()
            reader.open("item", line[bullet.end() :], depth=len(bullet[1].expandtabs(4)) // 2)
        elif first == ":" and (defined := _DEFINITION.match(line)) and (term := _term_before(reader)):
            if reader.kind == "term":
                reader.close()
            reader.open("term", defined[1], term=term)
        elif first == ">":
            if reader.kind != "aside":
                reader.close()
                reader.open("aside")
            reader.lines.append(said.lstrip("> "))
        elif reader.lines and (indented or not blank) and reader.kind != "table" and (reader.kind != "code" or as_code):
            reader.lines.append(line)
        else:
            reader.close()
            reader.open("code" if as_code and blank else "text", line)
        blank = False
    reader.close()
    return reader.blocks


def _term_before(reader: _Reader) -> str:
    """The term that a definition belongs to: the one line before it, or that of the definition before it."""
    if reader.kind == "text" and len(reader.lines) == 1:
        return reader.lines[0].strip()
    return reader.term
