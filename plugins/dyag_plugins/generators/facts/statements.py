"""What the passages of a document state, in its own order, and what was left out, by its reason.

Rules can't read prose: what they take from it are questions that it answers itself, definitions, and what stands under
a heading or a label that is an attribute. In doubt nothing is stated, since a wrong fact costs more than a missing one.
"""

from __future__ import annotations

import re
from collections import defaultdict
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from dyag_core.api import first_sentence, fold, plain_text
from dyag_plugins.generators.facts.blocks import Section, sections_of
from dyag_plugins.generators.facts.descriptions import (
    article_of,
    defined,
    describes,
    is_description,
    repeats,
    short_text,
)
from dyag_plugins.generators.facts.faq import ANSWERS, LONGEST_ANSWER, QUESTIONS, Unfit, answered, as_question, pairs_in
from dyag_plugins.generators.facts.label_text import CALENDAR, is_placeholder
from dyag_plugins.generators.facts.labels import is_remark, labels_in, points_away, states
from dyag_plugins.generators.facts.packs import label_key
from dyag_plugins.generators.facts.subjects import is_generic, is_name
from dyag_plugins.generators.facts.tables import cells_of, names_in_code, table_facts

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from dyag_core.records import Document
    from dyag_plugins.generators.facts.blocks import Block

#: Reasons why something isn't asked about.
PROSE = "a section of running text"
REMARK = "a remark behind a colon"
ASIDE_LABEL = "a label in running text"
CUT = "a question whose answer goes on elsewhere"
NO_SUBJECT = "about a title that names nothing"
NO_ATTRIBUTE = "a table's column that isn't known as an attribute"

#: So many characters of running text for each thing stated, and a document is prose.
_PROSE = 500
_LONGEST_HEADING_WORDS = 6
#: A text with more headings is a page, whose labels may be anything's; of a long section its heading is no label.
_FEWEST_HEADINGS, _LONGEST_SECTION = 3, 200
#: "III", "12", "b": the rows are numbered, not named; "beaucoup" is a word, no name of anything.
_NO_ROW = re.compile(
    r"[IVXLC\d.]+|0[bx][\da-fA-F]+|\d+(?:-\d+)? ?\(.*\)|.|\W+|[a-zà-ÿ]+|(?i:any|all|both|none|others?|default"
    r"|.*\bor (?:newer|later|higher|above|more|less)\b.*)"
)
#: Parameters and functions: what they are for is told by the section, not by their names.
_CODE = re.compile(r"[a-z][\w.]*\(\)|[a-z]+(?:_\w+)+|[a-z]+(?:[A-Z]\w*)+|[a-z]+\.[a-z.]+")
#: A mark with a remark behind it is yes and no, an hourglass not yet; a question answers nothing, nor does code.
_NO_CELL = re.compile(r"^[⌛⏳🚧🔜]|^[✔✓✅☑✘✗✖❌☐]\W*\w|\?$|^[\w.:]+\([^()\s]*(?:, [^()\s]*)*\)+$")
#: The rows of a table with such a header are sentences ("Agency gathers signatures"), or parts of one thing's team.
_OF_STEPS = frozenset(
    "action activite activity depense etape milestone poste process question ressource role step tache task"
    " what".split()
)
#: Two columns, of codes and of what they stand for.
_LEGEND = re.compile(r"[`*]*[A-Z0-9]{1,5}[`*]*")
#: A sentence on what the label names is no value of it: "Places API: This is a data set."
_SPEAKS_OF_IT = re.compile(r"(?:this|it|these|they|that|ce|cette|ces|il|elle|ils|elles|cela) [a-z]", re.IGNORECASE)
_LEADS_IN = re.compile(r"(?:\S+\s+){3}\S+:$|\b(?:is|are|sont|est)\s*:$", re.IGNORECASE)
_OPTION = re.compile(r"^-{1,2}\w[\w-]*")
_LINK_ADDRESS = re.compile(r"^ {0,3}\[([^\[\]^]+)\]: ", re.MULTILINE)
#: "le personnel", "l'arrêt", "the audience": a noun that isn't a name.
_NOUN_USED = re.compile(
    r"(?:\b(?:le|la|les|un|une|des|du|au|aux|ce|cet|cette|ces|son|sa|ses|leurs?|notre|nos|votre|vos|chaque|the|an?|this"
    r"|each|every|your|our|their)\s|\b[ld]['’])([a-zà-ÿ]+)\b"
)
#: "Tâche concernée et recommandation" asks for two things.
_TWO_THINGS = re.compile(r"\b(?:et|and)\b")
#: What a column of such a name holds is told by its values.
_COLUMNS = frozenset("nom name titre title libelle intitule date numero number code identifiant id".split())
DESCRIPTIONS = frozenset(
    "abstract accroche chapo deck definition description excerpt overview presentation resume subtitle summary tagline"
    " teaser".split()
) | {"a propos", "description courte", "short description", "sous titre"}
#: Headings of parts of a text that are labels of attributes, too.
_PARTS = frozenset(
    "usage usages use introduction utilisation version versions date dates support help assistance email mail "
    "updates".split()
)


class Stated(NamedTuple):
    """Something stated. `subject` is "" where it is the document; see `Found` for `seen_as`."""

    chunk: str
    subject: str
    label: str
    value: str
    seen_as: str


def reader_of(
    document: Document, is_attribute: Callable[[str], bool], has_question: Callable[[str], bool], left: Counter[str]
) -> Reader:
    """What reads off the passages of `document` what they state.

    Args:
        is_attribute: whether a label is one that things are known to have; no others are believed in running text.
        has_question: whether there is a question for it: no others are believed as headings in running text.
        left: counts what isn't stated, by its reason.
    """
    return Reader(document, _parsed(document), is_attribute, has_question, left)


def _parsed(document: Document) -> list[tuple[str, Section]]:
    """(chunk, section) throughout; a section that two passages share is marked at both ends."""
    parsed: list[tuple[str, Section]] = []
    goes_on = False
    chunks = document.chunks
    named = _link_names(chunk.text for chunk in chunks)
    for at, chunk in enumerate(chunks):
        text = named.sub(r"\1", chunk.text) if named else chunk.text
        own = [section for section in sections_of(text) if section.blocks]
        below = chunks[at + 1].metadata.get("headings", []) if at + 1 < len(chunks) else None
        headings = chunk.metadata.get("headings", [])
        if own:
            own[0].fragment = goes_on
            if below is not None and headings and below[: len(headings)] == headings:
                own[-1].open_end = True
        goes_on = below is not None and below == headings and (bool(headings) or not own or not own[0].level)
        parsed += [(chunk.id, section) for section in own]
    return parsed


def _link_names(texts: Iterable[str]) -> re.Pattern[str] | None:
    """What finds the links of a document that are only named ("the [Sidekiq dashboard]"); their addresses may stand
    in another passage."""
    names = {name for text in texts if "]: " in text for name in _LINK_ADDRESS.findall(text)}
    return re.compile(rf"(?<!\])\[({'|'.join(map(re.escape, sorted(names)))})\](?:\[\])?(?![\[(:])") if names else None


class Reader:
    """Reads the sections of one document, by what the whole of it is.

    `reference`: it has hardly any running text. `page`: it has text, and not only labels; `long`: several headings.
    `prose`: mostly running text. `several`: labels come again under other headings, as in a file on many things.
    `record`: it has labels, each once, and some that are known; `sheet`: hardly anything but labels.
    """

    def __init__(
        self,
        document: Document,
        read: list[tuple[str, Section]],
        is_attribute: Callable[[str], bool],
        has_question: Callable[[str], bool],
        left: Counter[str],
    ) -> None:
        self.read, self.left = read, left
        self.is_attribute, self.has_question = is_attribute, has_question
        self.name, self.title, self.english = document.title, fold(document.title), document.lang == "en"
        self.headings_read = {section.heading for _, section in read}
        self.tops = {section.above[0] if section.above else section.heading for _, section in read}
        self.labels = {id(block): labels_in(block) for _, section in read for block in section.blocks}
        self.headings: dict[str, set[str]] = defaultdict(set)  # under which headings a label stands
        running, stated, labelled, others = 0, 1, 0, 0
        for _, section in read:
            for block in section.blocks:
                found = self.labels[id(block)]
                stated += len(found) or (block.kind == "table" and len(block.lines))
                labelled += len(found)
                others += block.kind in ("text", "item") and not found
                running += 0 if found or block.kind in ("table", "code") else len(block.text)
                for label, _ in found:
                    self.headings[label_key(label)].add(section.heading)
        self.reference = running < _PROSE
        self.page, self.prose = others > 0 or not labelled, running > _PROSE * stated
        self.several = any(len(headings) > 1 for headings in self.headings.values())
        listed = not self.prose and not self.several
        self.long = len(self.headings_read) > _FEWEST_HEADINGS
        known = sum(map(is_attribute, self.headings))
        self.record = listed and known > 0 and (2 * known >= len(self.headings) or not self.page)
        self.sheet = listed and labelled >= others

    def is_common(self, name: str) -> bool:
        """Whether a page uses a word as a common noun: "l'arrêt" in its text makes no name of the title "Arrêt"."""
        return self.page and not self.record and name.istitle() and name.lower() in self._nouns

    def _may_be_common(self, name: str) -> bool:
        """Whether a page's title is one of a subject ("Qualité du support"), as far as its small letters tell."""
        words = name.split()
        in_small = len(words) > 1 and not words[0].isupper() and all(word.islower() for word in words[1:])
        return self.is_common(name) or (not self.record and in_small)

    @cached_property
    def _nouns(self) -> frozenset[str]:
        blocks = (block for _, section in self.read for block in section.blocks if block.kind in ("text", "item"))
        return frozenset(noun for block in blocks for noun in _NOUN_USED.findall(block.text))

    def statements(self) -> Iterator[Stated]:
        """All that is stated, in the document's order."""
        for chunk, section in self.read:
            asked = False
            for subject, label, value, seen_as in self._section(section):
                asked = True
                yield Stated(chunk, subject, label, value, seen_as)
            if not asked and any(block.kind in ("text", "item") for block in section.blocks):
                self.left[PROSE] += 1

    def _section(self, section: Section) -> Iterator[tuple[str, str, str, str]]:
        about = (*section.above, self.name) if self.name not in section.above else section.above
        about_title = self._is_about_title(section)
        if as_question(section.heading):
            yield from self._answered(section, section.heading, section.blocks, about, whole=True)
            return
        pairs = list(pairs_in(section))
        for at, (question, blocks) in enumerate(pairs):
            last = at == len(pairs) - 1
            yield from self._answered(section, question, blocks, (*about, section.heading), whole=last)
        if pairs:
            return
        for block in section.blocks:
            if block.kind == "table":
                yield from self._table(block.lines)
        yield from self._labels(section, about=about_title)
        yield from self._text(section, about=about_title)

    def _answered(
        self, section: Section, question: str, blocks: Sequence[Block], about: Sequence[str], *, whole: bool
    ) -> Iterator[tuple[str, str, str, str]]:
        if whole and (section.open_end or section.fragment):
            self.left[CUT] += 1
            return
        try:
            found = answered(question, blocks, about, named=self.record and is_name(self.name))
        except Unfit as reason:
            self.left[str(reason)] += 1
        else:
            yield "", found.question, found.answer, "faq"

    def _is_code(self, name: str, code: frozenset[str]) -> bool:
        """Whether a row is called by code in a text on more than that: there its section tells what it belongs to."""
        return not self.reference and (name in code or _CODE.fullmatch(name) is not None)

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
        coded = names_in_code(cells)
        legend = (
            len(header) == 2 and header[1] not in DESCRIPTIONS and all(_LEGEND.fullmatch(row[0]) for row in cells[1:])
        )
        if header[0].removesuffix("s") in _OF_STEPS or legend:
            self.left[NO_ATTRIBUTE] += len(cells) - 1
            return
        for subject, label, value, data in table_facts(cells):
            again = subject and label_key(label) in label_key(subject).split()  # the date of "Due date"
            unnamed = (_NO_ROW.fullmatch(subject) and subject not in coded) or fold(subject) in CALENDAR
            if not value or again or unnamed or self._is_code(subject, coded) or _NO_CELL.search(value):
                self.left[NO_ATTRIBUTE] += bool(value)
                continue
            if label_key(label) in DESCRIPTIONS and not self._is_described(subject, value, coded):
                self.left[NO_ATTRIBUTE] += 1
            elif subject == "" or not (repeats(label, value) or repeats(subject, value)):
                yield subject, label, value, "column" if data and not self.is_attribute(label) else "table"

    def _is_described(self, subject: str, value: str, coded: frozenset[str]) -> bool:
        """Whether a cell says what its row names: no column, no word of the text, and not by its own name."""
        key = label_key(subject)
        if key in _COLUMNS or self.is_common(subject) or subject in coded or self.is_attribute(subject):
            return False
        return f" {key} " not in f" {label_key(value)} " and is_description(value, of_a_cell=True)

    def _labels(self, section: Section, *, about: bool) -> Iterator[tuple[str, str, str, str]]:
        terms = [block.term for block in section.blocks if block.term]
        glossary = is_generic(self.name) or not any(map(self.is_attribute, terms))
        led_in, before = False, ""
        for block in section.blocks:
            found = self.labels[id(block)]
            again, before = block.term == before, block.term
            for label, value in found:
                if block.kind == "term" and _OPTION.match(label):
                    yield "", label, value, "option"
                elif block.kind == "term" and glossary:
                    if not again and is_name(label) and is_description(value) and not is_placeholder(label):
                        yield label, "Description", value, "definition"
                elif is_remark(label):
                    self.left[REMARK] += 1
                elif not self._is_attribute(label, value, about=about, led_in=led_in or block.depth > 0):
                    self.left[ASIDE_LABEL] += 1
                elif about or not self.several:
                    if self.is_common(self.name):
                        self.left[NO_SUBJECT] += 1
                    else:
                        yield "", label, value, "label"
                elif self._belongs_to(section.heading, label, value):
                    yield section.heading, label, value, "label"
                else:
                    self.left["a label that stands under several headings"] += 1
            if block.kind == "text":
                led_in = not found and _LEADS_IN.search(block.text) is not None

    def _belongs_to(self, heading: str, label: str, value: str) -> bool:
        """Whether a label of one section among several with such labels is that of what its heading names."""
        if label_key(label) in DESCRIPTIONS and not is_description(value):
            return False
        return self.is_attribute(label) and is_name(heading) and not self.is_attribute(heading)

    def _is_attribute(self, label: str, value: str, *, about: bool, led_in: bool) -> bool:
        """Whether a label is one of the document's: known as one, or beside one that is known, in no running text."""
        if repeats(label, value) or (label_key(label) not in DESCRIPTIONS and _SPEAKS_OF_IT.match(value)):
            return False
        if self.is_attribute(label):
            return (
                (about or not self.prose)
                and not (led_in and (self.prose or self.long))
                and (self.has_question(label) or not self.long or states(label, value))
            )
        return (self.record or self.sheet) and (about or not self.long) and not led_in and states(label, value)

    def _text(self, section: Section, *, about: bool) -> Iterator[tuple[str, str, str, str]]:
        """What the running text of a section says: what something is, or the value of its heading."""
        blocks = [block for block in section.blocks if not self.labels[id(block)]]
        if not blocks or section.fragment or blocks[0].kind not in ("text", "item"):
            return
        first = plain_text(first_sentence(blocks[0].text)) if blocks[0].kind == "text" else ""
        if about:
            if self._may_be_common(self.name) and not defined(first, self.name):  # "Une équipe soudée est essentielle."
                return
            if first and is_name(self.name) and describes(first, self.name, genus=not self.prose, english=self.english):
                article = article_of(first, self.name)
                named = f"{article} {self.name}" if article else ""
                yield named, "Description", first, "definition" if article else "sentence"
            return
        if (term := defined(first, section.heading)) and len(first) <= LONGEST_ANSWER:
            yield term, "Description", first, "definition"
            return
        label = section.heading.rstrip(" :.")
        if section.open_end or self.is_common(self.name) or not self._is_asked_about(label):
            return
        text = short_text(blocks)
        if len(text) > _LONGEST_SECTION and not self.has_question(label):
            return
        if text and not points_away(text) and (label_key(label) not in DESCRIPTIONS or is_description(text)):
            yield "", label, text, "section"

    def _is_asked_about(self, heading: str) -> bool:
        """Whether a heading is an attribute; in running text one that there is a question for, all of it."""
        if ":" in heading or len(heading.split()) > _LONGEST_HEADING_WORDS:
            return False
        if _TWO_THINGS.search(heading) and not self.has_question(heading):
            return False
        if label_key(heading) in _PARTS or is_generic(heading):
            return False
        return self.is_attribute(heading) if not self.prose else self.has_question(heading)

    def _is_about_title(self, section: Section) -> bool:
        heading = section.heading
        if not heading or heading == self.name:
            return True
        return (section.level == 1 and len(self.tops) == 1) or fold(heading) == self.title
