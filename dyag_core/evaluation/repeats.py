"""The same arm asked again: how far it differs from itself, which is what no difference between arms can go below.

Where answers are sampled, each repetition draws with another seed. Where they are greedy, it asks in another order: the
questions that share a batch with one, or a server's other load, may then change an answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from dyag_core.evaluation.stats import summarise

if TYPE_CHECKING:
    from dyag_core.plugin.entry import Chosen
    from dyag_core.plugin.host import Plugins
    from dyag_core.plugin.run import Run
    from dyag_core.records import Decoding, MetricResult, Prediction


def decoding_of(decoding: Decoding, repetition: int) -> Decoding:
    """How a repetition is decoded; the first, 0, as was asked for."""
    return decoding.model_copy(update={"seed": decoding.seed + repetition})


def order_of(count: int, repetition: int, run: Run) -> list[int]:
    """The places of `count` questions in the order in which a repetition asks them; the first as they stand."""
    order = list(range(count))
    if repetition:
        run.random("repeat", repetition).shuffle(order)
    return order


def means(
    repetitions: Iterable[Sequence[Prediction]], scorers: Sequence[Chosen], plugins: Plugins, run: Run
) -> list[dict[str, Any]]:
    """For each repetition the mean of every metric, rates in percent: `repeats` of a results file."""
    return [
        {result.name: _mean(result) for scorer in scorers if (result := plugins.score(scorer, predictions, run))}
        for predictions in repetitions
    ]


def _mean(result: MetricResult) -> float | None:
    return summarise(result, [None] * len(result.items)).mean
