"""The version of the plugin API; a plugin says which it was written for: `dyag_api = 1` (docs/plugin-api-policy.md)."""

from __future__ import annotations

from typing import Any

from dyag_core.errors import PluginError

#: The newest plugin API that this core speaks, and the oldest.
API_VERSION = 1
OLDEST_API_VERSION = 1


def check_api(what: str, plugin: Any) -> None:
    """Check that this core speaks the API `plugin` was written for; one that says nothing was written for the first.

    Raises:
        PluginError: it is too new, too old, or no number; `what` names the plugin.
    """
    declared = getattr(plugin, "dyag_api", 1)
    if not isinstance(declared, int) or isinstance(declared, bool):
        raise PluginError(f"{what} declares dyag_api = {declared!r}, which is no whole number", "write dyag_api = 1")
    if declared > API_VERSION:
        raise PluginError(
            f"{what} was written for plugin API {declared}, this DYAG speaks {API_VERSION}", "pip install -U dyag"
        )
    if declared < OLDEST_API_VERSION:
        raise PluginError(
            f"{what} was written for plugin API {declared}, the oldest that this DYAG speaks is {OLDEST_API_VERSION}",
            "ask its author for a newer version",
        )
