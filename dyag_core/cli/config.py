"""Settings from files: `./dyag.toml`, then the user's own. Flags and DYAG_* variables come before both.

[finetune]
base_model = "smollm2:135m"
epochs = 8

[finetune.options]     # of the plugin, as with -o
rank = 32

[evaluate.metric_options.bleu]     # of a metric, as with -m; compare-models.reporter_options of a reporter, as with -r
tokenize = "intl"
"""

from __future__ import annotations

import json
import tomllib
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dyag_core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    import click


#: the table of a plugin's options -> the parameter that holds them as KEY=VALUE
_PAIRS = {"options": "option", "metric_options": "metric_option", "reporter_options": "reporter_option"}


def settings_for(name: str, command: click.Command, commands: Collection[str]) -> tuple[dict[str, Any], dict[str, str]]:
    """The defaults for one command; and the keys that are none of its parameters, each with where it stands.

    Raises:
        UsageError: a file isn't TOML, a section is called nearly as one of the `commands`, or is no table.
    """
    merged: dict[str, Any] = {}
    unknown: dict[str, str] = {}
    for path in reversed(_files()):
        sections = _read(path)
        _check_names(sections, commands, path)
        section = sections.get(name, {})
        if not isinstance(section, dict):
            raise UsageError(f"{path}: [{name}] must be a table")
        settings, others = _known(section, command)
        unknown |= dict.fromkeys(others, f"{path} [{name}]")
        pairs = {key: [*merged.get(key, []), *settings[key]] for key in _PAIRS.values() if key in settings}
        merged |= others | settings | pairs  # options of plugins are merged one by one: the last of a name counts
    return merged, unknown


def _files() -> list[Path]:
    from platformdirs import user_config_path

    return [path for path in (Path("dyag.toml"), user_config_path("dyag") / "dyag.toml") if path.is_file()]


def _check_names(sections: Iterable[str], commands: Collection[str], path: Path) -> None:
    """A section near to no command is named, no more: it may be that of a command which isn't installed here."""
    import click

    for section in sections:
        if section in commands:
            continue
        near = get_close_matches(section, commands, n=1)
        if not near:
            click.echo(f"warning: {path}: [{section}] is left alone: no command is called so", err=True)
        else:
            raise UsageError(f"{path}: no command is named as the section [{section}]", f"Did you mean [{near[0]}]?")


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: not TOML: {error}") from error


def _known(section: dict[str, Any], command: click.Command) -> tuple[dict[str, Any], dict[str, Any]]:
    """The settings that are parameters of the command, and the others."""
    known = {parameter.name for parameter in command.params if parameter.name}
    settings: dict[str, Any] = {}
    others: dict[str, Any] = {}
    for key, value in section.items():
        parameter = key.replace("-", "_")
        pairs = _PAIRS.get(parameter, parameter if parameter in _PAIRS.values() else None)
        if pairs in known and isinstance(value, dict):
            settings[pairs] = list(_as_pairs(value, nested=pairs != "option"))
        elif parameter in _PAIRS.values() and isinstance(value, str):
            settings[parameter] = [value]
        elif parameter in known:
            settings[parameter] = value
        else:
            others[parameter] = value
    return settings, others


def _as_pairs(table: dict[str, Any], *, nested: bool) -> Iterator[str]:
    for key, value in table.items():
        if nested and isinstance(value, dict):
            yield from (f"{key}.{pair}" for pair in _as_pairs(value, nested=False))
        else:
            yield f"{key}={value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)}"
