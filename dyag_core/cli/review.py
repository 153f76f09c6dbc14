"""`dyag review`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dyag_core.cli.common import FilePath, json_option, lang_option, seed_option, session, shell_path
from dyag_core.cli.plugin_parameters import StageCommand
from dyag_core.cli.stage_options import stage_options
from dyag_core.records.options import ReviewOptions

if TYPE_CHECKING:
    from dyag_core.records.review import Review, ReviewRow, Verdict

_KEYS: dict[str, Verdict] = {"r": "right", "p": "poor", "w": "wrong"}


@click.command("review", cls=StageCommand, short_help="Read rows beside their sources, and say which are wrong.")
@click.argument("file", type=FilePath)
@stage_options(ReviewOptions)
@lang_option
@seed_option
@json_option
def command(file: Path, given: dict[str, Any], lang: str | None, seed: int, as_json: bool) -> None:
    """Show rows of FILE by lot, each beside the passage it was made from, with the answer's place marked.

    One key a row: r right, p poor (true, but nobody would ask it so), w wrong, s later, u back to the last one, q stop.
    Verdicts are kept, and another call goes on where this one stopped. With --json nothing is asked.
    """
    from dyag_core.cli.terminal import hint, result

    found = session(seed, lang).review(file, **given)
    if not (as_json or found.page or found.written):
        found = _ask(found)
    result(found.model_dump(mode="json"), as_json=as_json, text=_text(found))
    if found.page:
        hint("Next:", f"  open {shell_path(found.page)}, save the verdicts there, then:")
        hint(f"  dyag review {shell_path(file)} --verdicts verdicts.review.jsonl --json")
    elif found.written is None and "wrong" in found.shares and found.shares["wrong"].count:
        better = shell_path(file.with_name(f"{file.stem}_kept.jsonl"))
        hint("Next:", f"  dyag review {shell_path(file)} --drop wrong --output {better}")


def _ask(found: Review) -> Review:
    """Show each row that has no verdict yet, and keep what is said of it."""
    from dyag_core.artifacts import Journal
    from dyag_core.dataset.review.sample import judged

    left = [row for row in found.sample if row.verdict is None]
    given: list[ReviewRow] = []
    with Journal(found.verdicts) as journal:
        while left:
            key = _key(left[0], len(given) + 1, len(given) + len(left))
            if key in _KEYS:
                journal.put(left[0].key, {"verdict": _KEYS[key]})
                given.append(left.pop(0).model_copy(update={"verdict": _KEYS[key]}))
            elif key == "s":
                left.pop(0)
            elif key == "u" and given:
                left.insert(0, given.pop())
                journal.put(left[0].key, None)
            elif key == "q":
                break
    said = {row.key: row for row in given}
    return judged(found, [said.get(row.key, row) for row in found.sample])


def _key(row: ReviewRow, number: int, total: int) -> str:
    """Show the row; the key that a person pressed, or the next character of a pipe ("q" at its end)."""
    import sys

    from dyag_core.cli.terminal import hint, is_interactive
    from dyag_core.text.sanitize import plain

    click.echo(
        click.style(f"\n--- {number} of {total}  line {row.line}  {plain(row.stratum or '')}", dim=True), err=True
    )
    for excerpt in row.excerpts:
        before, marked, behind = map(plain, excerpt.parts)
        click.echo(click.style(plain(excerpt.chunk), dim=True), err=True)
        click.echo(before + click.style(marked, reverse=True, bold=True) + behind + "\n", err=True)
    for turn in row.history:
        hint(f"   {turn}")
    click.echo(click.style(f"?  {plain(row.question)}", bold=True), err=True)
    hint(f"=  {row.answer}", "r right  p poor  w wrong  s later  u back  q stop")
    return click.getchar() if is_interactive() else sys.stdin.read(1) or "q"


def _text(found: Review) -> str:
    lines = [f"{found.file}: {found.read} of {len(found.sample)} rows read, of {found.rows} in the file"]
    for verdict, share in found.shares.items():
        lines.append(f"{verdict:>6}  {share.count:>4}  {share.percent:5.1f} %  ({share.low:.1f} to {share.high:.1f})")
    if found.page:
        lines.append(str(found.page))
    if found.written:
        lines.append(f"{found.written}: {found.rows - found.dropped} rows, {found.dropped} left out")
    return "\n".join(lines)
