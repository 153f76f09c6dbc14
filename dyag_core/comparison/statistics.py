"""The statistics of a comparison: every arm's figures and every pair's difference, overall and in each stratum."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dyag_core.comparison.differences import CEILINGS, all_differences, count_documents, indices_by_stratum
from dyag_core.comparison.matching import Matched
from dyag_core.comparison.noise import above_noise, noise
from dyag_core.comparison.result_files import Item, ResultFile
from dyag_core.comparison.scoring import Scored
from dyag_core.errors import UsageError
from dyag_core.evaluation.stats import summarise
from dyag_core.records import ArmSummary, Difference, Latency, MetricDescription, MetricResult, MetricSummary
from dyag_core.records.comparison import MINIMUM_DOCUMENTS, MINIMUM_QUESTIONS
from dyag_core.text.formatting import rounded
from dyag_core.text.sanitize import plain

#: What a model says to itself is no part of its answer; the tag stays open where the answer was cut.
_REASONING = re.compile(r"<think>.*?(?:</think>|\Z)", re.DOTALL)


@dataclass(frozen=True)
class Measured:
    """What was measured on `n` questions: the arms in the order of a report, and the differences between them.

    `n_documents` counts a question that names no document as one. `n_unanswerable` of the questions have no answer in
    the documents.
    """

    primary: str
    descriptions: dict[str, MetricDescription]
    n: int
    n_documents: int
    n_unanswerable: int
    arms: list[ArmSummary]
    differences: list[Difference]

    @property
    def contenders(self) -> list[ArmSummary]:
        """The arms that somebody could run."""
        return [arm for arm in self.arms if arm.name not in CEILINGS]

    @property
    def strata(self) -> list[str]:
        """Strata in which two contenders can be compared."""
        apart = (d for d in self.differences if d.stratum is not None and not {d.a, d.b} & set(CEILINGS))
        return list(dict.fromkeys(d.stratum for d in apart if d.stratum is not None))

    @property
    def enough(self) -> bool:
        """Whether there are questions and documents enough to conclude anything, be it that the arms tie."""
        return self.n >= MINIMUM_QUESTIONS and self.n_documents >= MINIMUM_DOCUMENTS

    @property
    def metric(self) -> MetricDescription:
        """The primary metric."""
        return self.descriptions[self.primary]

    @property
    def higher_is_better(self) -> bool:
        """Whether more of the primary metric is better."""
        return bool(self.arms[0].metrics[self.primary].higher_is_better)

    def pairs(self, stratum: str | None = None) -> list[Difference]:
        """The contenders' differences on the primary metric, overall or in one stratum."""
        return [d for d in self.differences if d.primary and d.stratum == stratum and not {d.a, d.b} & set(CEILINGS)]

    def between(self, arm: str, other: str, stratum: str | None = None) -> Difference:
        """The difference of two arms on the primary metric, `arm` first."""
        found = (d for d in self.differences if d.primary and d.stratum == stratum)
        return next(d for d in found if {d.a, d.b} == {arm, other}).seen_from(arm)

    def summary(self, arm: str, stratum: str | None = None) -> MetricSummary:
        """An arm's primary metric, overall or in one stratum."""
        found = next(each for each in self.arms if each.name == arm)
        return (found.metrics if stratum is None else found.strata[stratum])[self.primary]

    def means(self, stratum: str | None = None) -> dict[str, float]:
        """Contender -> its mean on the primary metric, overall or in one stratum."""
        return {arm.name: self.summary(arm.name, stratum).mean or 0.0 for arm in self.contenders}


def measure(
    files: Mapping[str, ResultFile],
    matched: Matched,
    scored: Scored,
    primary: str,
    possible_refusals: Mapping[str, Sequence[int]] | None = None,
) -> Measured:
    """Means, intervals and paired tests of everything that was scored.

    Args:
        possible_refusals: arm -> places of answers that may be refusals; their number stands with the arm.

    Raises:
        UsageError: two arms have no question with a score on the primary metric in common.
    """
    documents = [question.document for question in matched.questions]
    strata = [question.stratum for question in matched.questions]
    differences = all_differences(scored.metrics, primary, documents, strata)
    if sum(d.primary and d.stratum is None for d in differences) < len(files) * (len(files) - 1) // 2:
        raise UsageError(f"no question has a score on {primary!r} in every pair of arms")
    doubtful = {arm: len(places) for arm, places in (possible_refusals or {}).items()}
    arms = [_arm(arm, file, matched, scored, primary, doubtful.get(arm, 0)) for arm, file in files.items()]
    return Measured(
        primary=primary,
        descriptions=scored.descriptions,
        n=len(matched.questions),
        n_documents=count_documents(documents),
        n_unanswerable=sum(not question.answerable for question in matched.questions),
        arms=arms,
        differences=above_noise(differences, arms),
    )


def _arm(
    arm: str, file: ResultFile, matched: Matched, scored: Scored, primary: str, possible_refusals: int
) -> ArmSummary:
    items, clusters = matched.items[arm], [question.document for question in matched.questions]
    results = {name: by_arm[arm] for name, by_arm in scored.metrics.items()}
    seconds = [item.prediction.seconds for item in items if item.prediction.error is None]
    timed = np.asarray(seconds) if any(seconds) else None
    # A metric that does not apply to the answers of either arm is no news; one that fails for a single arm is.
    others = [by_arm.items for other, by_arm in scored.metrics[primary].items() if other != arm]
    mine = results[primary].items
    unscored = sum(
        value is None and any(values[index] is not None for values in others) for index, value in enumerate(mine)
    )
    return ArmSummary(
        name=arm,
        file=plain(file.path.name),
        metadata=file.metadata,
        metrics={name: _summary(result, clusters, range(len(items))) for name, result in results.items()},
        strata={
            stratum: {name: _summary(result, clusters, places) for name, result in results.items()}
            for stratum, places in indices_by_stratum([q.stratum for q in matched.questions]).items()
        },
        errors=sum(item.prediction.error is not None for item in items),
        truncated=sum(item.prediction.truncated for item in items),
        empty=sum(_is_empty(item) for item in items),
        unusable=sum(
            item.prediction.error is not None or item.prediction.truncated or _is_empty(item) for item in items
        ),
        unscored=unscored,
        possible_refusals=possible_refusals,
        repeats=max(1, len(file.repeats)),
        noise=noise(file.repeats),
        details={name: result.details for name, result in results.items() if result.details},
        seen_in_training=sum(item.prediction.seen_in_training for item in items),
        without_seen=_without_seen(results[primary], items),
        median_seconds=None if timed is None else rounded(float(np.median(timed)), 2),
        p95_seconds=None if timed is None else rounded(float(np.percentile(timed, 95)), 2),
        latency=_latency(timed),
        prompt_tokens=_median([item.prediction.prompt_tokens for item in items]),
        completion_tokens=_median([item.prediction.completion_tokens for item in items]),
        total_tokens=_total(items),
    )


def _is_empty(item: Item) -> bool:
    """An answer came, but without a word to the user."""
    return item.prediction.error is None and not _REASONING.sub("", item.prediction.answer).strip()


def _without_seen(result: MetricResult, items: Sequence[Item]) -> float | None:
    """The mean over the questions that were not trained on word for word; None where that is all of them or none."""
    places = [place for place, item in enumerate(items) if not item.prediction.seen_in_training]
    mean = summarise(result.part(places), [None] * len(places)).mean if 0 < len(places) < len(items) else None
    return None if mean is None else rounded(mean)


def _summary(result: MetricResult, clusters: Sequence[str | None], places: Sequence[int]) -> MetricSummary:
    """A metric over some of the questions, rounded as it will be shown."""
    summary = summarise(result.part(places), [clusters[i] for i in places])
    numbers = {name: getattr(summary, name) for name in ("mean", "low", "high")}
    return summary.model_copy(update={k: None if v is None else rounded(v) for k, v in numbers.items()})


def _latency(seconds: np.ndarray[Any, Any] | None) -> Latency | None:
    if seconds is None:
        return None
    low, lower, median, upper, high, longest = (
        rounded(float(np.percentile(seconds, percent)), 2) for percent in (5, 25, 50, 75, 95, 100)
    )
    return Latency(
        low=low, lower_quarter=lower, median=median, upper_quarter=upper, high=high, longest=longest, n=len(seconds)
    )


def _median(counts: Sequence[int]) -> float | None:
    return round(float(np.median(counts))) if any(counts) else None


def _total(items: Sequence[Item]) -> int | None:
    return sum(item.tokens for item in items) or None
