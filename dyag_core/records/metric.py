"""What a metric says about itself: how it is called, which way is better, when it is scored."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from dyag_core.records.base import Record


class MetricDescription(Record):
    """What a metric says about itself, as the attribute `dyag_metric` of its plugin. Every field may be left out.

    Texts are by language, {"en": ..., "fr": ...}; English stands in for a language that is missing, the plugin's name
    for a title. `title` is lower case and without article, for tables: "exact match". `phrase` is the title as it
    stands within a sentence, in French with its article: "l'exactitude". `meaning` is one line on what is counted.
    `higher_is_better` and `unit` count for every `MetricResult` that doesn't say them itself; `unit_title` is the
    unit's word behind a number.
    `scored` says when: "asked" where a user names the metric; "default" also where none is named; "retrieval" the
    same, if an arm retrieves; "always" beside whichever are named. A rate that is always scored is a yes or no: results
    files hold it under its name with each answer, too, and its mean as NAME_rate.
    `primary` is for the metric that decides where the user names no other. `place` orders the columns of tables, the
    smallest first. DYAG fills in `name`.
    """

    name: str = ""
    title: dict[str, str] = Field(default_factory=dict)
    phrase: dict[str, str] = Field(default_factory=dict)
    meaning: dict[str, str] = Field(default_factory=dict)
    higher_is_better: bool | None = True
    unit: str = "rate"
    unit_title: dict[str, str] = Field(default_factory=dict)
    scored: Literal["asked", "default", "retrieval", "always"] = "asked"
    primary: bool = False
    place: int = 100
