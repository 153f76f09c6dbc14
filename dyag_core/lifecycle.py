"""The plugins that look on: loaded at the start of a run, each in its own try, told what happens, stopping nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pluggy

from dyag_core import registry
from dyag_core.errors import DyagError, PluginError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from dyag_core.records import Example
    from dyag_core.run import Run

HOOKS = (
    "dyag_configure",
    "dyag_before_stage",
    "dyag_after_stage",
    "dyag_on_stage_error",
    "dyag_filter_examples",
)


class Lifecycle:
    """The lifecycle plugins of one run.

    Args:
        manager: the run's pluggy manager; they are registered in it, so they can wrap any hook.
        objects: the calling program's plugin objects; those with a lifecycle hook take part.
        warn: told, in one line each, of plugins that can't be loaded or that failed.
    """

    def __init__(self, manager: pluggy.PluginManager, objects: Sequence[Any], warn: Callable[[str], None]) -> None:
        self._pm = manager
        self._warn = warn
        self.plugins: dict[str, Any] = {}
        self.entries: list[registry.Entry] = []
        for entry in registry.entries(registry.LIFECYCLE):
            try:
                self._register(registry.instance(entry), entry.qualified)
            except (DyagError, pluggy.PluginValidationError, ValueError) as error:
                warn(f"hook plugin {entry.name!r} ({entry.distribution} {entry.version}) is left out: {error}")
                continue
            self.entries.append(entry)
        for plugin in objects:
            if any(hasattr(plugin, hook) for hook in HOOKS) and not manager.is_registered(plugin):
                self._register(plugin, f"(object)/{type(plugin).__name__}")

    def tell(self, hook: str, **arguments: Any) -> None:
        """Call `hook` of every plugin. One that raises costs a warning: an onlooker never takes the run down."""
        for name, plugin in self.plugins.items():
            try:
                self._only(hook, plugin)(**arguments)
            except Exception as error:  # noqa: BLE001 - see above
                self._warn(f"hook plugin {name} failed in {hook}: {type(error).__name__}: {error}")

    def filter_examples(self, examples: Iterable[Example], run: Run) -> Iterable[Example]:
        """Examples after every plugin had its say, one after the other.

        A failing filter is fatal: what it should have removed (personal data, say) must not slip through.
        """
        for name, plugin in self.plugins.items():
            if not hasattr(plugin, "dyag_filter_examples"):
                continue
            try:
                results = self._only("dyag_filter_examples", plugin)(examples=examples, run=run)
            except Exception as error:
                raise PluginError(f"filter of hook plugin {name} failed: {error}") from error
            examples = next((result for result in results if result is not None), examples)
        return examples

    def _register(self, plugin: Any, name: str) -> None:
        registered_as = f"hooks:{name}"
        self._pm.register(plugin, registered_as)
        try:
            self._pm.check_pending()
        except pluggy.PluginValidationError:
            self._pm.unregister(name=registered_as)
            raise
        self.plugins[name] = plugin

    def _only(self, hook: str, plugin: Any) -> Any:
        others = [other for other in self._pm.get_plugins() if other is not plugin]
        return self._pm.subset_hook_caller(hook, others)
