"""`dyag validate`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dyag_core.cli.common import FilePath, json_option, lang_option, seed_option, session, shell_path
from dyag_core.cli.plugin_parameters import StageCommand
from dyag_core.cli.stage_options import stage_options
from dyag_core.records.options import ValidateOptions

if TYPE_CHECKING:
    from dyag_core.records import Validation


@click.command("validate", cls=StageCommand, short_help="Say what is wrong with a training file, and mend it.")
@click.argument("file", type=FilePath)
@stage_options(ValidateOptions)
@lang_option
@seed_option
@json_option
def command(
    file: Path,
    given: dict[str, Any],
    lang: str | None,
    seed: int,
    as_json: bool,
) -> None:
    """Look at every line of a training FILE as training would, and measure what it holds.

    FILE is JSONL or one JSON array, in any of five shapes: messages, prompt and completion, question and answer,
    Alpaca, ShareGPT. Exit 3 where training would refuse lines or learn something wrong from them; with --fix, where
    such lines are left in the new file.
    """
    from dyag_core.cli.terminal import hint, result
    from dyag_core.errors import GateError

    found = session(seed, lang).validate(file, **given)
    result(found.model_dump(mode="json") | {"ok": found.ok}, as_json=as_json, text=_text(found))
    hint(*found.summary_lines())
    if found.report:
        hint(f"report: {found.report}")
    if not found.ok:
        raise GateError(_failure(found), _remedy(found, given["base_model"]))
    dataset = shell_path(found.fixed or file)
    hint("Next:", f"  dyag finetune --dataset {dataset} --output models/{file.stem} --base-model smollm2:135m")


def _text(found: Validation) -> str:
    """Problems with their lines, then what was done about them."""
    from dyag_core.dataset.quality.problems import problem_line, problem_name

    lines = [f"{found.file}: {found.rows} rows, {found.good} without a problem that matters"]
    for problem in found.problems:
        lines.append(f"{problem.lines:>7}  {problem_name(problem.kind, 'en')}{'' if problem.grave else ' (harmless)'}")
        for example in problem.examples[:3]:
            where = f"{problem_line(example.line, example.other, 'en')}: " if example.line else ""
            lines.append(f"           {where}{example.detail}")
    if found.fixed:
        lines.append(f"{found.fixed}: {found.written} rows written, {found.left_out} beyond mending left out")
        lines += [f"{count:>7}  {fix}" for fix, count in found.fixes.items()]
    return "\n".join(lines)


def _failure(found: Validation) -> str:
    from dyag_core.dataset.quality.problems import problem_name

    where = found.fixed or found.file
    kinds = [f"{problem_name(kind, 'en')}: {count}" for kind, count in found.lasting.items()]
    left = ", ".join([*kinds[:3], *(["..."] if len(kinds) > 3 else [])])
    return f"{where}: not fit to train on as it is ({left or 'no row is left'})"


def _remedy(found: Validation, base_model: str | None) -> str:
    if found.fixed:
        return f"correct these by hand; their lines in {found.file.name} stand above"
    model = f" --base-model {shell_path(base_model)}" if base_model else ""
    return f"dyag validate {shell_path(found.file)}{model} --fix {shell_path(found.file.stem + '.fixed.jsonl')}"
