"""Which installed plugins take part: all of them, but for those that the environment switches off.

DYAG_NO_PLUGINS=1         nobody's but DYAG's own (the same as `dyag --no-plugins`)
DYAG_DISABLE_PLUGINS=...  not these, with commas between: NAME, FAMILY/NAME, DISTRIBUTION or DISTRIBUTION/NAME
DYAG_STRICT_PLUGINS=1     a hook plugin that can't be loaded is an error, not a warning

It is the environment that says so, and not an argument: what a command starts must see the same plugins.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from dyag_core.plugin.families import canonical, normalise_name

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dyag_core.plugin.entry import Entry

NO_PLUGINS = "DYAG_NO_PLUGINS"
DISABLE = "DYAG_DISABLE_PLUGINS"
STRICT = "DYAG_STRICT_PLUGINS"

#: The distribution that holds the core and every built-in.
OWN = "dyag"


def switched_off(entry: Entry) -> str | None:
    """What keeps a plugin from taking part, as a user would write it; None where nothing does."""
    if _is_set(NO_PLUGINS) and canonical(entry.distribution) != OWN:
        return "--no-plugins"
    return next((f"{DISABLE}={name}" for name in disabled_names() if _means(name, entry)), None)


def strict() -> bool:
    """Whether a hook plugin that can't be loaded ends the run."""
    return _is_set(STRICT)


def disabled_names() -> list[str]:
    """What DYAG_DISABLE_PLUGINS lists."""
    return [name.strip() for name in os.environ.get(DISABLE, "").split(",") if name.strip()]


def meaning_nothing(entries: Iterable[Entry]) -> list[str]:
    """The names in DYAG_DISABLE_PLUGINS that none of `entries` answers to."""
    known = list(entries)
    return [name for name in disabled_names() if not any(_means(name, entry) for entry in known)]


def _means(name: str, entry: Entry) -> bool:
    place, slash, bare = name.rpartition("/")
    if not slash:
        return normalise_name(name) == normalise_name(entry.name) or canonical(name) == canonical(entry.distribution)
    families = (entry.family, entry.family.rstrip("s"))
    right_place = place.lower().replace("-", "_") in families or canonical(place) == canonical(entry.distribution)
    return right_place and normalise_name(bare) == normalise_name(entry.name)


def _is_set(variable: str) -> bool:
    return os.environ.get(variable, "").strip().lower() not in ("", "0", "false", "no", "off")
