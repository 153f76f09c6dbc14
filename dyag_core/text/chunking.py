"""Cut Markdown or plain text into passages: at its headings, then at blocks and sentences, to a size limit.

A passage begins with the headings above it, so that it makes sense where it stands alone: in a search result, in a
prompt, before a generator. Sections are cut apart from each other, so a change in one leaves the others as they were.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import chain, pairwise
from typing import TYPE_CHECKING

from dyag_core.text.sentences import sentences

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

HEADING = re.compile(r"(#{1,6})\s+(\S.*)")
_UNDERLINE = re.compile(r"^(=+|-{2,})\s*$")
_FENCE = re.compile(r"^\s{0,3}(```+|~~~+)")
TABLE_ROW = re.compile(r"^\s*\|.*\|\s*$")
TABLE_RULE = re.compile(r"^\s*\|[\s:|]*-[\s:|-]*\|\s*$")
_ITEM = re.compile(r"^\s{0,3}(?:[-*+•]|\d{1,3}[.)])\s+")
_WORD = re.compile(r"\S+\s*|\s+")


@dataclass(frozen=True)
class Chunking:
    """How to cut.

    Args:
        size: the longest passage, headings included, in the unit of `measure`.
        measure: length of a text: `len` counts characters, a tokenizer's length counts tokens.
        overlap: so many sentences of a passage are repeated at the beginning of the next one of its section.
    """

    size: int = 2000
    measure: Callable[[str], int] = len
    overlap: int = 0


@dataclass(frozen=True)
class Passage:
    """A piece of a document, and the titles of the headings it stands under, outermost first."""

    text: str
    headings: tuple[str, ...]


@dataclass(frozen=True)
class _Piece:
    text: str
    prose: bool
    new_block: bool


def cut(text: str, chunking: Chunking) -> Iterator[Passage]:
    """The passages of `text`, in order; none where it is blank.

    Fenced code and tables are kept whole where they fit, else cut between lines: each part of a table has its header,
    each part of a code block its fences. A word longer than the limit is cut at the limit.
    """
    sections = list(_sections(text))
    for i, (path, body) in enumerate(sections):
        below = sections[i + 1][0] if i + 1 < len(sections) else ()
        if not body.strip() and (not path or below[: len(path)] == path):
            continue  # nothing under this heading but further headings, which repeat it
        headings = tuple(heading_title(line) for line in path)
        for passage in _section_passages(path, body, chunking):
            yield Passage(passage, headings)


def first_heading(text: str) -> str:
    """The title of the first heading outside code, "" where there is none."""
    for line, level in _levels(text):
        if level:
            return " ".join(heading_title(line).split())
    return ""


def _sections(text: str) -> Iterator[tuple[tuple[str, ...], str]]:
    """(heading lines from the outermost to its own, text below it up to the next heading)."""
    path: tuple[str, ...] = ()
    body: list[str] = []
    for line, level in _levels(text):
        if not level:
            body.append(line)
            continue
        if path or any(map(str.strip, body)):
            yield path, "\n".join(body)
        path = (*(outer for outer in path if _level(outer) < level), line)
        body = []
    yield path, "\n".join(body)


def _levels(text: str) -> Iterator[tuple[str, int]]:
    """Each line with its level as a heading, 0 for none; underlined headings become lines with "#"."""
    lines = text.split("\n")
    fence = ""
    i = 0
    while i < len(lines):
        line = lines[i]
        mark = _FENCE.match(line)
        if mark and (not fence or mark[1].startswith(fence)):
            fence = "" if fence else mark[1]
        underline = _UNDERLINE.match(lines[i + 1]) if i + 1 < len(lines) and not fence and not mark else None
        alone = not i or not lines[i - 1].strip()
        if underline and alone and line.strip() and not _ITEM.match(line) and not _level(line):
            level = 1 if underline[1][0] == "=" else 2
            yield f"{'#' * level} {line.strip()}", level
            i += 2
            continue
        yield line, 0 if fence or mark else _level(line)
        i += 1


def _level(line: str) -> int:
    """1 to 6 for a heading, 0 for any other line."""
    heading = HEADING.match(line)
    return len(heading[1]) if heading else 0


def heading_title(line: str) -> str:
    """What a heading says, without the marks that may close it: "## Two ##", but "# C#"."""
    said = line.lstrip("#").strip()
    open_end = said.rstrip("#")
    return open_end.rstrip() if open_end != said and open_end[-1:].isspace() else said


# --- one section ------------------------------------------------------------------------------------------------------


def _section_passages(path: Sequence[str], body: str, chunking: Chunking) -> Iterator[str]:
    measure, size = chunking.measure, chunking.size
    prefix = _prefix(path, chunking)
    if not prefix and not body.strip() and path:
        body = heading_title(path[-1])  # too long a heading to stand above anything, with nothing below it
    room = max(1, size - measure(prefix))
    held: list[_Piece] = []
    for block in _blocks(body.split("\n")):
        for piece in _pieces(block, room, measure):
            if held and measure(prefix + _joined([*held, piece])) > size:
                yield prefix + _joined(held)
                held = _repeated(held, chunking.overlap)
                if held and measure(prefix + _joined([*held, piece])) > size:
                    held = []
            held.append(piece)
    if held or prefix:
        yield (prefix + _joined(held)).strip()


def _prefix(path: Sequence[str], chunking: Chunking) -> str:
    """The heading lines above a passage; only the nearest, or none, where they would take half of the room."""
    for kept in (path, path[-1:]):
        prefix = "".join(f"{line}\n\n" for line in kept)
        if chunking.measure(prefix) <= chunking.size // 2:
            return prefix
    return ""


def _joined(pieces: Sequence[_Piece]) -> str:
    text = ""
    for piece in pieces:
        text = f"{text.rstrip()}\n\n{piece.text}" if piece.new_block and text else text + piece.text
    return text.rstrip()


def _repeated(held: Sequence[_Piece], count: int) -> list[_Piece]:
    """The last sentences of a passage, to begin the next one with; none after code or a table."""
    if not count or not held[-1].prose:
        return []
    last_block: list[_Piece] = []
    for piece in reversed(held):
        last_block.insert(0, piece)
        if piece.new_block:
            break
    ends = list(sentences(_joined(last_block)))[-count:]
    return [_Piece(f"{''.join(ends)} ", prose=True, new_block=True)]


def _blocks(lines: Sequence[str]) -> Iterator[list[str]]:
    """Fenced code, tables, and paragraphs or lists (up to a blank line), as lists of lines."""
    block: list[str] = []
    fence = ""
    table = False
    for line in lines:
        mark = _FENCE.match(line)
        if fence:
            block.append(line)
            if mark and mark[1].startswith(fence):
                yield block
                block, fence = [], ""
            continue
        row = bool(TABLE_ROW.match(line))
        if block and (mark or not line.strip() or row != table):
            yield block
            block = []
        table = row
        if mark:
            fence = mark[1]
        if line.strip():
            block.append(line.rstrip())
    if block:
        yield block


def _pieces(block: list[str], room: int, measure: Callable[[str], int]) -> Iterator[_Piece]:
    """A block whole if it fits, else in parts that do."""
    text = "\n".join(block)
    fence, table = _FENCE.match(block[0]), TABLE_ROW.match(block[0])
    if measure(text) <= room:
        yield _Piece(text, prose=not (fence or table), new_block=True)
    elif fence:
        closed = block[-1:] if len(block) > 1 and _FENCE.match(block[-1]) else []
        lines = block[1 : len(block) - len(closed)]
        yield from _groups(lines, block[:1], closed or [fence[1]], room, measure)
    elif table:
        header = 2 if len(block) > 1 and TABLE_RULE.match(block[1]) else 0
        yield from _groups(block[header:], block[:header], [], room, measure)
    else:
        for i, part in enumerate(_prose_parts(block, room, measure)):
            yield _Piece(part, prose=True, new_block=i == 0)


def _groups(
    lines: Sequence[str], above: list[str], below: list[str], room: int, measure: Callable[[str], int]
) -> Iterator[_Piece]:
    """As many lines as fit, again and again, each time between `above` and `below`."""
    if measure("\n".join([*above, *below])) > room // 2:  # too much to repeat
        lines, above, below = [*above, *lines, *below], [], []
    inner = max(1, room - measure("\n".join([*above, "", *below])))
    group: list[str] = []
    for line in chain.from_iterable(_short_enough(long, inner, measure) for long in lines):
        if group and measure("\n".join([*above, *group, line, *below])) > room:
            yield _Piece("\n".join([*above, *group, *below]), prose=False, new_block=True)
            group = []
        group.append(line)
    if group:
        yield _Piece("\n".join([*above, *group, *below]), prose=False, new_block=True)


def _prose_parts(block: Sequence[str], room: int, measure: Callable[[str], int]) -> Iterator[str]:
    """List items where the block is a list, then sentences, then words."""
    starts = [i for i, line in enumerate(block) if i == 0 or _ITEM.match(line)] + [len(block)]
    for start, end in pairwise(starts):
        item = "\n".join(block[start:end]) + ("\n" if end < len(block) else "")
        for sentence in [item] if measure(item) <= room else sentences(item):
            yield from _short_enough(sentence, room, measure)


def _short_enough(text: str, room: int, measure: Callable[[str], int]) -> Iterator[str]:
    """`text`, or parts of it cut between words, or within a word that is too long by itself."""
    if measure(text.rstrip()) <= room:
        yield text
        return
    part = ""
    for word in _WORD.findall(text):
        if part and measure((part + word).rstrip()) > room:
            yield part
            part = ""
        while measure(word.rstrip()) > room and len(word) > 1:
            fitting = _longest_start(word, room, measure)
            yield word[:fitting]
            word = word[fitting:]
        part += word
    if part:
        yield part


def _longest_start(word: str, room: int, measure: Callable[[str], int]) -> int:
    """How many characters of `word` fit, at least one; by bisection, as more characters are never shorter."""
    low, high = 1, len(word)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if measure(word[:middle]) <= room else (low, middle - 1)
    return low
