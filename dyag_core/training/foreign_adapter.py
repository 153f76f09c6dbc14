"""Adapters that another tool made (PEFT, Unsloth, LLaMA-Factory, TRL): weights and a configuration, but no passport."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dyag_core.artifacts import read_json
from dyag_core.errors import DyagError, UsageError
from dyag_core.models.sources import locate
from dyag_core.training.passport import PASSPORT, model_folder, read_passport, resolve_base
from dyag_core.training.run_folder import RUN

if TYPE_CHECKING:
    from pathlib import Path

    from dyag_core.plugin.run import Host
    from dyag_core.progress import Progress
    from dyag_core.records import BaseModelPreset, Passport

CONFIG = "adapter_config.json"
_HINT = "say which model it was trained on: --base-model NAME"


def passport_of(model_dir: Path) -> Passport | None:
    """The passport of a fine-tuned model, None for another tool's adapter.

    Raises:
        UsageError: nothing there, a passport that can't be read, or a run of DYAG's that is not finished.
    """
    folder = model_folder(model_dir)
    there = (folder / CONFIG).is_file() and not (folder / PASSPORT).is_file()
    return None if there and not (folder.parent / RUN).is_file() else read_passport(model_dir)


def base_of(
    folder: Path, passport: Passport | None, plugins: Host, override: str | None, progress: Progress
) -> tuple[BaseModelPreset, str]:
    """The base model of the adapter in `folder`, and the folder to load it from.

    Without a passport it is `override`, else what the adapter's configuration names; nothing vouches for either, and a
    warning says so.

    Raises:
        UsageError: no base is named, or it isn't there. As `resolve_base` where there is a passport.
    """
    if passport is not None:
        return resolve_base(passport, plugins, override, progress)
    config = read_json(folder / CONFIG)
    named = config.get("base_model_name_or_path") if isinstance(config, dict) else None
    if override is None and (not isinstance(named, str) or not named):
        raise UsageError(f"{folder}: made by another tool, and its {CONFIG} names no base model", _HINT)
    name = override or str(named)
    try:
        preset = plugins.base_model(name)
        path = locate(preset, progress)
    except DyagError as error:
        if override:
            raise
        raise UsageError(f"{folder}: its base model, {name!r} by its {CONFIG}: {error.message}", _HINT) from error
    source = "as you say" if override else f"as its {CONFIG} says"
    progress.message(
        f"warning: {folder} has no passport ({PASSPORT}), another tool made it: its base model is {name!r} {source},"
        " and its training data and system prompt are not known"
    )
    return preset, path
