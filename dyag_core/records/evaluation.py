"""Predictions, their scores, and the results file of one arm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import ConfigDict, Field

from dyag_core.records.base import SCHEMA_VERSION, Record

if TYPE_CHECKING:
    from pathlib import Path


class Source(Record):
    """A chunk that an answer stands on."""

    chunk: str
    score: float


class Prediction(Record):
    """One question with the answer an arm gave. Metrics read a sequence of these.

    `answerable` is False where the right answer is to say that the documents don't tell.
    `context` is the retrieved text that stood in the prompt, empty for closed-book arms; `sources` are its chunks, best
    first. `chunk` is the one that holds the answer, where that is known; one that rests on several has `other_chunks`.
    `seconds` is the whole time of the question, `retrieval_seconds` the part of it that searching took.
    `expected_answers` are others that are as right as `expected`. `answer` is without what the model wrote around
    it (reasoning blocks, control tokens); `reply` is the whole, where that is more. `reasoning` is what the model
    thought before it answered, where the engine gets that apart from the reply.
    """

    id: str
    question: str
    expected: str
    answer: str
    expected_answers: tuple[str, ...] = ()
    reply: str | None = None
    reasoning: str | None = None
    answerable: bool = True
    stratum: str | None = None
    document: str | None = None
    chunk: str | None = None
    other_chunks: tuple[str, ...] = ()
    fact: str | None = None
    context: str = ""
    sources: tuple[Source, ...] = ()
    prompt_tokens: int = 0
    completion_tokens: int = 0
    seconds: float = 0.0
    retrieval_seconds: float = 0.0
    truncated: bool = False
    seen_in_training: bool = False
    error: str | None = None

    @property
    def accepted(self) -> tuple[str, ...]:
        """Every right answer, the expected one first."""
        return (self.expected, *self.expected_answers)

    @property
    def chunks(self) -> tuple[str, ...]:
        """Ids of all chunks that hold the answer together; () where none is known."""
        return (self.chunk, *self.other_chunks) if self.chunk is not None else ()


class MetricResult(Record):
    """What a metric plugin returns: one number for each prediction, in order.

    None says that the metric does not apply to that item. The core makes the mean, the interval and the paired test.
    What it leaves out of `unit` and `higher_is_better` is as the metric's `MetricDescription` says.
    `unit` is "rate" for shares between 0 and 1 (shown as percentages), else a word shown behind the number.
    `higher_is_better` is None where neither direction is better (answer length, say).
    `unjudged` holds the places of answers that a judge gave no verdict on: their item is 0, so that they stay in the
    mean, and reports count them. `details` is written beside the metric in the results file.
    """

    name: str
    items: list[float | None]
    higher_is_better: bool | None = True
    unit: str = "rate"
    unjudged: list[int] = Field(default_factory=list)
    details: dict[str, Any] = Field(default_factory=dict)

    def part(self, places: Sequence[int]) -> MetricResult:
        """The result for the predictions at `places` only."""
        unjudged = set(self.unjudged)
        kept = [new for new, old in enumerate(places) if old in unjudged]
        return self.model_copy(update={"items": [self.items[place] for place in places], "unjudged": kept})


class MetricSummary(Record):
    """A metric's mean over `n` items with its 95 % interval, resampled by document. Rates are percentages (0-100).

    `unjudged` of the `n` got no verdict and count as 0.
    """

    name: str
    mean: float | None
    low: float | None
    high: float | None
    n: int
    unit: str = "rate"
    higher_is_better: bool | None = True
    unjudged: int = 0


class Evaluation(Record):
    """One arm's results file: `metadata`, `metrics` and one item a question under `results`.

    `metrics` keeps the keys of DYAG 2.0 (success_rate, exact_match_rate, avg_time_seconds, avg_tokens, total_tokens,
    errors) beside `summaries` (name -> MetricSummary), `strata` (stratum -> name -> MetricSummary) and `descriptions`
    (name -> MetricDescription, so that the file can be read where a metric isn't installed).
    `repeats` holds metric -> mean for every time that the questions were asked; the first is the one of `results`.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    schema_version: str = SCHEMA_VERSION
    metadata: dict[str, Any] = Field(default_factory=dict)
    metrics: dict[str, Any] = Field(default_factory=dict)
    results: list[dict[str, Any]] = Field(default_factory=list)
    repeats: list[dict[str, Any]] = Field(default_factory=list)


@dataclass(frozen=True)
class EvaluationFiles:
    """The results file of each arm and what stands in it, in the order in which the arms were named."""

    files: dict[str, Path]
    evaluations: dict[str, Evaluation]
