"""Paired differences between the arms, corrected for being many, and which arm they put first."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from dyag_core.evaluation.stats import ALPHA, holm, mcnemar, paired_interval
from dyag_core.records import Difference, MetricResult
from dyag_core.records.comparison import MINIMUM_DOCUMENTS, MINIMUM_QUESTIONS, UNLABELLED
from dyag_core.text.formatting import rounded, significant

#: What an arm asks of those who run it, least first: nothing, an index, training, both.
SIMPLEST_FIRST = ("base", "rag", "finetuned", "hybrid")

#: Arms that nobody can run outside a test (the oracle is given the right passage): shown, never recommended.
CEILINGS = ("oracle",)


def all_differences(
    metrics: Mapping[str, Mapping[str, MetricResult]],
    primary: str,
    documents: Sequence[Hashable],
    strata: Sequence[str | None],
) -> list[Difference]:
    """Every pair of arms on every metric, and on the primary metric in every stratum; the later arm minus the earlier.

    Holm's correction runs in three families: the primary metric's pairs, all other metrics, the strata. So the chance
    of one false winner among all pairs on the primary metric stays at 5 %, however many arms there are. Pairs with a
    ceiling make three families of their own: whether it was measured must not change the verdict.
    """
    whole: dict[str | None, list[int]] = {None: list(range(len(documents)))}
    apart: dict[str | None, list[int]] = dict(indices_by_stratum(strata).items())
    first = {primary: metrics[primary]}
    others = {name: results for name, results in metrics.items() if name != primary}
    return [
        difference
        for family, parts in ((first, whole), (others, whole), (first, apart))
        for with_ceiling in (False, True)
        for difference in _family(family, primary, documents, parts, with_ceiling)
    ]


def indices_by_stratum(strata: Sequence[str | None]) -> dict[str, list[int]]:
    """Stratum -> places of its questions; those without one are a stratum too, unless nothing has one."""
    apart: dict[str, list[int]] = {}
    for index, stratum in enumerate(strata):
        apart.setdefault(stratum or UNLABELLED, []).append(index)
    return dict(sorted(apart.items())) if any(strata) else {}


def count_documents(documents: Sequence[Hashable]) -> int:
    """How many documents there are; a question that names none counts as one."""
    named = [document for document in documents if document is not None]
    return len(set(named)) + len(documents) - len(named)


def _family(
    metrics: Mapping[str, Mapping[str, MetricResult]],
    primary: str,
    documents: Sequence[Hashable],
    parts: Mapping[str | None, Sequence[int]],
    with_ceiling: bool,
) -> list[Difference]:
    """One family of tests: each metric, part of the questions and pair of arms (those with a ceiling, or the others);
    corrected together.
    """
    found: list[tuple[Difference, float, bool | None]] = []
    for metric, results in metrics.items():
        for stratum, indices in parts.items():
            for b, a in combinations(results, 2):
                if with_ceiling != bool({a, b} & set(CEILINGS)):
                    continue
                pairs = _pairs(results[a], results[b], documents, indices)
                if pairs:
                    told = {"metric": metric, "primary": metric == primary, "stratum": stratum, "a": a, "b": b}
                    difference, p_value = _difference(pairs, results[a].unit, told)
                    found.append((difference, p_value, results[a].higher_is_better))
    corrected = holm([p_value for _, p_value, _ in found])
    return [
        difference.model_copy(update={"p_holm": significant(p), "winner": _winner(difference, p, higher)})
        for (difference, _, higher), p in zip(found, corrected, strict=True)
    ]


def _pairs(
    a: MetricResult, b: MetricResult, documents: Sequence[Hashable], indices: Sequence[int]
) -> list[tuple[float, float, Hashable]]:
    """The scores of both arms and the document, for the questions that both have a score for."""
    return [
        (left, right, documents[i])
        for i in indices
        if (left := a.items[i]) is not None and (right := b.items[i]) is not None
    ]


def _difference(
    pairs: Sequence[tuple[float, float, Hashable]], unit: str, told: Mapping[str, Any]
) -> tuple[Difference, float]:
    """The paired difference, rounded for people, and its unrounded p-value."""
    lefts, rights, clusters = (list(column) for column in zip(*pairs, strict=True))
    rate = unit == "rate"
    found = paired_interval(lefts, rights, clusters, rate=rate)
    scale = 100.0 if rate else 1.0
    yes_or_no = rate and {*lefts, *rights} <= {0.0, 1.0}
    n_documents = count_documents(clusters)
    difference = Difference(
        **told,
        difference=rounded(scale * found.difference),
        low=rounded(scale * found.low),
        high=rounded(scale * found.high),
        n=len(pairs),
        n_documents=n_documents,
        p_value=significant(found.p_value),
        p_exact=significant(mcnemar(lefts, rights)) if yes_or_no else None,
        detectable=rounded(scale * found.detectable) if n_documents >= MINIMUM_DOCUMENTS else None,
        unit=unit,
    )
    return difference, found.p_value


def _winner(difference: Difference, p_holm: float, higher_is_better: bool | None) -> str | None:
    excludes_zero = difference.low > 0 or difference.high < 0
    if higher_is_better is None or not excludes_zero or p_holm >= ALPHA or not enough(difference):
        return None
    return difference.a if (difference.difference > 0) == higher_is_better else difference.b


def enough(difference: Difference) -> bool:
    """Whether a difference rests on enough questions and documents to conclude anything from it."""
    documents = difference.n_documents
    return difference.n >= MINIMUM_QUESTIONS and (documents is None or documents >= MINIMUM_DOCUMENTS)


@dataclass(frozen=True)
class Standing:
    """How the arms stand on one metric: `leader` beats every other arm, or is None.

    `tied` is the arm with the best mean (`best`) and those that it does not clearly beat, simplest first; `beaten` are
    the rest.
    """

    best: str
    leader: str | None
    tied: list[str]
    beaten: list[str]


def standing(differences: Sequence[Difference], means: Mapping[str, float], higher_is_better: bool) -> Standing:
    """Who leads, by the pairwise winners on one metric. No counting of wins: the best arm must beat each of the others.

    Of equal means, the simpler arm stands for the best.
    """
    order = {arm: place for place, arm in enumerate(SIMPLEST_FIRST)}
    simplest = sorted(means, key=lambda arm: (order.get(arm, len(order)), arm))
    best = max(simplest, key=lambda arm: means[arm] if higher_is_better else -means[arm])
    beaten_by_best = {d.b if d.winner == d.a else d.a for d in differences if d.winner == best and best in (d.a, d.b)}
    tied = [arm for arm in simplest if arm not in beaten_by_best]
    beaten = [arm for arm in simplest if arm in beaten_by_best]
    return Standing(best=best, leader=best if len(tied) == 1 else None, tied=tied, beaten=beaten)
