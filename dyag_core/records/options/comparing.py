"""Options of the stage compare."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dyag_core.records.cost import CostOptions
from dyag_core.records.options.declare import OptionsByPlugin, StageOptions, metric_options, option


class CompareOptions(StageOptions):
    """Options of `dyag compare-models`."""

    output: Path | None = option(None, "Prefix of the reports: PREFIX.md, PREFIX.json ...")
    reporters: Sequence[str] = option(
        ("markdown", "json", "html"),
        "Reporter plugin beside --format, may be repeated.",
        flags=("--reporter",),
        family="reporters",
    )
    reporter_options: OptionsByPlugin | None = option(
        None,
        "Option of a reporter, may be repeated; see: dyag plugins show reporters NAME.",
        flags=("-r", "--reporter-option"),
        metavar="REPORTER.KEY=VALUE",
        family="reporters",
    )
    primary: str | None = option(
        None, "The metric that decides; by default the one that says so of itself.", family="metrics"
    )
    metrics: Sequence[str] = option(
        (),
        "Metric to score from the answers if the files lack it; may be repeated.",
        flags=("--metric",),
        family="metrics",
    )
    metric_options: OptionsByPlugin | None = metric_options()
    cost: CostOptions | None = option(None, "What the files can't know: prices, rates and seconds.")
    votes: Path | None = option(None, "The file of dyag serve --votes: people's preference beside the scores.")
    force: bool = option(False, "Compare although questions, base or decoding differ; the report says so.")
