"""The one pass over training rows: what it counts, what it keeps, and what it makes of that in the end."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dyag_core.abstention import abstains
from dyag_core.quality.counting import Reservoir, Tally, doubling
from dyag_core.quality.findings import findings
from dyag_core.quality.lengths import Ruler
from dyag_core.quality.similar import near_duplicates, variety
from dyag_core.records.example import Message
from dyag_core.records.quality import Coverage, Quality, SampleRow, Share

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from dyag_core.records import Document, Example
    from dyag_core.records.quality import ProblemCount

#: Rows are counted by these keys of their `meta`, where they have them.
COUNTED = ("split", "stratum", "method", "attribute")
#: Near duplicates and variety are measured on so many questions: some seconds, some tens of megabytes.
SAMPLED = 10_000
ROWS_TO_READ = 10
_LISTED = 20
_LISTED_SHARES = 10
_ANSWER_LENGTH = 200


@dataclass
class _Names:
    """Documents by their titles: an id alone says nothing to a reader."""

    titles: dict[str, str]

    def of(self, document: str) -> str:
        title = self.titles.get(document, "")
        return f"{title} ({document})" if title and title != document else document


class Measure:
    """Feed it documents (where there are any) and rows, then ask for the `result`.

    Args:
        ruler: measures lengths; counts words by default.
        seed: of the samples.
    """

    def __init__(self, ruler: Ruler | None = None, seed: int = 42) -> None:
        self.ruler = ruler or Ruler()
        self.rows = 0
        self._seed = seed
        self._counts = {key: Tally() for key in COUNTED}
        self._documents, self._facts, self._held_out, self._answers = Tally(), Tally(), Tally(), Tally()
        self._names = _Names({})
        self._documents_seen = 0
        self._unknown = 0
        self._questions: Reservoir[tuple[str, str]] = Reservoir(SAMPLED, f"{seed}\x1fquestions")
        self._to_read: Reservoir[tuple[int, dict[str, Any]]] = Reservoir(ROWS_TO_READ, f"{seed}\x1fread")

    def document(self, document: Document) -> None:
        """Note that there is such a document to ask about."""
        self._documents_seen += 1
        self._documents.add(document.id, 0)
        if document.id in self._documents.counts:
            self._names.titles[document.id] = document.title

    def example(self, example: Example) -> None:
        """Note that a generator made this, whether or not a row comes of it."""
        fact = example.fact
        if fact is not None and not example.other_facts:
            self._facts.add(_fact_key(fact.id, fact.subject, fact.attribute), rows=0)

    def row(self, row: Mapping[str, Any], line: int | None = None) -> int:
        """Measure a row with `messages` that end with an answer; returns its length in the ruler's units.

        Raises:
            GateError: the base model's template can't render it.
        """
        self.rows += 1
        messages = [Message(role=turn["role"], content=turn["content"]) for turn in row["messages"]]
        found = row.get("meta")
        meta: Mapping[str, Any] = found if isinstance(found, dict) else {}
        for key, tally in self._counts.items():
            if isinstance(meta.get(key), str):
                tally.add(meta[key])
        document = meta.get("document")
        if isinstance(document, str | int):
            self._documents.add(str(document))
            if isinstance(meta.get("subject"), str):
                self._names.titles.setdefault(str(document), meta["subject"])
        self._note_fact(meta)
        answer = messages[-1].content
        self._answers.add(answer.strip()[:_ANSWER_LENGTH])
        self._unknown += abstains(answer)
        self._questions.add((_question(messages), answer))
        self._to_read.add((line or self.rows, {"messages": messages, "meta": meta}))
        return self.ruler.measure(messages)

    def _note_fact(self, meta: Mapping[str, Any]) -> None:
        """Rows on several facts at once teach none of them on their own, and aren't counted here."""
        if not isinstance(meta.get("fact"), str) or meta.get("facts"):
            return
        key = _fact_key(meta["fact"], meta.get("subject"), meta.get("attribute"))
        held_out = meta.get("split") in ("val", "test")
        self._facts.add(key, rows=0 if held_out else 1)
        if held_out:
            self._held_out.add(key)

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
            rows=self.rows,
            method=method,
            counts={key: tally.counted(_LISTED) for key, tally in self._counts.items() if tally.counts},
            lengths=self.ruler.lengths(),
            sampled=len(pairs),
            near_duplicates=near_duplicates(pairs) if pairs else None,
            variety=variety([question for question, _ in pairs], f"{self._seed}\x1fpairs") if len(pairs) > 1 else None,
            documents=_coverage(self._documents, self._names.of, known=self._documents_seen > 0),
            facts=_coverage(self._facts, _fact_name, known=self._documents_seen > 0, leave_out=self._held_out),
            answers=tuple(Share(name=name, rows=rows) for name, rows in self._answers.top(_LISTED_SHARES) if rows > 1),
            unknown=self._unknown,
            rejected=dict(rejected or {}),
            rejected_examples={reason: list(texts) for reason, texts in (rejected_examples or {}).items()},
            problems=tuple(problems),
            sample=tuple(_to_read(line, row) for line, row in self._to_read.items),
        )
        return quality.model_copy(update={"findings": findings(quality)})


def _coverage(
    tally: Tally, name: Callable[[str], str], *, known: bool, leave_out: Tally | None = None
) -> Coverage | None:
    """`known`: what has no rows was noted too. `leave_out`: keys that aren't missing although they have none."""
    with_rows = [rows for rows in tally.counts.values() if rows]
    if not tally.counts:
        return None
    fine = leave_out.counts if leave_out else {}
    without = [key for key, rows in tally.counts.items() if not rows and key not in fine]
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


def _fact_key(fact: str, subject: object, attribute: object) -> str:
    return f"{fact}\x1f{' · '.join(part for part in (subject, attribute) if isinstance(part, str) and part)}"


def _fact_name(key: str) -> str:
    """Subject and attribute where they are known, else the id."""
    fact, _, label = key.partition("\x1f")
    return label or fact


def _question(messages: Sequence[Message]) -> str:
    """The last thing the user says."""
    return next((message.content for message in reversed(messages) if message.role == "user"), "")


def _to_read(line: int, row: dict[str, Any]) -> SampleRow:
    known = ("split", "stratum", "method", "document", "subject", "attribute")
    meta = {key: str(row["meta"][key]) for key in known if row["meta"].get(key) is not None}
    return SampleRow(line=line, messages=tuple(row["messages"]), meta=meta)
