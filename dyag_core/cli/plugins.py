"""`dyag plugins list|show|check|new`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from dyag_core.cli.common import json_option
from dyag_core.cli.plugin_parameters import complete_names
from dyag_core.cli.plugins_new import new
from dyag_core.errors import GateError, nearest
from dyag_core.plugin import discovery
from dyag_core.plugin.disabling import DISABLE, meaning_nothing, switched_off
from dyag_core.plugin.entry import Entry
from dyag_core.plugin.families import FAMILIES, family_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from click.shell_completion import CompletionItem


def _complete_family(_ctx: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    return [family for family in FAMILIES if family.startswith(incomplete)]


def _complete_name(ctx: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    return complete_names(family_of(ctx.params["family"]), incomplete)


@click.group("plugins", short_help="List, show and check plugins.")
def command() -> None:
    """The plugins that are installed: everything DYAG does is done by one."""


command.add_command(new)


@command.command("list")
@click.argument("family", required=False, shell_complete=_complete_family)
@json_option
def list_(family: str | None, as_json: bool) -> None:
    """All installed plugins, or those of one FAMILY. Imports none of them."""
    from dyag_core.cli.terminal import hint, result, table

    entries = list(_entries(family))
    described = [
        {"family": e.family, "name": e.name, "distribution": e.distribution, "version": e.version, "target": e.target}
        for e in entries
    ]
    rows = [[e.family, e.name, e.release, e.target] for e in entries]
    result(described, as_json=as_json, text=table(["family", "name", "from", "target"], rows))
    installed = [entry for each in FAMILIES for entry in discovery.installed(each)]
    for entry in installed:
        reason = switched_off(entry)
        if reason:
            hint(f"left out: {entry.family} {entry.name} ({entry.release}), by {reason}")
    for name in meaning_nothing(installed):
        known = {entry.name for entry in installed} | {entry.distribution for entry in installed}
        hint(f"{DISABLE} names {name!r}, which is not installed. {nearest(name, known)}")


@command.command("show")
@click.argument("family", shell_complete=_complete_family)
@click.argument("name", shell_complete=_complete_name)
@json_option
def show(family: str, name: str, as_json: bool) -> None:
    """One plugin: where it comes from, what it does, its options."""
    from dyag_core.cli.terminal import result
    from dyag_core.plugin import options
    from dyag_core.plugin.metric_descriptions import description_of, in_words

    entry = discovery.find(family_of(family), name)
    plugin = discovery.load(entry)
    fields = options.describe(options.options_model(plugin))
    described: dict[str, Any] = {
        "family": entry.family,
        "name": entry.name,
        "distribution": entry.distribution,
        "version": entry.version,
        "target": entry.target,
        "description": (plugin.__doc__ or "").strip(),
        "options": fields,
    }
    about = described["description"]
    if entry.family == "metrics":
        metric = description_of(plugin, entry.name, entry.title)
        described["metric"] = metric.model_dump(mode="json")
        about += f"\n\n{in_words(metric)}"
    rows = [
        [
            ", ".join(filter(None, (f["name"], f["flag"]))),
            f["type"],
            "required" if f["required"] else str(f["default"]),
            f["description"],
        ]
        for f in fields
    ]
    options_text = _left_table(["option", "type", "default", "what it does"], rows) if rows else "no options"
    text = f"{entry.family} {entry.name}  ({entry.release}, {entry.target})"
    result(described, as_json=as_json, text=f"{text}\n\n{about}\n\n{options_text}")


@command.command("check")
@click.argument("family", required=False, shell_complete=_complete_family)
@click.argument("name", required=False, shell_complete=_complete_name)
@click.option(
    "--timeout",
    default=20.0,
    show_default=True,
    type=click.FloatRange(min=0.1),
    help="Seconds that one may take.",
)
@json_option
def check(family: str | None, name: str | None, timeout: float, as_json: bool) -> None:
    """Load every plugin, those of one FAMILY, or the one named NAME, and check them against the hooks.

    Exit 3 if one fails.

    They are loaded in processes of their own: one that hangs, exits or crashes is named like any other.
    """
    from dyag_core.cli.terminal import result
    from dyag_core.plugin.check import check_plugins

    entries = [discovery.find(family_of(family), name)] if family and name else list(_entries(family))
    rows: list[dict[str, Any]] = [
        {
            "family": checked.entry.family,
            "name": checked.entry.name,
            "distribution": checked.entry.distribution,
            "version": checked.entry.version,
            "ok": checked.problem is None,
            "problem": checked.problem,
        }
        for checked in check_plugins(entries, timeout)
    ]
    text = "\n".join(
        f"{'ok  ' if r['ok'] else 'FAIL'} {r['family']} {r['name']}  {r['problem'] or ''}".rstrip() for r in rows
    )
    result(rows, as_json=as_json, text=text)
    failed = sum(not row["ok"] for row in rows)
    if failed:
        raise GateError(f"{failed} of {len(rows)} plugins failed the check", "each line above says what to do")


def _entries(family: str | None) -> Iterator[Entry]:
    for each in [family_of(family)] if family else FAMILIES:
        yield from discovery.entries(each)


def _left_table(headers: list[str], rows: list[list[str]]) -> str:
    widths = [max(len(row[i]) for row in [headers, *rows]) for i in range(len(headers))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in [headers, *rows]
    )
