"""`dyag generate-training`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dyag_core.cli.common import FilePath, json_option, lang_option, seed_option, session, shell_path
from dyag_core.cli.plugin_parameters import PluginCommand
from dyag_core.cli.stage_options import stage_options
from dyag_core.errors import UsageError
from dyag_core.records.options import GenerateOptions

if TYPE_CHECKING:
    from dyag_core.records import Explanation, GenerationEstimate


@click.command("generate-training", cls=PluginCommand, short_help="Make training data from documents.")
@click.argument("documents", metavar="INPUT", type=FilePath)
@stage_options(GenerateOptions)
@click.option("--explain", metavar="DOC", help="Show how the questions about this document are made; write nothing.")
@click.option(
    "--estimate",
    "only_estimate",
    is_flag=True,
    help="What a method that asks a model would ask: requests, tokens and cost; nothing is asked.",
)
@lang_option
@seed_option
@json_option
def command(
    documents: Path,
    given: dict[str, Any],
    explain: str | None,
    only_estimate: bool,
    lang: str | None,
    seed: int,
    as_json: bool,
) -> None:
    """Make chat training data from INPUT: a file that dyag reads (JSONL, CSV, Markdown, PDF ...) or a folder.

    With --split, three test strata are held out: "recall" (a trained fact in new words), "unseen" (documents that
    training never saw) and "unanswerable" (nothing in the documents tells).
    With --explain DOC (an id or a title), what would be asked about one document, and why, is shown instead.
    """
    from dyag_core.cli.terminal import hint, result

    if explain is not None:
        shown = {name: given[name] for name in ("method", "options", "strict", "fields", "title")}
        _explain(session(seed, lang).explain(documents, explain, **shown), as_json)
        return
    if given["output"] is None:
        raise UsageError("--output is missing", "name the file to write: --output training.jsonl")
    if only_estimate:
        counted = {name: given[name] for name in ("method", "count", "output", "options", "fields", "title")}
        found = session(seed, lang).estimate_generation(documents, **counted)
        result(found.model_dump(mode="json"), as_json=as_json, text=_estimate_table(found))
        hint(
            "Nothing was asked. Leave out --estimate to start; "
            f"prices and limits, where the method has any: dyag plugins show generator {given['method']}"
        )
        return
    made = session(seed, lang).generate(documents, **given)
    files = [str(file) for file in (made.train, made.validation, made.test) if file] or [str(made.output)]
    result(made.model_dump(mode="json"), as_json=as_json, text="\n".join(files))
    hint(*made.summary_lines())
    train = made.train or made.output
    name = made.output.stem
    hint("Next:", f"  dyag finetune --dataset {shell_path(train)} --output models/{name} --base-model smollm2:135m")


def _estimate_table(found: GenerationEstimate) -> str:
    """Requests, tokens, cost."""
    from dyag_core.cli.terminal import table

    rows = [
        ("chunks", f"{found.chunks}"),
        ("requests", f"{found.requests}" + (f", and {found.answered} answered before" if found.answered else "")),
        ("questions asked for", f"{found.rows}"),
        ("prompt tokens", f"about {found.prompt_tokens}"),
        ("reply tokens", f"about {found.completion_tokens}, at most {found.most_completion_tokens}"),
    ]
    if found.cost is None or found.most_cost is None:
        rows.append(("cost", "unknown: the method was given no prices"))
    else:
        rows.append(("cost", f"about {found.cost:.2f}, at most {found.most_cost:.2f}"))
    return table((found.model, ""), rows)


def _explain(made: Explanation, as_json: bool) -> None:
    from dyag_core.cli.terminal import hint, result

    result(made.model_dump(mode="json"), as_json=as_json, text="\n".join(made.table_lines()))
    hint(*made.summary_lines())
