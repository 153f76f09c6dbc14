"""Settings from files: `./dyag.toml`, then the user's own. Flags and DYAG_* variables come before both.

[finetune]
base_model = "smollm2:135m"
epochs = 8

[finetune.options]     # of the plugin, as with -o
rank = 32
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dyag_core.errors import UsageError, nearest

if TYPE_CHECKING:
    import click


def settings_for(name: str, command: click.Command) -> dict[str, Any]:
    """The defaults for one command, checked against its parameters.

    Raises:
        UsageError: a file isn't TOML, or names an option that the command doesn't have.
    """
    merged: dict[str, Any] = {}
    for path in reversed(_files()):
        section = _read(path).get(name, {})
        if not isinstance(section, dict):
            raise UsageError(f"{path}: [{name}] must be a table")
        merged |= _checked(section, command, f"{path} [{name}]")
    return merged


def _files() -> list[Path]:
    from platformdirs import user_config_path

    return [path for path in (Path("dyag.toml"), user_config_path("dyag") / "dyag.toml") if path.is_file()]


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: not TOML: {error}") from error


def _checked(section: dict[str, Any], command: click.Command, where: str) -> dict[str, Any]:
    known = {parameter.name for parameter in command.params if parameter.name}
    settings: dict[str, Any] = {}
    for key, value in section.items():
        parameter = key.replace("-", "_")
        if parameter == "options" and "option" in known and isinstance(value, dict):
            settings["option"] = [f"{option}={setting}" for option, setting in value.items()]
        elif parameter in known:
            settings[parameter] = value
        else:
            raise UsageError(f"{where}: unknown key {key!r}", nearest(parameter, known))
    return settings
