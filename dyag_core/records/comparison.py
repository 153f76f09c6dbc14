"""The comparison that every report is rendered from: Markdown, JSON and HTML say the same because they read this.

Numbers are rounded here, once, so that every number a report shows stands in the comparison as it is shown.
Text for people is a mapping of language to sentence: {"en": ..., "fr": ...}.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from dyag_core.records.base import SCHEMA_VERSION, Record
from dyag_core.records.cost import Cost
from dyag_core.records.evaluation import MetricSummary
from dyag_core.records.metric import MetricDescription

#: With fewer questions nobody wins and nothing is recommended.
MINIMUM_QUESTIONS = 30

#: Nor with answers on fewer documents: those about one document go together, and so few say nothing about others.
MINIMUM_DOCUMENTS = 8

#: The stratum of questions that name none, in a set where others do.
UNLABELLED = "unlabelled"

#: Why an answer is wrong, in the order in which reports show it.
ErrorKind = Literal[
    "failed",
    "should_have_abstained",
    "retrieval_missed",
    "abstained_wrongly",
    "context_ignored",
    "recalled_wrongly",
    "never_seen",
    "wrong",
]


class Latency(Record):
    """How an arm's times a question are spread, in seconds, answers that failed left out: percentiles 5, 25, 50, 75, 95
    and the longest, over `n` answers. An engine that answers in batches records each answer's share of its batch.
    """

    low: float
    lower_quarter: float
    median: float
    upper_quarter: float
    high: float
    longest: float
    n: int


class ArmSummary(Record):
    """One arm: its name, where its results came from, its metrics overall and by stratum, its errors and times.

    `possible_refusals` counts answers to unanswerable questions that may be refusals in words that no rule knows; they
    count as wrong. `unscored` counts questions without a score on the primary metric. `empty` counts answers that are
    empty or hold nothing but what a model says to itself, `unusable` those that failed, are empty or were cut.
    `without_seen` is the mean on that metric over the questions that the arm was not trained on word for word, where
    there are others. `details` is what metrics tell beside their scores, by metric. `repeats` is how often
    the arm was asked the same questions, `noise` how far its means then differ at most, by metric (rates in
    points). Times are seconds a question; tokens are the median a question; None where the file does not say.
    """

    name: str
    file: str
    metadata: dict[str, Any] = Field(default_factory=dict)
    metrics: dict[str, MetricSummary]
    strata: dict[str, dict[str, MetricSummary]] = Field(default_factory=dict)
    errors: int = 0
    truncated: int = 0
    empty: int = 0
    unusable: int = 0
    unscored: int = 0
    possible_refusals: int = 0
    details: dict[str, dict[str, Any]] = Field(default_factory=dict)
    repeats: int = 1
    noise: dict[str, float] = Field(default_factory=dict)
    seen_in_training: int = 0
    without_seen: float | None = None
    median_seconds: float | None = None
    p95_seconds: float | None = None
    latency: Latency | None = None
    prompt_tokens: float | None = None
    completion_tokens: float | None = None
    total_tokens: int | None = None


class Difference(Record):
    """Arm `a` minus arm `b` on one metric over the same questions, with a paired 95 % interval.

    `winner` is set only where the interval excludes zero, `p_holm` is below 0.05, `n` is at least 30, `n_documents` at
    least 8 (a question that names no document counts as one), and neither arm differs from itself by as much where it
    was asked several times. Holm's correction runs over the pairs for the primary metric (with two arms it changes
    nothing), over all secondary metrics and pairs, and over all strata and pairs. `p_exact` is McNemar's exact p-value
    for yes-or-no metrics; it takes questions as independent and decides nothing. `detectable` is the smallest
    difference this many questions could have shown, four times out of five; None where documents are too few to show
    any. Rates are percentage points.
    """

    metric: str
    primary: bool
    stratum: str | None = None
    a: str
    b: str
    difference: float
    low: float
    high: float
    n: int
    n_documents: int | None = None
    p_value: float | None = None
    p_holm: float | None = None
    p_exact: float | None = None
    detectable: float | None = None
    winner: str | None = None
    unit: str = "rate"

    def seen_from(self, arm: str) -> Difference:
        """The same difference with `arm` first."""
        if arm == self.a:
            return self
        turned = {"difference": 0.0 - self.difference, "low": 0.0 - self.high, "high": 0.0 - self.low}
        return self.model_copy(update={"a": self.b, "b": self.a, **turned})


class Recommendation(Record):
    """A sentence of advice in each language, and the numbers it rests on (the arm spoken of stands first)."""

    kind: Literal["use", "no_clear_difference", "too_few", "note", "warning"]
    text: dict[str, str]
    rests_on: list[Difference] = Field(default_factory=list)


class NextStep(Record):
    """Something to do next, in each language, and the numbers that speak for it."""

    kind: Literal["ask_more", "retrieval", "abstention", "context", "truncated", "failed"]
    text: dict[str, str]
    numbers: dict[str, float]


class ArmAnswer(Record):
    """What one arm answered to a quoted question; `score` is the primary metric's, a rate as a percentage."""

    arm: str
    answer: str
    score: float | None
    error: str | None = None
    sources: list[str] = Field(default_factory=list)


class Disagreement(Record):
    """A question on which the arms differ most."""

    id: str
    question: str
    expected: str
    stratum: str | None = None
    document: str | None = None
    answers: list[ArmAnswer]


class PossibleRefusal(Record):
    """An answer to an unanswerable question that may be a refusal but wasn't counted as one, for a person to read."""

    arm: str
    id: str
    question: str
    answer: str


class Preference(Record):
    """Blind votes between two arms: in how many of `n` people found either better, both alike, or both wrong.

    `a` is the one that was preferred more often, `share` its percentage of the votes that decided (None: none did),
    `low` and `high` the exact 95 % interval, which takes votes as independent.
    """

    a: str
    b: str
    n: int
    a_better: int
    b_better: int
    same: int
    wrong: int
    share: float | None
    low: float
    high: float


class Comparison(Record):
    """Everything a report says. Rates are percentages (0-100).

    The first of `recommendations` is the verdict. `leader` is the arm that clearly beats every other, `tied` the best
    arm and those it does not clearly beat. `n_unanswerable` of the questions have no answer in the documents.
    `descriptions` is what the metrics say about themselves: titles, meaning, unit (`metric(name)` gets one).
    `possible_refusals` are the first answers of each arm that may be refusals but weren't counted as such.
    `preferences` are blind votes of people, where a file of them was given.
    `noise_floor` is a sentence in each language. `measured` is the newest timestamp of the result files, as they wrote
    it.
    """

    schema_version: str = SCHEMA_VERSION
    measured: str | None = None
    primary_metric: str
    descriptions: dict[str, MetricDescription] = Field(default_factory=dict)
    n_questions: int
    n_documents: int | None = None
    n_unanswerable: int | None = None
    leader: str | None = None
    tied: list[str] = Field(default_factory=list)
    arms: list[ArmSummary]
    differences: list[Difference]
    noise_floor: dict[str, str] | None = None
    recommendations: list[Recommendation]
    next_steps: list[NextStep] = Field(default_factory=list)
    cost: Cost | None = None
    disagreements: list[Disagreement] = Field(default_factory=list)
    possible_refusals: list[PossibleRefusal] = Field(default_factory=list)
    preferences: list[Preference] = Field(default_factory=list)
    errors_breakdown: dict[str, dict[str, int]] = Field(default_factory=dict)
    mismatches: list[dict[str, str]] = Field(default_factory=list)
    method: dict[str, Any] = Field(default_factory=dict)

    @property
    def strata(self) -> list[str]:
        """Strata that any arm has questions in: the usual three first, then others by name."""
        usual = ["recall", "unseen", "unanswerable"]
        found = {stratum for arm in self.arms for stratum in arm.strata}
        return [s for s in usual if s in found] + sorted(found - set(usual))

    @property
    def metrics(self) -> list[str]:
        """Metrics that any arm has, in the order of the first arm: the primary one first."""
        return list(dict.fromkeys(name for arm in self.arms for name in arm.metrics))

    def metric(self, name: str) -> MetricDescription:
        """What a metric says about itself; only its name where nothing is known."""
        return self.descriptions.get(name, MetricDescription(name=name))

    def arm(self, name: str) -> ArmSummary:
        """The arm of that name."""
        return next(arm for arm in self.arms if arm.name == name)


class Report(Record):
    """What a reporter returns: the file's suffix with its dot (".md") and its whole text."""

    suffix: str
    text: str


class ComparisonFiles(Record):
    """What `compare` made: the comparison, its language, and the files written (reporter -> path, and "manifest")."""

    comparison: Comparison
    lang: str
    files: dict[str, Path]
