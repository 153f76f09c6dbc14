"""A web page made simple before it becomes Markdown: its own text, tables without spans, plain headings and lists.

Word files come this way too, once mammoth has made HTML of them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dyag_core.documents.boilerplate import remove_boilerplate
from dyag_core.text.grids import has_header, joined_header

if TYPE_CHECKING:
    from bs4 import BeautifulSoup, Tag

_ANCHORS = ("¶", "#", "§", "🔗")
_FOOTNOTE = re.compile(r"\[?(?:\d{1,3}|[a-z]|note \d+)\]?", re.IGNORECASE)
_HERE, _ELSEWHERE = re.compile(r"^#|[^/]#cite|#fn"), re.compile(r"^https?://\S+$")
_ITEM = "\x00"  # stands before an item of a list, and in no text
#: More is no span but a mistake, or an attack.
_LARGEST_SPAN = 100


def page_of(raw: bytes) -> BeautifulSoup:
    """The parsed page: UTF-8 whatever it declares, where it is; else the declared encoding, or Windows-1252."""
    from bs4 import BeautifulSoup

    try:
        return BeautifulSoup(raw.decode("utf-8"), "html.parser")
    except UnicodeDecodeError:
        return BeautifulSoup(raw, "html.parser")


def own_text(page: BeautifulSoup) -> Tag:
    """The part of a page that is its own text, without menus, footers, cookie notices and what isn't shown."""
    body = page.find("main") or page.find(attrs={"role": "main"}) or _only_article(page) or page.body or page
    remove_boilerplate(body)
    return body


def simplify(body: Tag, page: BeautifulSoup, *, headed: bool = False) -> None:
    """Headings without anchors, terms with their meanings, no footnote marks, and tables of rows and columns alone.

    Args:
        headed: a table's first row is its header where nothing says otherwise, as in Word.
    """
    for mark in body.find_all("sup"):
        if _FOOTNOTE.fullmatch(mark.get_text().strip()) and mark.find("a", href=_HERE):
            mark.decompose()
    for link in body.select("h1 a, h2 a, h3 a, h4 a, h5 a, h6 a"):
        if link.get_text().strip() in _ANCHORS:
            link.decompose()
        else:
            link.unwrap()  # an anchor to itself, as documentation tools write it
    for link in body.find_all("a"):
        del link["title"]
        if not _ELSEWHERE.match(str(link.get("href", ""))):
            link.unwrap()  # to a page of the same site: its address says nothing to a reader of this one alone
    for image in body.find_all("img"):
        if not str(image.get("alt", "")).strip():
            image.decompose()
    for summary in body.find_all("summary"):  # what opens: a question, mostly
        summary.name = "strong"
        summary.wrap(page.new_tag("p"))
    for term in body.find_all("dt"):
        _join_terms(term)
    for table in reversed(body.find_all("table")):  # inner ones first
        _simplify_table(table, page, headed=headed)


def _only_article(page: BeautifulSoup) -> Tag | None:
    articles = page.find_all("article")
    return articles[0] if len(articles) == 1 and articles[0].find(["h1", "h2"]) else None


def _join_terms(term: Tag) -> None:
    """Terms that share a meaning ("-b", "--branches") as one."""
    following = term.find_next_sibling()
    while following is not None and following.name == "dt":
        term.append(", ")
        term.extend(list(following.contents))
        following.decompose()
        following = term.find_next_sibling()


# --- tables -----------------------------------------------------------------------------------------------------------


def _simplify_table(table: Tag, page: BeautifulSoup, *, headed: bool) -> None:
    """A table with a header row and a cell for each row and column; tables in its cells stand behind it."""
    for inner in reversed(table.find_all("table")):
        table.insert_after(inner.extract())
    rows = list(table.find_all("tr"))
    labels = _labels_first(rows)
    grid, heads = _grid(rows)
    if not grid or table.get("role") == "presentation":
        return
    caption = table.caption.extract() if table.caption else None
    while heads > 1 and len(set(grid[0])) == 1 < len(grid[0]):
        grid, heads = grid[1:], heads - 1  # a title over the whole width, above the header
    header, body = _header(grid, heads or int(headed and not labels))
    table.clear()
    for cells, name in [(header, "th"), *((row, "td") for row in body)]:
        line = page.new_tag("tr")
        for cell in cells:
            tag = page.new_tag(name)
            tag.string = cell.replace("|", "\\|")
            line.append(tag)
        table.append(line)
    if caption is not None:
        caption.name = "p"
        table.insert_before(caption)


def _labels_first(rows: list[Tag]) -> bool:
    """Whether the first cell of each row is a label, a heading or in bold, and those beside it are not."""
    cells = [row.find_all(["td", "th"], recursive=False) for row in rows]
    return all(_is_label(row[0]) and not any(map(_is_label, row[1:])) for row in cells if row)


def _is_label(cell: Tag) -> bool:
    bold = cell.find(["strong", "b"])
    return cell.name == "th" or (bold is not None and bold.get_text().strip() == cell.get_text().strip() != "")


def _header(grid: list[list[str]], heads: int) -> tuple[list[str], list[list[str]]]:
    """(names of the columns, rows): blank names for labels and values without a header."""
    if not heads:
        return (grid[0], grid[1:]) if len(grid[0]) > 2 and has_header(grid) else ([""] * len(grid[0]), grid)
    header = grid[0]
    for row in grid[1:heads]:
        header = list(joined_header(header, row))
    return header, grid[heads:]


def _grid(rows: list[Tag]) -> tuple[list[list[str]], int]:
    """(the text of each cell, spans filled with what they span; how many header rows stand above)."""
    grid: list[list[str]] = []
    heads, in_head = 0, True
    below: dict[int, tuple[int, str]] = {}  # column -> rows that a cell still spans, its text
    for row in rows:
        cells = row.find_all(["td", "th"], recursive=False)
        labels = len(cells) > 1 and all(map(_is_label, cells))
        line: list[str] = []
        for cell in [*cells, None]:
            while (spanned := below.get(len(line))) is not None:
                left, text = spanned
                below[len(line)] = (left - 1, text)
                if left <= 1:
                    del below[len(line)]
                line.append(text)
            if cell is None:
                break
            text = _cell_text(cell)
            across, down = _span(cell, "colspan"), _span(cell, "rowspan")
            for _ in range(across):
                if down > 1:
                    below[len(line)] = (down - 1, text)
                line.append(text)
        if not any(line):
            continue
        named = row.parent is not None and row.parent.name == "thead"
        in_head = in_head and bool(cells) and (named or labels)
        heads += in_head
        grid.append(line)
    width = max(map(len, grid), default=0)
    return [[*line, *[""] * (width - len(line))] for line in grid], heads


def _span(cell: Tag, name: str) -> int:
    value = str(cell.get(name, "1"))
    return min(max(int(value), 1), _LARGEST_SPAN) if value.isdecimal() else 1


def _cell_text(cell: Tag) -> str:
    """A cell on one line: items of its lists divided by commas, its links as they are written."""
    for link in cell.find_all("a", href=_ELSEWHERE):
        link.string = f"[{' '.join(link.get_text().split())}]({link['href']})" if link.get_text().strip() else ""
    for block in cell.find_all(["p", "div", "ul", "ol", "li"]):
        block.insert_before("\n")
        block.insert(0, _ITEM if block.name == "li" else "")
        block.append("\n")
    for line in cell.find_all("br"):
        line.replace_with("\n")
    text = ""
    for line in (" ".join(line.split()) for line in cell.get_text().split("\n")):
        said = line.removeprefix(_ITEM).strip()
        if text and said:
            another = text[-1] not in ".,:;!?" and (line != said or said[0].isupper() or said[0].isdigit())
            text += ", " if another else " "
        text += said
    return text
