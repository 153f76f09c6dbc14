"""Level, power and coverage by simulation; the exact parts against worked values."""

from __future__ import annotations

import math

import numpy as np
import pytest

from dyag_core.evaluation.stats import (
    clustered_interval,
    detectable_difference,
    holm,
    mcnemar,
    paired_interval,
    summarise,
)
from dyag_core.records import MetricResult


def beliefs(rng: np.random.Generator, documents: np.ndarray, mean: float, correlation: float) -> np.ndarray:
    """Chance of a right answer for each question: one draw a document, as correlated within it as asked."""
    if correlation == 0:
        return np.full(documents.size, mean)
    spread = (1 - correlation) / correlation
    return rng.beta(mean * spread, (1 - mean) * spread, documents.max() + 1)[documents]


def design(rng: np.random.Generator, count: int, size: int, uneven: bool) -> np.ndarray:
    sizes = rng.integers(1, 2 * size, count) if uneven else np.full(count, size)
    return np.repeat(np.arange(count), sizes)


DESIGNS = [
    # documents, questions each, rate, correlation within a document, uneven sizes
    (100, 1, 0.5, 0.0, False),
    (60, 1, 0.3, 0.0, False),
    (10, 10, 0.7, 0.2, False),
    (20, 6, 0.6, 0.3, True),
    (40, 10, 0.75, 0.25, True),
]


@pytest.mark.parametrize("shape", DESIGNS)
def test_intervals_cover_and_no_difference_is_rarely_a_winner(shape: tuple[int, int, float, float, bool]) -> None:
    count, size, rate, correlation, uneven = shape
    rng = np.random.default_rng(7)
    covered = false_winners = 0
    draws = 1000
    for _ in range(draws):
        documents = design(rng, count, size, uneven)
        a = rng.random(documents.size) < beliefs(rng, documents, rate, correlation)
        b = rng.random(documents.size) < beliefs(rng, documents, rate, correlation)
        labels = documents.tolist()
        interval = clustered_interval(a, labels)
        covered += interval.low <= rate <= interval.high
        paired = paired_interval(a, b, labels)
        false_winners += paired.low > 0 or paired.high < 0
    assert 0.93 <= covered / draws <= 0.975
    assert false_winners / draws <= 0.07


@pytest.mark.slow
@pytest.mark.parametrize("count", [5, 10, 30, 200])
@pytest.mark.parametrize("size", [1, 4, 12])
@pytest.mark.parametrize("rate", [0.2, 0.5, 0.8])
@pytest.mark.parametrize("correlation", [0.0, 0.2, 0.5])
def test_false_winners_over_a_sweep(count: int, size: int, rate: float, correlation: float) -> None:
    rng = np.random.default_rng(11)
    found = 0
    for _ in range(1000):
        documents = design(rng, count, size, True)
        a = rng.random(documents.size) < beliefs(rng, documents, rate, correlation)
        b = rng.random(documents.size) < beliefs(rng, documents, rate, correlation)
        paired = paired_interval(a, b, documents.tolist())
        found += paired.low > 0 or paired.high < 0
    assert found <= 70


@pytest.mark.parametrize("size", [1, 5])
def test_a_gap_of_15_points_is_found_with_500_questions(size: int) -> None:
    rng = np.random.default_rng(3)
    documents = np.repeat(np.arange(500 // size), size)
    found = 0
    for _ in range(300):
        a = rng.random(500) < beliefs(rng, documents, 0.70, 0.02)
        b = rng.random(500) < beliefs(rng, documents, 0.55, 0.02)
        found += paired_interval(a, b, documents.tolist()).low > 0
    assert found / 300 >= 0.95


def test_swapped_arms_give_the_mirrored_interval_to_the_last_bit() -> None:
    rng = np.random.default_rng(5)
    a, b, documents = rng.random(77), rng.random(77), rng.integers(0, 13, 77).tolist()
    one, other = paired_interval(a, b, documents), paired_interval(b, a, documents)
    assert (one.difference, one.low, one.high) == (-other.difference, -other.high, -other.low)
    assert one.p_value == other.p_value
    assert one.detectable == other.detectable


def test_identical_arms_tie_with_an_interval_that_is_not_a_point() -> None:
    paired = paired_interval([1, 0, 1] * 20, [1, 0, 1] * 20, list(range(60)))
    assert paired.difference == 0
    assert paired.low == -paired.high
    assert 2 / 60 < paired.high < 4 / 60  # about 2.8 / n
    assert paired.p_value == 1.0


@pytest.mark.parametrize("value", [0.0, 1.0])
@pytest.mark.parametrize("n", [1, 2, 40])
def test_all_alike_is_never_certain(value: float, n: int) -> None:
    interval = clustered_interval([value] * n, list(range(n)))
    assert interval.mean == value
    assert 0 <= interval.low <= value <= interval.high <= 1
    assert interval.high - interval.low > 1 / (n + 4)


def test_one_document_is_taken_question_by_question() -> None:
    values = [1, 0, 1, 1, 0, 1, 1, 1, 0, 1]
    assert clustered_interval(values, ["d"] * 10) == clustered_interval(values, list(range(10)))
    assert clustered_interval(values, [None] * 10) == clustered_interval(values, list(range(10)))


def test_the_interval_holds_its_mean_whatever_the_values() -> None:
    rng = np.random.default_rng(9)
    for _ in range(300):
        n = int(rng.integers(1, 30))
        values = rng.choice([0.0, 1.0, 0.5], n)
        documents = rng.integers(0, 6, n).tolist()
        interval = clustered_interval(values, documents)
        assert interval.low <= interval.mean + 1e-12
        assert interval.mean <= interval.high + 1e-12
        paired = paired_interval(values, rng.choice([0.0, 1.0], n), documents)
        assert paired.low <= paired.difference + 1e-12
        assert paired.difference <= paired.high + 1e-12
        assert all(map(math.isfinite, (*interval, *paired)))


def test_plain_means_without_clusters_agree_with_student() -> None:
    seconds = [1.2, 3.4, 2.2, 5.0, 4.1]
    interval = clustered_interval(seconds, list(range(5)), rate=False)
    half = 2.7764451 * np.std(seconds, ddof=1) / math.sqrt(5)
    assert interval.low == pytest.approx(np.mean(seconds) - half, rel=1e-6)
    assert interval.high == pytest.approx(np.mean(seconds) + half, rel=1e-6)


def test_correlated_questions_widen_the_interval() -> None:
    values = [1.0] * 20 + [0.0] * 20
    together = clustered_interval(values, [i // 5 for i in range(40)])
    apart = clustered_interval(values, list(range(40)))
    assert together.high - together.low > 1.5 * (apart.high - apart.low)


def test_mcnemar_is_the_binomial_test_of_the_discordant_pairs() -> None:
    a = [1] * 9 + [0] * 1 + [1] * 30
    b = [0] * 9 + [1] * 1 + [1] * 30
    assert mcnemar(a, b) == pytest.approx(2 * (1 + 10) / 2**10)
    assert mcnemar(a, a) == 1.0


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


def test_detectable_difference_by_hand() -> None:
    assert detectable_difference(0.3, 500) == pytest.approx(2.8 * math.sqrt(0.3 / 500), rel=1e-3)
    assert detectable_difference(0.3, 500, 4) == pytest.approx(2 * detectable_difference(0.3, 500))
    # Student's quantiles with 7 degrees of freedom: 2.365 and 0.896
    assert detectable_difference(0.3, 500, documents=8) == pytest.approx(3.261 * math.sqrt(0.3 / 500), rel=1e-3)


def test_no_difference_that_the_interval_holds_is_said_to_be_seen() -> None:
    rng = np.random.default_rng(4)
    for _ in range(200):
        n, documents = int(rng.integers(2, 60)), int(rng.integers(1, 20))
        a, b = rng.integers(0, 2, n), rng.integers(0, 2, n) * rng.integers(0, 2, n)
        found = paired_interval(a, b, rng.integers(0, documents, n).tolist())
        assert found.detectable >= (found.high - found.low) / 2 - 1e-12
        assert found.detectable <= 1


def test_rates_become_percentages_and_none_is_left_out() -> None:
    rate = summarise(MetricResult(name="success", items=[1.0, None, 0.0, 1.0]), ["a", "a", "b", "c"])
    assert (rate.n, rate.mean) == (3, pytest.approx(200 / 3))
    words = summarise(MetricResult(name="answer_length", items=[4.0, 6.0], unit="words"), ["a", "b"])
    assert words.mean == 5.0
    nothing = summarise(MetricResult(name="abstention", items=[None]), ["a"])
    assert (nothing.n, nothing.mean, nothing.low) == (0, None, None)


@pytest.mark.parametrize("values", [[], [float("nan")], [1.5]])
def test_values_that_are_no_rates_are_refused(values: list[float]) -> None:
    with pytest.raises(ValueError, match=r"expected|finite|between"):
        clustered_interval(values, list(range(len(values))))
