"""What the arms cost: once and for each query, and from which query on the dearer start pays.

Numbers are rounded here as everywhere in a comparison, and what follows from them is reckoned from the rounded ones, so
that a reader can check it.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from dyag_core.records.base import Record

#: What an arm costs before its first answer, and what a query costs: the numbers that a results file may lack.
CostPart = Literal["training", "data", "index", "seconds", "tokens"]


class CostOptions(Record):
    """What the files can't know. Seconds stand in where a results file doesn't say.

    Prices are in any one currency: `price_hour` of the machine, `price_in` and `price_out` per million tokens. Where
    tokens have a price, queries are paid by the token, not by the machine's time.
    """

    changes_per_month: float | None = Field(None, description="How often the documents change: each time, train anew.")
    queries_per_month: float | None = Field(None, description="How many questions are asked.")
    price_hour: float | None = Field(
        None, description="Of the machine; the cost is then in money, in any one currency."
    )
    price_in: float | None = Field(None, description="Per million prompt tokens, where queries are paid by the token.")
    price_out: float | None = Field(None, description="Per million answer tokens.")
    training_seconds: float | None = Field(None, description="Of the fine-tuning, where the results file does not say.")
    data_seconds: float | None = Field(None, description="Of making the training data, which no results file says.")
    index_seconds: float | None = Field(None, description="Of building the index, where the results file does not say.")


class ArmCost(Record):
    """One arm. Seconds are as measured, tokens the mean a query; `once` and `thousand` are in the cost's unit.

    `once` is what was spent before the first answer, without the parts in `missing` (None where training is among
    them); `thousand` is the cost of 1000 queries; `month` that of a month with the changes and queries asked for,
    everything that is spent once being spent again at each change.
    """

    arm: str
    training_seconds: float | None = None
    training_device: str | None = None
    data_seconds: float | None = None
    index_seconds: float | None = None
    query_seconds: float | None = None
    prompt_tokens: float | None = None
    completion_tokens: float | None = None
    once: float | None = None
    thousand: float | None = None
    month: float | None = None
    missing: list[CostPart] = Field(default_factory=list)


class BreakEven(Record):
    """`arm` costs more once than `against`; after `queries` it has cost no more (`total`), or never (None).

    `at_least`: a part of what `arm` costs once is not recorded, so it takes more queries than these.
    """

    arm: str
    against: str
    queries: int | None
    total: float | None = None
    at_least: bool = False


class Curve(Record):
    """What each arm has cost in all after so many queries."""

    queries: list[int]
    totals: dict[str, list[float]]


class Cost(Record):
    """The arms that somebody could run (the oracle is none), who pays against whom, and what is not known.

    `thousand` of an arm is the cost of `per` queries. `unit` is "seconds", or "money" where prices were given.
    `sentences` and `missing` are for people.
    """

    unit: Literal["seconds", "money"]
    per: int = 1000
    options: CostOptions
    arms: list[ArmCost]
    break_even: list[BreakEven] = Field(default_factory=list)
    curve: Curve | None = None
    sentences: list[dict[str, str]] = Field(default_factory=list)
    missing: list[dict[str, str]] = Field(default_factory=list)
