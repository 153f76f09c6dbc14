"""`dyag compare-models`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from dyag_core.cli.common import (
    FilePath,
    json_option,
    lang_option,
    metric_options,
    reporter_options,
    seed_option,
    session,
)
from dyag_core.cli.plugin_parameters import PluginCommand, PluginName
from dyag_core.errors import UsageError
from dyag_core.plugin import discovery
from dyag_core.plugin.families import normalise_name

#: the published names of --format and the reporters they stand for
FORMATS = {
    "json": ["json"],
    "markdown": ["markdown"],
    "html": ["html"],
    "both": ["markdown", "json"],
    "all": ["markdown", "json", "html"],
}


class ReportFormat(click.Choice[str]):
    """The names of --format."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """As click does; a reporter that is no format is answered with the option that takes it."""
        if value not in self.choices and _is_reporter(str(value)):
            raise UsageError(
                f"--format {value}: it is one of {', '.join(self.choices)}",
                f"a plugin's report is asked for with --reporter {value}",
            )
        return super().convert(value, param, ctx)


def _is_reporter(name: str) -> bool:
    known = {normalise_name(entry.name) for entry in discovery.entries("reporters")}
    return normalise_name(name) in known


@click.command("compare-models", cls=PluginCommand, short_help="Say which arm to use, with intervals.")
@click.option("--rag-results", type=FilePath, help="Results of evaluate-rag.")
@click.option("--finetuned-results", type=FilePath, help="Results of evaluate-finetuned.")
@click.option("--results", multiple=True, metavar="ARM=FILE", help="Results of any arm, may be repeated.")
@click.option("--output", type=FilePath, required=True, help="Prefix of the reports: PREFIX.md, PREFIX.json ...")
@click.option(
    "--format",
    "format_",
    type=ReportFormat(list(FORMATS)),
    default="both",
    show_default=True,
    help="Reports to write; both: Markdown and JSON, all: HTML too.",
)
@click.option(
    "--reporter",
    cls=PluginName,
    family="reporters",
    multiple=True,
    help="Reporter plugin beside --format, may be repeated.",
)
@reporter_options
@click.option(
    "--primary",
    cls=PluginName,
    family="metrics",
    help="The metric that decides; by default the one that says so of itself.",
)
@click.option(
    "--metric",
    cls=PluginName,
    family="metrics",
    multiple=True,
    help="Metric to score from the answers if the files lack it; may be repeated.",
)
@metric_options
@lang_option
@click.option("--changes-per-month", type=float, help="How often the documents change: each time, train anew.")
@click.option("--queries-per-month", type=float, help="How many questions are asked.")
@click.option("--price-hour", type=float, help="Of the machine; the cost is then in money, in any one currency.")
@click.option("--price-in", type=float, help="Per million prompt tokens, where queries are paid by the token.")
@click.option("--price-out", type=float, help="Per million answer tokens.")
@click.option("--training-seconds", type=float, help="Of the fine-tuning, where the results file does not say.")
@click.option("--data-seconds", type=float, help="Of making the training data, which no results file says.")
@click.option("--index-seconds", type=float, help="Of building the index, where the results file does not say.")
@click.option("--open", "open_", is_flag=True, help="Show the HTML report in the browser (writes it if need be).")
@click.option("--force", is_flag=True, help="Compare although questions, base or decoding differ; the report says so.")
@seed_option
@json_option
def command(
    rag_results: Path | None,
    finetuned_results: Path | None,
    results: tuple[str, ...],
    output: Path,
    format_: str,
    reporter: tuple[str, ...],
    reporter_option: tuple[str, ...],
    primary: str | None,
    metric: tuple[str, ...],
    metric_option: tuple[str, ...],
    lang: str | None,
    force: bool,
    seed: int,
    as_json: bool,
    open_: bool,
    **cost: float | None,
) -> None:
    """Compare result files of the same questions: who is better on what, by how much, and how sure that is.

    A metric that is given options (-m) is scored anew from the answers of every file; no question is asked again.
    """
    from dyag_core.cli.compare_output import show_in_browser, show_verdict
    from dyag_core.plugin.options import parse_named_pairs
    from dyag_core.records import CostOptions

    files = {name: file for name, file in [("rag", rag_results), ("finetuned", finetuned_results)] if file is not None}
    for pair in results:
        arm, equals, file_name = pair.partition("=")
        if not equals or not arm or not file_name:
            raise UsageError(f"--results {pair!r} is not ARM=FILE")
        if arm in files:
            raise UsageError(f"two result files are given for the arm {arm!r}")
        files[arm] = Path(file_name)
    if len(files) < 2:
        raise UsageError(
            "a comparison needs two result files or more",
            "dyag compare-models --rag-results RAG.json --finetuned-results FT.json --output comparison",
        )
    reporters = list(dict.fromkeys([*FORMATS[format_], *reporter, *(["html"] if open_ else [])]))
    made = session(seed, lang).compare(
        files,
        output=output,
        reporters=reporters,
        reporter_options=parse_named_pairs("reporters", reporter_option, reporter),
        primary=primary,
        metrics=metric,
        metric_options=parse_named_pairs("metrics", metric_option, metric),
        force=force,
        cost=CostOptions(**cost),
    )
    show_verdict(made, as_json=as_json, metrics=metric)
    if open_:
        show_in_browser(made.files["html"])
