"""`dyag generate-training`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from dyag_core.cli.common import (
    FilePath,
    base_model_option,
    field_options,
    fields_of,
    json_option,
    lang_option,
    plugin_options,
    seed_option,
    session,
    shell_path,
)
from dyag_core.cli.plugin_parameters import PluginCommand, PluginName
from dyag_core.errors import UsageError

if TYPE_CHECKING:
    from dyag_core.records import Explanation, GenerationEstimate

DEFAULT_SPLIT = "80/10/10"


def parse_split(text: str | None) -> tuple[float, float, float] | None:
    """`80/10/10` as percentages of train, validation and test."""
    if text is None:
        return None
    try:
        train, validation, test = (float(part) for part in text.split("/"))
    except ValueError:
        raise UsageError(f"--split {text!r} is not three numbers", f"write it as --split {DEFAULT_SPLIT}") from None
    if train == 0:
        raise UsageError(f"--split {text}: nothing is left to train on", f"try --split {DEFAULT_SPLIT}")
    if min(train, validation, test) < 0 or not abs(train + validation + test - 100) < 1e-6:  # "nan" is a number, too
        raise UsageError(f"--split {text}: the three shares must add up to 100", f"try --split {DEFAULT_SPLIT}")
    return train, validation, test


@click.command("generate-training", cls=PluginCommand, short_help="Make training data from documents.")
@click.argument("documents", metavar="INPUT", type=FilePath)
@click.option(
    "--method",
    cls=PluginName,
    family="generators",
    default="augmented",
    show_default=True,
    help="Generator plugin: rule, llm, augmented, ...",
)
@click.option("--count", type=click.IntRange(min=1), help="How many rows; by default all that can be made.")
@click.option(
    "--split", is_flag=False, flag_value=DEFAULT_SPLIT, metavar="[A/B/C]", help="Write train, val and test files too."
)
@click.option("--group-by", metavar="FIELD", help="Documents with one value of this field stay on one side of --split.")
@click.option("--output", type=FilePath, help="The file to write, NAME.jsonl.")
@click.option("--explain", metavar="DOC", help="Show how the questions about this document are made; write nothing.")
@click.option("--rules", type=FilePath, help="Your own patterns, question and answer templates: rules.yaml.")
@click.option("--answer-style", type=click.Choice(["value", "sentence"]), help="The bare value, or a sentence.")
@click.option("--sources", is_flag=True, help="Answers name the document that they come from.")
@click.option("--max-cost", type=float, help="llm: stop before the requests cost more; needs price_in and price_out.")
@click.option("--max-tokens-total", type=int, help="llm: stop before prompts and replies have more tokens than this.")
@click.option("--estimate", "only_estimate", is_flag=True, help="llm: requests, tokens and cost; nothing is asked.")
@click.option("--system-prompt", help="System turn of every row; empty for none. By default a short one.")
@click.option(
    "--min-yield",
    default=50.0,
    show_default=True,
    help="Exit 3 if fewer per cent of the rows made are kept.",
)
@base_model_option(help="Count lengths in tokens under this model's chat template: preset or folder.")
@click.option("--with-context", is_flag=True, help="Put passages into the questions that are trained on (RAFT).")
@click.option("--index", type=FilePath, help="Where they are searched; by default NAME.index, built if need be.")
@click.option("--distractors", type=click.IntRange(min=0), help="Passages beside the right one; by default 2.")
@click.option("--strict", is_flag=True, help="Stop at the first bad input line.")
@lang_option
@plugin_options("generator")
@seed_option
@field_options
@json_option
def command(
    documents: Path,
    method: str,
    count: int | None,
    split: str | None,
    group_by: str | None,
    output: Path | None,
    explain: str | None,
    rules: Path | None,
    answer_style: str | None,
    sources: bool,
    max_cost: float | None,
    max_tokens_total: int | None,
    only_estimate: bool,
    system_prompt: str | None,
    min_yield: float,
    base_model: str | None,
    with_context: bool,
    index: Path | None,
    distractors: int | None,
    strict: bool,
    lang: str | None,
    option: tuple[str, ...],
    seed: int,
    mapped: tuple[str, ...],
    title: str | None,
    as_json: bool,
) -> None:
    """Make chat training data from INPUT: a file that dyag reads (JSONL, CSV, Markdown, PDF ...) or a folder.

    With --split, three test strata are held out: "recall" (a trained fact in new words), "unseen" (documents that
    training never saw) and "unanswerable" (nothing in the documents tells).
    With --explain DOC (an id or a title), what would be asked about one document, and why, is shown instead.
    """
    from dyag_core.cli.terminal import hint, result
    from dyag_core.plugin.options import parse_pairs

    flags: dict[str, object] = {"rules": rules, "answer_style": answer_style, "sources": sources or None}
    flags |= {"max_cost": max_cost, "max_tokens_total": max_tokens_total}
    options = {name: str(value) for name, value in flags.items() if value is not None} | parse_pairs(option)
    fields = fields_of(mapped, title)
    if explain is not None:
        _explain(
            session(seed, lang).explain(
                documents, explain, method=method, options=options, strict=strict, fields=fields
            ),
            as_json,
        )
        return
    if output is None:
        raise UsageError("--output is missing", "name the file to write: --output training.jsonl")
    if only_estimate:
        found = session(seed, lang).estimate_generation(
            documents, method=method, count=count, output=output, options=options, fields=fields
        )
        result(found.model_dump(mode="json"), as_json=as_json, text=_estimate_table(found))
        hint("Nothing was asked. Leave out --estimate to start; --max-cost or --max-tokens-total set a limit.")
        return
    made = session(seed, lang).generate(
        documents,
        method=method,
        count=count,
        split=parse_split(split) or False,
        group_by=group_by,
        output=output,
        options=options,
        system_prompt=system_prompt,
        min_yield=min_yield,
        strict=strict,
        base_model=base_model,
        with_context=with_context,
        index=index,
        distractors=distractors,
        fields=fields,
    )
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
        rows.append(("cost", "unknown: give -o price_in=... and -o price_out=... (for a million tokens)"))
    else:
        rows.append(("cost", f"about {found.cost:.2f}, at most {found.most_cost:.2f}"))
    return table((found.model, ""), rows)


def _explain(made: Explanation, as_json: bool) -> None:
    from dyag_core.cli.terminal import hint, result

    result(made.model_dump(mode="json"), as_json=as_json, text="\n".join(made.table_lines()))
    hint(*made.summary_lines())
