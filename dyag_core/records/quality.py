"""What a training file holds, in figures: every report of its quality is rendered from this one record.

Numbers are rounded here, once. Examples (questions, answers, whole rows) are what a person reads beside them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from dyag_core.records.base import Record
from dyag_core.records.example import Message


class Bin(Record):
    """One bar of a histogram: how many have `low` to `high` units, both counted in."""

    low: int
    high: int
    count: int


class Lengths(Record):
    """How long the rows are: in tokens of `base_model` under its chat template, or in words where none was named.

    `limit` is the length that training takes by default, `over` counts the rows beyond it; both None in words.
    """

    unit: Literal["tokens", "words"]
    base_model: str | None = None
    median: int
    p95: int
    longest: int
    limit: int | None = None
    over: int | None = None
    histogram: tuple[Bin, ...] = ()

    def sentence(self, rows: int) -> str:
        """In words, for a terminal."""
        text = f"length of a row: half up to {self.median} {self.unit}, 95 % up to {self.p95}, longest {self.longest}"
        if self.unit == "words":
            return text + " (--base-model NAME counts tokens)"
        return f"{text}, under {self.base_model}'s chat template; {self.over} of {rows} exceed {self.limit}"


class Counted(Record):
    """How often each of several values occurs, most frequent first; `others` sums up what isn't listed."""

    values: dict[str, int]
    others: int = 0


class Cluster(Record):
    """Questions that are nearly the same. `asked` counts the different facts (or answers) that they ask for: as many
    as rows is one template on many subjects, and harmless.
    """

    rows: int
    asked: int
    questions: tuple[str, ...]


class NearDuplicates(Record):
    """Clusters of questions with a similarity (see `dyag_core.text.similarity`) from `threshold` up, linked in chains.

    `redundant` counts the rows beyond the first that ask for the same fact (or answer) in the same cluster.
    """

    threshold: float
    clusters: int
    rows: int
    redundant: int
    largest: tuple[Cluster, ...] = ()


class Variety(Record):
    """How different the questions are.

    `distinct_1` and `distinct_2`: different words (pairs of neighbouring words) as a share of all of them (Li et al.
    2016, "A Diversity-Promoting Objective Function for Neural Conversation Models"). The share falls as a file grows:
    compare files of like size. `mean_similarity`: mean Jaccard similarity of `pairs` random pairs of questions.
    """

    distinct_1: float
    distinct_2: float
    mean_similarity: float
    pairs: int


class Share(Record):
    """One document or fact and how many rows it has."""

    name: str
    rows: int


class Coverage(Record):
    """What has rows and what has none. `total` None: it isn't known what there is beside the rows.

    `histogram` says how many have no row, one, 2 to 3, 4 to 7 and so on.
    """

    total: int | None
    covered: int
    once: int
    median: float
    histogram: tuple[Bin, ...] = ()
    most: tuple[Share, ...] = ()
    without: tuple[str, ...] = ()
    #: True where there were more than are told apart, and the figures hold for the first ones.
    cut: bool = False


class SampleRow(Record):
    """A row to read: the line it stands on (from 1), its turns, and where it comes from."""

    line: int
    messages: tuple[Message, ...]
    meta: dict[str, str] = Field(default_factory=dict)


class Finding(Record):
    """Something to look at, and the numbers it rests on. `grave`: training refuses it or learns wrongly."""

    kind: str
    grave: bool = False
    numbers: dict[str, Any] = Field(default_factory=dict)


class Problem(Record):
    """Something wrong on one line of a training file.

    `kind` names it (`dyag_core.dataset.quality.problems.problem_name` says it in words), `detail` quotes what stands
    there, `other` is the line that it was held against.
    """

    line: int
    kind: str
    detail: str
    other: int | None = None


class ProblemCount(Record):
    """How many lines have one kind of problem; `grave`: training refuses them or learns something wrong from them."""

    kind: str
    lines: int
    grave: bool
    examples: tuple[Problem, ...] = ()


class Quality(Record):
    """The quality of a set of training rows.

    `sampled` is how many questions the near duplicates and the variety were measured on: all of them up to a limit,
    beyond it a random sample. `counts` holds the rows by method, attribute, stratum, split and so on.
    """

    file: str
    rows: int
    method: str | None = None
    counts: dict[str, Counted] = Field(default_factory=dict)
    lengths: Lengths | None = None
    sampled: int = 0
    near_duplicates: NearDuplicates | None = None
    variety: Variety | None = None
    documents: Coverage | None = None
    facts: Coverage | None = None
    answers: tuple[Share, ...] = ()
    unknown: int = 0
    unknown_trained: int = 0
    rejected: dict[str, int] = Field(default_factory=dict)
    rejected_examples: dict[str, list[str]] = Field(default_factory=dict)
    problems: tuple[ProblemCount, ...] = ()
    findings: tuple[Finding, ...] = ()
    sample: tuple[SampleRow, ...] = ()

    def figures(self) -> dict[str, Any]:
        """The numbers alone, for a manifest."""
        parts = {
            "lengths": {"histogram"},
            "near_duplicates": {"largest"},
            "variety": set(),
            "documents": {"histogram", "most", "without"},
            "facts": {"histogram", "most", "without"},
        }
        found: dict[str, Any] = {"rows": self.rows, "sampled": self.sampled, "unknown_answers": self.unknown}
        for name, examples in parts.items():
            part = getattr(self, name)
            if part is not None:
                found[name] = part.model_dump(mode="json", exclude=examples)
        found["findings"] = [finding.kind for finding in self.findings]
        return found


class Validation(Record):
    """What `validate` found in a training file, and what it mended.

    Of `rows`, `good` have no grave problem. `lasting` counts the grave problems that are left: in the fixed file where
    one was written, else in the file itself. `fixes` says what was done, `left_out` how many rows were not kept.
    """

    file: Path
    rows: int
    good: int
    problems: tuple[ProblemCount, ...] = ()
    lasting: dict[str, int] = Field(default_factory=dict)
    fixed: Path | None = None
    written: int = 0
    left_out: int = 0
    fixes: dict[str, int] = Field(default_factory=dict)
    report: Path | None = None
    quality: Quality

    @property
    def ok(self) -> bool:
        """Whether training would take the file (the fixed one, if there is one) and learn nothing wrong from it."""
        return not self.lasting and (self.written if self.fixed else self.rows) > 0

    def summary_lines(self) -> list[str]:
        """The figures in words."""
        quality, lines = self.quality, []
        if quality.lengths:
            lines.append(quality.lengths.sentence(quality.rows))
        if quality.near_duplicates:
            near = quality.near_duplicates
            lines.append(
                f"near-duplicate questions (similarity {near.threshold} and more): clusters {near.clusters}, "
                f"rows that repeat another {near.redundant}"
            )
        if quality.variety:
            v = quality.variety
            lines.append(
                f"variety of the questions: distinct-1 {v.distinct_1}, distinct-2 {v.distinct_2}, "
                f"mean similarity {v.mean_similarity}"
            )
        lines.append(f"answers that say it isn't known: {quality.unknown} of {quality.rows}")
        return lines
