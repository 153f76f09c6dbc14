"""The rule that names winners, whole: how often it errs where nothing differs, and what it finds where something does.

Right and wrong answers are drawn, go through the differences of a comparison, and what is counted is the winner that a
report would show. `make simulate` runs every design, `make test` a few.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import beta

from dyag_core.comparison.differences import all_differences, standing
from dyag_core.evaluation.stats import clustered_interval, paired_interval
from dyag_core.records import MetricResult

ARMS = ("base", "rag", "finetuned", "hybrid")


def documents_of(rng, count, size, uneven=True):
    """Document of each question: `count` documents with `size` questions each, or on average."""
    sizes = rng.integers(1, 2 * size, count) if uneven and size > 1 else np.full(count, size)
    return np.repeat(np.arange(count), sizes)


def right(rng, documents, rate, correlation):
    """Right answers, as correlated within a document as asked."""
    chance = np.full(documents.size, rate)
    if correlation:
        spread = (1 - correlation) / correlation
        chance = rng.beta(rate * spread, (1 - rate) * spread, documents.max() + 1)[documents]
    return (rng.random(documents.size) < chance).astype(float)


def winners(answers, documents, strata=None, metric="success"):
    """(differences, leader) as a comparison of these answers finds them; `answers` maps arm to scores."""
    metrics = {"success": {arm: MetricResult(name=metric, items=values.tolist()) for arm, values in answers.items()}}
    differences = all_differences(metrics, "success", documents.tolist(), strata or [None] * documents.size)
    overall = [d for d in differences if d.stratum is None]
    means = {arm: float(values.mean()) for arm, values in answers.items()}
    return differences, standing(overall, means, True).leader


def false_winners(draws, arms, count, size, rate, correlation, strata=1, seed=1):
    """Share of comparisons of arms that don't differ in which any pair, overall or in a stratum, has a winner."""
    rng, overall, apart = np.random.default_rng(seed), 0, 0
    for _ in range(draws):
        documents = documents_of(rng, count, size)
        labels = [f"s{d % strata}" for d in documents] if strata > 1 else None
        drawn = {arm: right(rng, documents, rate, correlation) for arm in ARMS[:arms]}
        differences, leader = winners(drawn, documents, labels)
        named = [d for d in differences if d.winner]
        overall += any(d.stratum is None for d in named)
        apart += any(d.stratum is not None for d in named)
        assert leader is None or any(d.stratum is None for d in named)
    return overall / draws, apart / draws


QUICK = [
    # draws, arms, documents, questions each, rate, correlation within a document
    (1000, 2, 100, 1, 0.5, 0.0),
    (1000, 2, 30, 5, 0.7, 0.3),
    (300, 4, 40, 4, 0.6, 0.3),
]
SWEEP = [
    (1000, arms, count, size, rate, correlation)
    for arms in (2, 4)
    for count, size in ((30, 1), (100, 1), (500, 1), (10, 6), (30, 4), (100, 5))
    for rate in (0.1, 0.5, 0.9)
    for correlation in ((0.0,) if size == 1 else (0.0, 0.3))
]


@pytest.mark.parametrize("design", [*QUICK, *(pytest.param(design, marks=pytest.mark.slow) for design in SWEEP)])
def test_false_winners_are_rare(design):
    draws, *rest = design
    overall, _ = false_winners(draws, *rest)
    assert overall <= 0.07


@pytest.mark.slow
@pytest.mark.parametrize("correlation", [0.0, 0.3])
def test_false_winners_in_strata_are_rare(correlation):
    assert max(false_winners(1000, 4, 90, 4, 0.6, correlation, strata=3)) <= 0.07


@pytest.mark.parametrize(("count", "size", "correlation"), [(500, 1, 0.0), (100, 5, 0.02)])
@pytest.mark.parametrize("draws", [150, pytest.param(1000, marks=pytest.mark.slow)])
def test_a_gap_of_15_points_is_found_with_500_questions(count, size, correlation, draws):
    """A gap from 55 to 70 %: the hardest place for rates is the middle."""
    rng, found = np.random.default_rng(3), 0
    for _ in range(draws):
        documents = documents_of(rng, count, size, uneven=False)
        drawn = {
            "rag": right(rng, documents, 0.55, correlation),
            "hybrid": right(rng, documents, 0.70, correlation),
        }
        _, leader = winners(drawn, documents)
        assert leader != "rag"
        found += leader == "hybrid"
    assert found / draws >= 0.95


#: documents, questions each, correlation, how unlike the documents' sizes are
COVERED = [
    *((count, 1, 0.0, "alike") for count in (15, 30, 100, 500)),
    *(
        (count, size, 0.3, kind)
        for count, size in ((10, 5), (30, 4), (100, 5))
        for kind in ("uneven", "skewed", "one large")
    ),
    (8, 6, 0.3, "skewed"),
    (12, 5, 0.3, "one large"),
]


def of_sizes(rng, count, size, kind):
    """Document of each question: sizes alike, evenly spread, mostly small with a long tail, or one with half of all."""
    if kind in ("alike", "uneven"):
        return documents_of(rng, count, size, uneven=kind == "uneven")
    sizes = rng.geometric(1 / size, count) if kind == "skewed" else np.full(count, size)
    if kind == "one large":
        sizes[0] = size * count // 2
    return np.repeat(np.arange(count), sizes)


@pytest.mark.slow
@pytest.mark.parametrize("rate", [0.02, 0.1, 0.5, 0.9, 0.98])
@pytest.mark.parametrize(("count", "size", "correlation", "kind"), COVERED)
def test_intervals_cover(count, size, correlation, kind, rate):
    """Never below 94 %, as far as 4000 draws can tell. At most 97 % where 10 answers of either kind can be expected and
    no document holds much more than another: else counts are so coarse that no interval is exact, and these err on the
    safe side.
    """
    rng, draws, gap = np.random.default_rng(5), 4000, 0.1 if rate < 0.5 else -0.1
    mean = pair = 0
    for _ in range(draws):
        documents = of_sizes(rng, count, size, kind)
        a, b = right(rng, documents, rate, correlation), right(rng, documents, rate + gap, correlation)
        one, two = clustered_interval(a, documents.tolist()), paired_interval(b, a, documents.tolist())
        mean += one.low <= rate <= one.high
        pair += two.low <= gap <= two.high
    chance = 1.645 * np.sqrt(0.94 * 0.06 / draws)  # of a true 94 %, one sample in 20 lies further below
    assert mean / draws >= 0.94 - chance
    assert pair / draws >= 0.94 - chance
    effective = count * size / (1 + (size - 1) * correlation)
    if effective * rate * (1 - rate) >= 10 and kind in ("alike", "uneven"):
        assert mean / draws <= 0.97
        assert pair / draws <= 0.97


#: documents, questions each, correlation within a document
SEEN = [(8, 8, 0.3), (12, 5, 0.05), (60, 1, 0.0), (100, 5, 0.3)]


@pytest.mark.parametrize(("count", "size", "correlation"), SEEN)
@pytest.mark.parametrize("draws", [100, pytest.param(1000, marks=pytest.mark.slow)])
def test_the_difference_that_can_be_seen_is_seen_four_times_out_of_five(count, size, correlation, draws):
    """At the gap that equal arms are said to be able to show; at half of it, rarely."""
    rng = np.random.default_rng(8)
    documents = documents_of(rng, count, size, uneven=False)

    def drawn(gap):
        a, b = right(rng, documents, 0.5 + gap / 2, correlation), right(rng, documents, 0.5 - gap / 2, correlation)
        return paired_interval(a, b, documents.tolist())

    told = float(np.median([drawn(0).detectable for _ in range(draws)]))
    seen, half = (sum(drawn(gap).low > 0 for _ in range(draws)) / draws for gap in (told, told / 2))
    assert 0.75 - 0.5 / np.sqrt(draws) <= seen <= 0.95
    assert half <= 0.5


@pytest.mark.parametrize("documents", [2, 4])
def test_with_very_few_documents_hardly_any_difference_could_be_seen(documents):
    """Half of the questions differ, to either side alike, so the true difference is anybody's guess."""
    labels = [i % documents for i in range(60)]
    a, b = [float(i % 4 < 2) for i in range(60)], [float((i // 2) % 2) for i in range(60)]
    found = paired_interval(a, b, labels)
    assert found.detectable >= (found.high - found.low) / 2
    assert found.detectable >= 0.6


@pytest.mark.parametrize("n", [15, 30, 100, 500])
def test_rates_are_no_vaguer_than_the_exact_interval(n):
    """Clopper & Pearson's interval never covers less than 95 %, so it is as wide as one need be.

    With fewer than 5 answers of either kind ours is wider: 4.6 points instead of 3.6 for none of 100.
    """
    for successes in range(5, n - 4):
        found = clustered_interval([1.0] * successes + [0.0] * (n - successes), list(range(n)))
        low, high = beta.ppf(0.025, successes, n - successes + 1), beta.ppf(0.975, successes + 1, n - successes)
        assert found.high - found.low <= 1.05 * (high - low)
