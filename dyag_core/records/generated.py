"""What `generate-training` made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field

from dyag_core.records.base import Record
from dyag_core.records.quality import Lengths


class GenerationEstimate(Record):
    """What a generator would ask a model for.

    `answered` requests stand in the journal of an earlier run already; tokens and cost are those of the others.
    `prompt_tokens` and `completion_tokens` are guesses from the number of characters, `most_completion_tokens` is what
    the replies can't exceed. Costs are None where no prices are known.
    """

    model: str
    chunks: int
    requests: int
    answered: int
    rows: int
    prompt_tokens: int
    completion_tokens: int
    most_completion_tokens: int
    cost: float | None = None
    most_cost: float | None = None


class GeneratedData(Record):
    """Files, and a ledger in which nothing is lost: `requested` = `written` + the sum of `rejected`.

    Where a row is rejected another one is asked for, so `requested` can exceed `count`. `set_aside` counts what was
    made but not needed (further wordings of a held-out fact, say); it is no part of the ledger. `left_out` counts
    what the documents hold and no row was made of, as it can't be asked about safely; no part of it, either.
    `passages` counts the rows that hold passages, by whether the right one is among them. `drawn` tells for each kind
    of row how many a sample took, and of how many; `wanted_by_stratum` what the test should have had, were there
    enough of each kind.
    """

    output: Path
    train: Path | None = None
    validation: Path | None = None
    test: Path | None = None
    rejects: Path | None = None
    report: Path
    manifest: Path
    method: str
    lang: str
    count: int | None = None
    requested: int
    written: int
    rejected: dict[str, int] = Field(default_factory=dict)
    set_aside: dict[str, int] = Field(default_factory=dict)
    drawn: dict[str, tuple[int, int]] = Field(default_factory=dict)
    left_out: dict[str, int] = Field(default_factory=dict)
    bad_lines: int = 0
    by_split: dict[str, int] = Field(default_factory=dict)
    by_stratum: dict[str, int] = Field(default_factory=dict)
    wanted_by_stratum: dict[str, int] = Field(default_factory=dict)
    by_method: dict[str, int] = Field(default_factory=dict)
    documents_covered: int
    documents_total: int
    facts: int
    facts_trained: int
    largest_similarity: float | None = None
    rows_for_the_rest: int | None = None
    passages: dict[str, int] = Field(default_factory=dict)
    quality: dict[str, Any] = Field(default_factory=dict)

    @property
    def usable(self) -> tuple[int, int]:
        """Rows that are fit, and of how many: those written of those asked for.

        Of a sample, what was made and not drawn was usable, too; but less than `count` rows are less than asked for.
        """
        if self.count is None:
            return self.written, self.requested
        left = sum(self.set_aside.values())
        found = [(self.written, max(self.count, self.written)), (self.written + left, self.requested + left)]
        return min(found, key=lambda pair: pair[0] / pair[1])

    @property
    def yield_percent(self) -> float:
        """Rows that are fit, of those asked for, 0 to 100."""
        rows, of = self.usable
        return 100.0 * rows / of if of else 0.0

    def _of_wanted(self, stratum: str) -> str:
        found, wanted = self.by_stratum[stratum], self.wanted_by_stratum.get(stratum, 0)
        return f"{found} of {wanted}" if found < wanted else f"{found}"

    def summary_lines(self) -> list[str]:
        """What was made, in words."""
        lines = [f"{self.written} rows on {self.facts} facts, method {self.method}, language {self.lang}"]
        if self.by_split:
            parts = ", ".join(f"{name} {n}" for name, n in self.by_split.items())
            strata = ", ".join(f"{name} {self._of_wanted(name)}" for name in self.by_stratum)
            lines.append(f"split: {parts}; the test questions: {strata or 'none'}")
        if self.largest_similarity is not None:
            lines.append(
                f"no test question is nearer than {self.largest_similarity:.2f} to a training question "
                "(Jaccard, the limit is 0.8)"
            )
        if self.passages:
            kinds = ", ".join(f"{kind} {n}" for kind, n in self.passages.items())
            lines.append(f"passages stand in the questions of training and validation: {kinds}")
        if self.drawn:
            kinds = ", ".join(f"{kind} {number} of {made}" for kind, (number, made) in self.drawn.items())
            lines.append(f"drawn of what could be asked: {kinds}")
        for name, counts in (
            ("rejected", self.rejected),
            ("not needed", self.set_aside),
            ("not asked about", self.left_out),
        ):
            if counts:
                reasons = ", ".join(f"{reason} {n}" for reason, n in counts.items())
                lines.append(f"{name}: {sum(counts.values())} ({reasons})")
        if self.bad_lines and self.rejects:
            lines.append(f"{self.bad_lines} bad input lines, each with its reason in {self.rejects}")
        covered = f"documents {'trained on' if self.train else 'covered'}: "
        covered += f"{self.documents_covered} of {self.documents_total}"
        if self.rows_for_the_rest:
            which = "those that are not held out" if self.train else "the rest"
            covered += f"; about {self.rows_for_the_rest} more rows would reach {which}"
        lines.append(covered)
        if self.quality.get("lengths"):
            lines.append(Lengths(**self.quality["lengths"]).sentence(self.written))
        lines.append(f"was it the data? {self.report}")
        return lines
