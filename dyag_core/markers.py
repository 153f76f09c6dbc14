"""The two markers of the plugin project "dyag": `hookspec` for the core, `hookimpl` for everybody."""

import pluggy

PROJECT = "dyag"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)
