"""`dyag compare-models`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from dyag_core.cli.common import FilePath, json_option, lang_option, seed_option, session
from dyag_core.cli.plugin_parameters import PluginCommand
from dyag_core.cli.stage_options import stage_options
from dyag_core.errors import UsageError
from dyag_core.plugin import discovery
from dyag_core.plugin.families import normalise_name
from dyag_core.records.options import CompareOptions

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
@click.option(
    "--format",
    type=ReportFormat(list(FORMATS)),
    default="both",
    show_default=True,
    help="Reports to write; both: Markdown and JSON, all: HTML too.",
)
@stage_options(CompareOptions, output={"required": True})
@lang_option
@click.option("--open", "open_", is_flag=True, help="Show the HTML report in the browser (writes it if need be).")
@seed_option
@json_option
def command(
    rag_results: Path | None,
    finetuned_results: Path | None,
    results: tuple[str, ...],
    given: dict[str, Any],
    format: str,
    lang: str | None,
    seed: int,
    as_json: bool,
    open_: bool,
) -> None:
    """Compare result files of the same questions: who is better on what, by how much, and how sure that is.

    A metric that is given options (-m) is scored anew from the answers of every file; no question is asked again.
    """
    from dyag_core.cli.compare_output import show_in_browser, show_verdict

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
    reporters = [*FORMATS[format], *given.get("reporters", ()), *(["html"] if open_ else [])]
    made = session(seed, lang).compare(files, **given | {"reporters": list(dict.fromkeys(reporters))})
    show_verdict(made, as_json=as_json, metrics=given.get("metrics", ()))
    if open_:
        show_in_browser(made.files["html"])
