"""The comparison that every report is rendered from: Markdown, JSON and HTML say the same because they read this."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from dyag_core.records.base import SCHEMA_VERSION, Record
from dyag_core.records.evaluation import MetricSummary


class ArmSummary(Record):
    """One arm: its name, where its results came from, its metrics overall and by stratum, its errors and times."""

    name: str
    file: str
    metadata: dict[str, Any] = Field(default_factory=dict)
    metrics: dict[str, MetricSummary]
    strata: dict[str, dict[str, MetricSummary]] = Field(default_factory=dict)
    errors: int = 0
    seen_in_training: int = 0
    median_seconds: float | None = None
    p95_seconds: float | None = None
    prompt_tokens: float | None = None
    completion_tokens: float | None = None


class Difference(Record):
    """Arm `a` minus arm `b` on one metric over the same questions, with a paired 95 % interval.

    `winner` is set only where the interval excludes zero (and, for secondary metrics, survives Holm's correction).
    `p_value` is the paired test's, `p_holm` after correction (None for the primary metric).
    `detectable` is the smallest difference this many questions could have shown. Rates are percentage points.
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
    p_value: float | None = None
    p_holm: float | None = None
    detectable: float | None = None
    winner: str | None = None
    unit: str = "rate"


class Recommendation(Record):
    """A sentence of advice in each language, and the numbers it rests on."""

    kind: Literal["use", "no_clear_difference", "too_few", "note", "warning"]
    text: dict[str, str]
    rests_on: list[Difference] = Field(default_factory=list)


class Comparison(Record):
    """Everything a report says. Rates are percentages (0-100)."""

    schema_version: str = SCHEMA_VERSION
    created: str
    primary_metric: str
    n_questions: int
    arms: list[ArmSummary]
    differences: list[Difference]
    recommendations: list[Recommendation]
    disagreements: list[dict[str, Any]] = Field(default_factory=list)
    errors_breakdown: dict[str, dict[str, int]] = Field(default_factory=dict)
    mismatches: list[str] = Field(default_factory=list)
    method: dict[str, Any] = Field(default_factory=dict)


class Report(Record):
    """What a reporter returns: the file's suffix with its dot (".md") and its whole text."""

    suffix: str
    text: str
