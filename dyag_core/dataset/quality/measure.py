"""The one pass over training rows: what it counts, what it keeps, and what it makes of that in the end."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, Any

from dyag_core.chat.prompts import without_context
from dyag_core.dataset.quality.counting import Reservoir, Tally, doubling
from dyag_core.dataset.quality.findings import findings
from dyag_core.dataset.quality.lengths import Ruler
from dyag_core.dataset.quality.similar import fact_key, near_duplicates, variety
from dyag_core.records.example import Message
from dyag_core.records.quality import Coverage, Quality, SampleRow, Share
from dyag_core.text.abstention import wants_abstention

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from dyag_core.records import Document, Example
    from dyag_core.records.quality import ProblemCount

#: Rows are counted by these keys of their `meta`, where they have them.
COUNTED = ("split", "stratum", "method", "attribute")
#: Near duplicates and variety are measured on so many questions: some seconds, some tens of megabytes.
SAMPLED = 5_000
ROWS_TO_READ = 10
_HELD_OUT = ("val", "test")
_LISTED = 20
_LISTED_SHARES = 10
_ANSWER_LENGTH = 200


class Measure:
    """Feed it documents (where there are any) and rows, then ask for the `result`.

    Args:
        ruler: measures lengths; counts words by default.
        seed: of the samples.
    """

    def __init__(self, ruler: Ruler | None = None, seed: int = 42) -> None:
        self.ruler = ruler or Ruler()
        self.counted = 0
        self._seed = seed
        self._counts = {key: Tally() for key in COUNTED}
        self._documents, self._facts, self._answers = Tally(), Tally(), Tally()
        self._held_facts, self._held_documents = Tally(), Tally()
        self._titles: dict[str, str] = {}
        self._labels: dict[str, str] = {}
        self._document_of: dict[str, str] = {}
        self._documents_seen = 0
        self._unknown = 0
        self._unknown_trained = 0
        self._questions: Reservoir[tuple[str, str]] = Reservoir(SAMPLED, f"{seed}\x1fquestions")
        self._to_read: Reservoir[tuple[int, Mapping[str, Any]]] = Reservoir(ROWS_TO_READ, f"{seed}\x1fread")

    def document(self, document: Document) -> None:
        """Note that there is such a document to ask about."""
        self._documents_seen += 1
        self._documents.add(document.id, 0)
        if document.id in self._documents.counts:
            self._titles[document.id] = document.title

    def example(self, example: Example) -> None:
        """Note that a generator made this, although no row comes of it (or not yet)."""
        fact = example.fact
        if fact is not None and not example.other_facts:
            key = fact.id
            self._name_fact(key, fact.subject, fact.attribute, rows=0)
            if key in self._labels:
                self._document_of[key] = example.document

    def row(self, row: Mapping[str, Any], line: int | None = None) -> int:
        """Measure one row, which stands on `line`; see `rows`."""
        return self.rows([row], line)[0]

    def rows(self, rows: Sequence[Mapping[str, Any]], first_line: int | None = None) -> list[int]:
        """Measure rows with `messages` that end with an answer; returns their lengths in the ruler's units.

        Raises:
            GateError: the base model's template can't render one.
        """
        metas: list[Mapping[str, Any]] = [found if isinstance(found := row.get("meta"), dict) else {} for row in rows]
        for key, tally in self._counts.items():
            tally.update([value for meta in metas if isinstance(value := meta.get(key), str)])
        held_out = [meta.get("split") in _HELD_OUT for meta in metas]
        self._note_documents(metas, held_out)
        self._note_facts(metas, held_out)
        self._note_answers(rows, metas, held_out)
        for place, (row, meta) in enumerate(zip(rows, metas, strict=True)):
            if self._questions.takes():
                self._questions.keep(_question(row["messages"], meta))
            if self._to_read.takes():
                self._to_read.keep(((first_line or self.counted + 1) + place, row))
        self.counted += len(rows)
        return [self.ruler.measure(row["messages"]) for row in rows]

    def _note_documents(self, metas: Sequence[Mapping[str, Any]], held_out: Sequence[bool]) -> None:
        names = [_document(meta) for meta in metas]
        self._documents.update([name for name in names if name is not None])
        titles, known = self._titles, self._documents.counts
        for meta, name, held in zip(metas, names, held_out, strict=True):
            if name is None:
                continue
            if held:
                self._held_documents.add(name)
            if name not in titles and name in known and isinstance(subject := meta.get("subject"), str):
                titles[name] = subject

    def _note_facts(self, metas: Sequence[Mapping[str, Any]], held_out: Sequence[bool]) -> None:
        """Rows on several facts at once teach none of them on their own, and aren't counted here."""
        for meta, held in zip(metas, held_out, strict=True):
            fact = meta.get("fact")
            if isinstance(fact, str) and not meta.get("facts"):
                self._name_fact(fact, meta.get("subject"), meta.get("attribute"), rows=0 if held else 1)
                if held:
                    self._held_facts.add(fact)

    def _note_answers(
        self, rows: Sequence[Mapping[str, Any]], metas: Sequence[Mapping[str, Any]], held_out: Sequence[bool]
    ) -> None:
        answers = [row["messages"][-1]["content"] for row in rows]
        self._answers.update([answer[:_ANSWER_LENGTH].strip() for answer in answers])
        for answer, meta, held in zip(answers, metas, held_out, strict=True):
            if meta["answerable"] is False if "answerable" in meta else wants_abstention(answer):
                self._unknown += 1
                self._unknown_trained += not held

    def _name_fact(self, fact: str, subject: object, attribute: object, rows: int) -> None:
        self._facts.add(fact, rows)
        if fact not in self._labels and fact in self._facts.counts:
            self._labels[fact] = " · ".join([part for part in (subject, attribute) if isinstance(part, str) and part])

    def _fine_without(self, fact: str) -> bool:
        """Whether a fact has no training row on purpose: it, or its whole document, is held out."""
        document = self._document_of.get(fact, "")
        held = self._held_documents.counts[document]
        return fact in self._held_facts.counts or (held > 0 and held == self._documents.counts[document])

    def _document_name(self, document: str) -> str:
        """With its title: an id alone says nothing to a reader."""
        title = self._titles.get(document, "")
        return f"{title} ({document})" if title and title != document else document

    def result(
        self,
        file: str,
        *,
        method: str | None = None,
        rejected: Mapping[str, int] | None = None,
        rejected_examples: Mapping[str, list[str]] | None = None,
        problems: Sequence[ProblemCount] = (),
    ) -> Quality:
        """Everything measured. `rejected` and `problems` are what the caller knows beside it."""
        pairs = self._questions.items
        quality = Quality(
            file=file,
            rows=self.counted,
            method=method,
            counts={key: tally.counted(_LISTED) for key, tally in self._counts.items() if tally.counts},
            lengths=self.ruler.lengths(),
            sampled=len(pairs),
            near_duplicates=near_duplicates(pairs) if pairs else None,
            variety=variety([question for question, _ in pairs], f"{self._seed}\x1fpairs") if len(pairs) > 1 else None,
            documents=_coverage(self._documents, self._document_name, known=self._documents_seen > 0),
            facts=_coverage(
                self._facts,
                lambda fact: self._labels[fact] or fact,
                known=self._documents_seen > 0,
                fine=self._fine_without,
            ),
            answers=tuple(Share(name=name, rows=rows) for name, rows in self._answers.top(_LISTED_SHARES) if rows > 1),
            unknown=self._unknown,
            unknown_trained=self._unknown_trained,
            rejected=dict(rejected or {}),
            rejected_examples={reason: list(texts) for reason, texts in (rejected_examples or {}).items()},
            problems=tuple(problems),
            sample=tuple(_to_read(line, row) for line, row in self._to_read.items),
        )
        return quality.model_copy(update={"findings": findings(quality)})


def _coverage(
    tally: Tally, name: Callable[[str], str], *, known: bool, fine: Callable[[str], bool] = lambda _key: False
) -> Coverage | None:
    """`known`: what has no rows was noted too. `fine`: keys that aren't missing although they have none."""
    with_rows = [rows for rows in tally.counts.values() if rows]
    if not tally.counts:
        return None
    without = [key for key, rows in tally.counts.items() if not rows and not fine(key)]
    return Coverage(
        total=len(with_rows) + len(without) if known else None,
        covered=len(with_rows),
        once=sum(rows == 1 for rows in with_rows),
        median=statistics.median(with_rows) if with_rows else 0,
        histogram=doubling([*with_rows, *([0] * len(without) if known else [])]),
        most=tuple(Share(name=name(key), rows=rows) for key, rows in tally.top(_LISTED_SHARES) if rows),
        without=tuple(name(key) for key in without[:_LISTED]),
        cut=tally.full,
    )


def _document(meta: Mapping[str, Any]) -> str | None:
    document = meta.get("document")
    return str(document) if isinstance(document, int) else document if isinstance(document, str) else None


def _question(turns: Sequence[Mapping[str, str]], meta: Mapping[str, Any]) -> tuple[str, str]:
    """What is asked, passages left out, and what it asks for: the facts, or the answer where they aren't known."""
    facts = meta.get("facts") or [meta.get("fact")]
    known = isinstance(facts, list) and all(isinstance(fact, str) for fact in facts)
    asked = without_context(turns[-2]["content"]) if len(turns) > 1 else ""
    return asked, fact_key(facts) if known else turns[-1]["content"]


def _to_read(line: int, row: Mapping[str, Any]) -> SampleRow:
    known = ("split", "stratum", "method", "document", "subject", "attribute")
    found = row.get("meta") or {}
    meta = {key: str(found[key]) for key in known if found.get(key) is not None}
    return SampleRow(line=line, messages=tuple(_message(turn) for turn in row["messages"]), meta=meta)


def _message(turn: Mapping[str, str]) -> Message:
    return Message.model_validate({"role": turn["role"], "content": turn["content"]})
