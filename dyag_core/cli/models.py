"""`dyag models list|show|pull`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from dyag_core.cli.common import json_option
from dyag_core.plugin import discovery

if TYPE_CHECKING:
    from dyag_core.records import BaseModelPreset


@click.group("models", short_help="List, show and fetch base models.")
def command() -> None:
    """The base models that DYAG knows by name. A folder or a hub name (ORG/NAME) works wherever a name does."""


@command.command("list")
@json_option
def list_(as_json: bool) -> None:
    """All presets: size, licence, gated or not, here or not."""
    from dyag_core.cli.terminal import hint, result, table
    from dyag_core.models.sources import is_present
    from dyag_core.plugin.host import Plugins

    presets = [Plugins().base_model(entry.name) for entry in discovery.entries("base_models")]
    rows = [
        [p.name, _size(p), p.licence, "gated" if p.gated else "open", "here" if is_present(p) else "not fetched"]
        for p in presets
    ]
    result(
        [_as_dict(p) for p in presets],
        as_json=as_json,
        text=table(["name", "size", "licence", "access", "state"], rows),
    )
    hint("Next:", "  dyag models pull smollm2:135m")


@command.command("show")
@click.argument("name")
@json_option
def show(name: str, as_json: bool) -> None:
    """Everything DYAG knows about one base model."""
    from dyag_core.cli.terminal import result
    from dyag_core.plugin.host import Plugins

    described = _as_dict(Plugins().base_model(name))
    text = "\n".join(f"{key}: {value}" for key, value in described.items() if value not in (None, "", {}))
    result(described, as_json=as_json, text=text)


@command.command("pull")
@click.argument("name")
@click.option("--accept-licence", is_flag=True, help="You have read the model's terms of use and accept them.")
@json_option
def pull(name: str, accept_licence: bool, as_json: bool) -> None:
    """Fetch a base model, so that later commands need no network. Terms of use are shown and asked about once."""
    from dyag_core.cli.terminal import TerminalProgress, hint, result
    from dyag_core.models.sources import locate
    from dyag_core.plugin.host import Plugins

    preset = Plugins().base_model(name)
    _ask_for_licence(preset, accepted=accept_licence)
    location = locate(preset, TerminalProgress())
    result({"name": preset.name, "location": location}, as_json=as_json, text=location)
    hint("Next:", f"  dyag finetune --dataset TRAIN.jsonl --output models/mine --base-model {preset.name}")


def _ask_for_licence(preset: BaseModelPreset, *, accepted: bool) -> None:
    """Have the terms of `preset` accepted, by flag or by hand; where nobody can be asked, `locate` says what to do."""
    from dyag_core.cli.terminal import hint, is_interactive
    from dyag_core.models.licence import accept, fetch_terms, is_accepted
    from dyag_core.models.sources import cache_folder

    cache = cache_folder()
    if is_accepted(preset, cache):
        return
    if accepted or is_interactive():
        hint(f"{preset.name} is under the {preset.licence}: {preset.page}; their text: {fetch_terms(preset, cache)}")
        if accepted or click.confirm("Do you accept them?", err=True):
            accept(preset, cache)


def _size(preset: BaseModelPreset) -> str:
    if preset.parameters >= 1e9:
        return f"{preset.parameters / 1e9:.1f} B"
    return f"{preset.parameters / 1e6:.0f} M"


def _as_dict(preset: BaseModelPreset) -> dict[str, Any]:
    import dataclasses

    from dyag_core.models.sources import is_present

    return {**dataclasses.asdict(preset), "present": is_present(preset)}
