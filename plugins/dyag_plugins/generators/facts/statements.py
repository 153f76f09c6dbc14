"""What the passages of a document state, in its own order, and what was left out, by its reason.

Rules can't read prose: what they take from it are questions that it answers itself, definitions, and what stands under
a heading or a label that is an attribute. In doubt nothing is stated, since a wrong fact costs more than a missing one.
"""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from dyag_core.api import first_sentence, fold, plain_text
from dyag_plugins.generators.facts.blocks import Section, sections_of
from dyag_plugins.generators.facts.faq import ANSWERS, LONGEST_ANSWER, QUESTIONS, Unfit, answered, as_question, pairs_in
from dyag_plugins.generators.facts.labels import is_remark, labels_in, states
from dyag_plugins.generators.facts.packs import label_key
from dyag_plugins.generators.facts.subjects import is_generic, is_name
from dyag_plugins.generators.facts.tables import cells_of, table_facts

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Iterator, Sequence

    from dyag_core.records import Document
    from dyag_plugins.generators.facts.blocks import Block

#: Reasons why something isn't asked about.
PROSE = "a section of running text"
REMARK = "a remark behind a colon"
ASIDE_LABEL = "a label in running text"
CUT = "a question whose answer goes on elsewhere"
NO_SUBJECT = "about a title that names nothing"
NO_ATTRIBUTE = "a table's column that isn't known as an attribute"

#: A section's text is the value of its heading up to this length.
LONGEST_SECTION = 500
#: So many characters of running text for each thing stated, and a document is prose.
_PROSE = 500
_LONGEST_HEADING_WORDS = 6
_OPTION = re.compile(r"^-{1,2}\w[\w-]*")
_ARTICLE = re.compile(r"^(?:l['’]|(?:le|la|les|un|une|the|an|a)\s+)", re.IGNORECASE)
#: The verb of a sentence that says what something is, or does; not what became of it, or what one can do with it.
_TELLS_WHAT = re.compile(
    r"^,?\s+(?:\([^)]*\)\s+)?(?!a ete|ont ete|has|have|was|were|sera|seront|will|peu|can|may|doi|must|should|n['’]|ne\b|et\b|and\b"
    r"|ou\b|or\b|de\b|du\b|des\b|d['’]|of\b|for\b|pour\b|a\b|au\b|aux\b|dans\b|in\b|with\b|avec\b|sur\b|on\b|en\b|qui\b|that\b|which\b)"
    r"[a-z]"
)
_DEFINES = re.compile(
    r"^,?\s+(?:\([^)]*\)\s*,?\s*)?(?:est|designe|consiste|correspond|is|means|refers)"
    r"\s+(?!pas\b|not\b|donc\b|deja\b|already\b|aussi\b|also\b)"
)
#: How a description begins that doesn't name what it describes.
_GENUS = re.compile(
    r"^(?:un|une|a|an|logiciel|application|outil|service|plateforme|bibliotheque|systeme|site|portail|framework|software"
    r"|tool|library|platform|web) [a-z]"
)


_DESCRIPTIONS = frozenset(("description", "definition", "presentation", "resume"))
#: What begins like this speaks to the reader, or of something that was named before.
_NO_DESCRIPTION = re.compile(
    r"^(?:ce|cet|cette|ces|il|elle|ils|elles|on|nous|vous|je|si|pour|this|these|it|they|you|we|if|to|see|voir|oui|non|yes|no"
    r"|pourquoi|qui|que|quoi|quel\w*|comment|what|why|who|how|[a-z]+ez|[a-z]{3,}(?:er|ir)|indique|permet|precise|contient)\b"
)


class Stated(NamedTuple):
    """Something stated. `subject` is "" where it is the document; see `Found` for `seen_as`."""

    chunk: str
    subject: str
    label: str
    value: str
    seen_as: str


def statements_of(document: Document, is_attribute: Callable[[str], bool], left: Counter[str]) -> Iterator[Stated]:
    """What the passages of `document` state.

    Args:
        is_attribute: whether a label is one that things are known to have; in running text no others are believed.
        left: counts what isn't stated, by its reason.
    """
    yield from _Reader(document, _parsed(document), is_attribute, left).statements()


def _parsed(document: Document) -> list[tuple[str, Section]]:
    """(chunk, section) throughout; a section that two passages share is marked at both ends."""
    parsed: list[tuple[str, Section]] = []
    goes_on = False
    chunks = document.chunks
    for at, chunk in enumerate(chunks):
        own = [section for section in sections_of(chunk.text) if section.blocks]
        below = chunks[at + 1].metadata.get("headings", []) if at + 1 < len(chunks) else None
        headings = chunk.metadata.get("headings", [])
        if own:
            own[0].fragment = goes_on
            if below is not None and headings and below[: len(headings)] == headings:
                own[-1].open_end = True
        goes_on = below is not None and bool(own) and below == headings and (bool(headings) or not own[0].level)
        parsed += [(chunk.id, section) for section in own]
    return parsed


class _Reader:
    """Reads the sections of one document."""

    def __init__(
        self,
        document: Document,
        read: list[tuple[str, Section]],
        is_attribute: Callable[[str], bool],
        left: Counter[str],
    ) -> None:
        self.read, self.is_attribute, self.left = read, is_attribute, left
        self.title, self.name = fold(document.title), document.title
        self.tops = {fold(section.heading) for _, section in read if section.level == 1}
        self.tops |= {fold(section.above[0]) for _, section in read if section.above and section.level > 1}
        self.labels = {id(block): list(labels_in(block)) for _, section in read for block in section.blocks}
        self.headings: dict[str, set[str]] = defaultdict(set)  # under which headings a label stands
        running, stated = 0, 1
        for _, section in read:
            for block in section.blocks:
                found = self.labels[id(block)]
                stated += len(found) or block.kind == "row"
                running += 0 if found or block.kind in ("row", "code") else len(block.text)
                for label, _ in found:
                    self.headings[label_key(label)].add(section.heading)
        self.prose = running > _PROSE * stated
        once = [label for label, headings in self.headings.items() if len(headings) == 1]
        self.record = not self.prose and len(once) == len(self.headings) and any(map(is_attribute, once))

    def statements(self) -> Iterator[Stated]:
        for chunk, section in self.read:
            asked = False
            for subject, label, value, seen_as in self._section(section):
                asked = True
                yield Stated(chunk, subject, label, value, seen_as)
            if not asked and any(block.kind in ("text", "item") for block in section.blocks):
                self.left[PROSE] += 1

    def _section(self, section: Section) -> Iterator[tuple[str, str, str, str]]:
        about = (*section.above, self.name) if self.name not in section.above else section.above
        if as_question(section.heading):
            yield from self._answered(section, section.heading, section.blocks, about, whole=True)
            return
        pairs = list(pairs_in(section))
        for at, (question, blocks) in enumerate(pairs):
            last = at == len(pairs) - 1
            yield from self._answered(section, question, blocks, (*about, section.heading), whole=last)
        if pairs:
            return
        rows = [block.text for block in section.blocks if block.kind == "row"]
        if rows:
            yield from self._table(rows)
        yield from self._labels(section)
        yield from self._text(section)

    def _answered(
        self, section: Section, question: str, blocks: Sequence[Block], about: Sequence[str], *, whole: bool
    ) -> Iterator[tuple[str, str, str, str]]:
        if whole and (section.open_end or section.fragment):
            self.left[CUT] += 1
            return
        try:
            found = answered(question, blocks, about)
        except Unfit as reason:
            self.left[str(reason)] += 1
        else:
            yield "", found.question, found.answer, "faq"

    def _table(self, rows: Sequence[str]) -> Iterator[tuple[str, str, str, str]]:
        cells = cells_of(rows)
        if not cells:
            return
        header = [label_key(plain_text(name)) for name in cells[0]]
        asks = next((n for n, name in enumerate(header) if name in QUESTIONS), None)
        tells = next((n for n, name in enumerate(header) if name in ANSWERS), None)
        if asks is not None and tells is not None:
            for row in cells[1:]:
                question = as_question(row[asks]) if len(row) == len(header) else ""
                if question and (answer := plain_text(row[tells])) and len(answer) <= LONGEST_ANSWER:
                    yield "", question, answer, "faq"
            return
        for subject, label, value in table_facts(cells):
            if label_key(label) not in _DESCRIPTIONS or _is_description(value):
                yield subject, label, value, "table"

    def _labels(self, section: Section) -> Iterator[tuple[str, str, str, str]]:
        about = self._is_about_title(section)
        glossary = not any(self.is_attribute(block.term) for block in section.blocks if block.term)
        led_in = False
        for block in section.blocks:
            found = self.labels[id(block)]
            for label, value in found:
                if block.kind == "term" and _OPTION.match(label):
                    yield "", label, value, "option"
                elif block.kind == "term" and glossary:
                    if is_name(label) and _is_description(value):
                        yield label, "Description", value, "sentence"
                elif is_remark(label):
                    self.left[REMARK] += 1
                elif not self._is_attribute(label, value, about=about, led_in=led_in or block.depth > 0):
                    self.left[ASIDE_LABEL] += 1
                elif len(self.headings[label_key(label)]) < 2 or about:
                    yield "", label, value, "label"
                elif self.is_attribute(label) and is_name(section.heading) and not self.is_attribute(section.heading):
                    yield section.heading, label, value, "label"
                else:
                    self.left["a label that stands under several headings"] += 1
            if block.kind == "text":
                led_in = not found and block.text.endswith(":") and len(block.text.split()) > 3

    def _is_attribute(self, label: str, value: str, *, about: bool, led_in: bool) -> bool:
        """Whether a label is one of the document's: known as one, or beside one that is known, in no running text."""
        if self.is_attribute(label):
            return about or not self.prose
        return self.record and not led_in and states(label, value)

    def _text(self, section: Section) -> Iterator[tuple[str, str, str, str]]:
        """What the running text of a section says: what something is, or the value of its heading."""
        blocks = [block for block in section.blocks if not self.labels[id(block)]]
        if not blocks or section.fragment or blocks[0].kind not in ("text", "item"):
            return
        first = first_sentence(plain_text(blocks[0].text)) if blocks[0].kind == "text" else ""
        if self._is_about_title(section):
            if first and is_name(self.name) and self._describes(first):
                yield "", "Description", first, "sentence"
            return
        if (term := _defined(first, section.heading)) and len(first) <= LONGEST_SECTION:
            yield term, "Description", first, "sentence"
            return
        label = section.heading.rstrip(" :.")
        attribute = self.is_attribute(label)
        if section.open_end or not attribute or is_generic(label) or len(label.split()) > _LONGEST_HEADING_WORDS:
            return
        text = _short_text(blocks)
        if text:
            yield "", label, text, "section"

    def _is_about_title(self, section: Section) -> bool:
        if not section.heading or fold(section.heading) == self.title:
            return True
        return section.level == 1 and len(self.tops) == 1

    def _describes(self, sentence: str) -> bool:
        """Whether a sentence, the first of a page, says what its title names."""
        if sentence[-1:] not in ".!…":
            return False
        folded = fold(sentence)
        own = folded.removeprefix("«").strip()
        own = own if own.startswith(self.title) else _ARTICLE.sub("", own)
        if own.startswith(self.title):
            return _TELLS_WHAT.match(own[len(self.title) :]) is not None
        return not self.prose and _GENUS.match(folded) is not None


def _is_description(value: str) -> bool:
    """Whether a cell or a definition says what something is, in a few words at least."""
    return len(value.split()) > 1 and _NO_DESCRIPTION.match(fold(plain_text(value))) is None


def _defined(sentence: str, heading: str) -> str:
    """The term, with its article, of a sentence that defines what a heading names; "" for any other sentence."""
    if not heading or not sentence.endswith(".") or not is_name(heading):
        return ""
    article = _ARTICLE.match(sentence)
    start = article.end() if article else 0
    bare = _ARTICLE.sub("", heading)
    folded, own = fold(sentence[start:]), fold(bare)
    if not folded.startswith(own) or not _DEFINES.match(folded[len(own) :]):
        return ""
    term = sentence[: start + len(bare)]
    return term[:1].lower() + term[1:] if article else heading


def _short_text(blocks: Sequence[Block]) -> str:
    """Blocks as one line, where they are short and whole: sentences, or a list."""
    if any(block.kind not in ("text", "item") or block.depth for block in blocks):
        return ""
    parts = [plain_text(block.text) for block in blocks]
    if sum(map(len, parts)) > LONGEST_SECTION or not any(map(str.isalnum, "".join(parts))):
        return ""
    text = ""
    for at, (block, part) in enumerate(zip(blocks, parts, strict=True)):
        if part.endswith(":") and (at + 1 == len(blocks) or blocks[at + 1].kind != "item"):
            return ""
        if block.kind == "item":
            part = part.rstrip(" ;,.")
            text += f", {part}" if at and blocks[at - 1].kind == "item" else f" {part}"
        else:
            text += f" {part}"
    return text.strip()
