"""Who takes part: finding plugins by name through entry points.

Looking up reads metadata only; nothing is imported until a plugin was chosen, and then that one alone (but for metrics,
which say themselves when they are scored: `metric_descriptions`). stevedore loads it, from the one entry point that
this module picked: its own lookup would load every duplicate first and may answer from a cache that knows no
distributions.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import inspect
import re
import sys
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dyag_core.errors import DyagError, PluginError, UsageError, ended_by_signal, nearest
from dyag_core.extras import missing_library
from dyag_core.plugin.disabling import DISABLE, switched_off
from dyag_core.plugin.entry import Entry
from dyag_core.plugin.families import canonical, kind, normalise_name

if TYPE_CHECKING:
    import click


def entries(family: str) -> list[Entry]:
    """The plugins of a family that take part, in order of name, without importing any."""
    return [entry for entry in installed(family) if not switched_off(entry)]


def installed(family: str) -> list[Entry]:
    """All installed plugins of a family, those that are switched off too, in order of name."""
    return [entry for entry in _scan(_search_path()) if entry.family == family]


def _search_path() -> tuple[tuple[str, int], ...]:
    """Where Python looks for distributions, with when each folder was last changed."""
    folders = [Path(place or ".") for place in sys.path]
    return tuple((str(folder), folder.stat().st_mtime_ns) for folder in folders if folder.is_dir())


@lru_cache(maxsize=1)
def _scan(_path: tuple[tuple[str, int], ...]) -> list[Entry]:
    """Every plugin of every family. Reading the metadata takes tens of milliseconds: kept until a folder changes."""
    found: dict[tuple[str, str, str], Entry] = {}
    seen: set[str] = set()
    for distribution in importlib.metadata.distributions():
        points = [point for point in distribution.entry_points if point.group.startswith("dyag.")]
        if not points:
            continue
        name, version = _identity(distribution)
        if canonical(name) in seen:  # the first on the path hides the others, as it does for imports
            continue
        seen.add(canonical(name))
        for point in points:
            family = point.group.removeprefix("dyag.")
            found[family, name, point.name] = Entry(family, point.name, name, version, point.value, point)
    return sorted(found.values(), key=lambda entry: (normalise_name(entry.name), entry.distribution))


def _identity(distribution: importlib.metadata.Distribution) -> tuple[str, str]:
    """Name and version; each parses the metadata anew, which a broken installation may lack."""
    try:
        return distribution.name or "unknown", distribution.version or "0"
    except (KeyError, TypeError):
        return "unknown", "0"


def find(family: str, name: str, else_say: str = "") -> Entry:
    """The one plugin that `name` means.

    `name` may be qualified with its distribution: `acme-dyag/augmented`. `else_say` ends the hint where there is none.

    Raises:
        UsageError: no plugin has that name (with the nearest ones), it is switched off, or several distributions
            provide it: nobody's plugin takes the place of another's, or of a built-in.
    """
    distribution, _, bare = name.rpartition("/")
    wanted = normalise_name(bare)
    named = [
        entry
        for entry in installed(family)
        if normalise_name(entry.name) == wanted
        and (not distribution or canonical(entry.distribution) == canonical(distribution))
    ]
    matching = [entry for entry in named if not switched_off(entry)]
    if named and not matching:
        raise UsageError(
            f"{kind(family)} {name!r} ({named[0].release}) is left out by {switched_off(named[0])}",
            "leave that out to use it",
        )
    if not matching:
        known = {entry.name for entry in entries(family)}
        raise UsageError(f"no {kind(family)} is named {name!r}", f"{nearest(wanted, known)} {else_say}".rstrip())
    if len(matching) > 1:
        providers = "; ".join(map(str, matching))
        qualified = " or ".join(entry.qualified for entry in matching)
        raise UsageError(
            f"several plugins of family {family} are named {bare!r}: {providers}",
            f"say which: {qualified}; or leave one out: {DISABLE}={matching[0].distribution}",
        )
    return matching[0]


def load(entry: Entry) -> Any:
    """Import a plugin.

    Raises:
        PluginError: importing failed in any way, `sys.exit` included; names plugin, distribution and remedy.
    """
    from stevedore.named import NamedExtensionManager

    class OneEntryPoint(NamedExtensionManager):  # type: ignore[misc]
        def list_entry_points(self) -> list[importlib.metadata.EntryPoint]:
            return [entry.entry_point]

    def fail(_manager: object, _entry_point: object, error: BaseException) -> None:
        raise error

    try:
        manager = OneEntryPoint(f"dyag.{entry.family}", [entry.name], on_load_failure_callback=fail)
        return manager[entry.name].plugin
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        if ended_by_signal(error):
            raise
        raise load_failure(entry, error) from error


def instance(entry: Entry) -> Any:
    """The plugin itself: what the entry names, or an instance of it where that is a class.

    Raises:
        PluginError: importing or constructing it failed.
    """
    target = load(entry)
    try:
        return target() if inspect.isclass(target) else target
    except (Exception, SystemExit) as error:  # third-party constructors may raise anything
        if ended_by_signal(error):
            raise
        raise load_failure(entry, error) from error


def load_command(entry: Entry) -> click.Command:
    """Import a command.

    Raises:
        PluginError: importing failed, or it is no command.
    """
    import click

    command = load(entry)
    if not isinstance(command, click.Command):
        raise load_failure(entry, TypeError(f"{entry.target} is not a click.Command"))
    return command


def load_failure(entry: Entry, error: BaseException) -> DyagError:
    """One line for a plugin that can't be used: which, whose, why, and what to do."""
    own_module = entry.target.partition(":")[0]
    if isinstance(error, ModuleNotFoundError) and error.name and not own_module.startswith(error.name):
        return missing_library(entry.title, error)
    reason = f"{type(error).__name__}: {error}".split("\n")[0]
    return PluginError(
        f"{entry.title} could not be loaded: {reason}",
        f"update it (pip install -U {entry.distribution}) or remove it (pip uninstall {entry.distribution})",
    )


def unfit(what: str, error: Exception) -> PluginError:
    """A plugin whose functions aren't those of the hooks."""
    from dyag_core.plugin import hookspecs

    unknown = re.search(r"unknown hook '(\w+)'", str(error))
    hooks = [hook for hook in vars(hookspecs) if hook.startswith("dyag_")]
    near = f"{nearest(unknown[1], hooks)} " if unknown else ""
    return PluginError(
        f"{what} does not fit the hooks: {error}",
        f"{near}Compare it with a plugin that works: dyag plugins new FAMILY NAME writes one",
    )
