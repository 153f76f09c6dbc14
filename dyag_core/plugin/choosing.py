"""Which plugin a name means, in this run: loaded, held against its contract, and registered with pluggy."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dyag_core.errors import PluginError, UsageError
from dyag_core.plugin import discovery, options
from dyag_core.plugin.api_version import check_api
from dyag_core.plugin.entry import Chosen, Entry
from dyag_core.plugin.families import FAMILY_HOOKS, normalise_name
from dyag_core.plugin.lifecycle import nameless, object_name
from dyag_core.plugin.metric_descriptions import description_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pluggy


@dataclass(eq=False)
class Choices:
    """The plugins that a run chose.

    Args:
        manager: the run's pluggy manager; what is chosen is registered in it.
        objects: plugin objects of the calling program, chosen by their `name` attribute (or class name).
    """

    manager: pluggy.PluginManager
    objects: Sequence[Any] = ()
    _chosen: dict[tuple[str, str, str], Chosen] = field(default_factory=dict)

    def choose(self, family: str, name: str, raw_options: Mapping[str, Any] | None = None) -> Chosen:
        """Load the plugin that `name` means and check its signature and options.

        Raises:
            UsageError: unknown or ambiguous name, unknown or unfit option. PluginError: it can't be loaded.
        """
        plugin, entry = self._find(family, name)
        where = f"{family} {entry.name if entry else name}"
        validated = options.validate(options.options_model(plugin), raw_options or {}, where)
        chosen = Chosen(
            family=family,
            name=normalise_name(entry.name if entry else name),
            plugin=plugin,
            options=validated,
            distribution=entry.distribution if entry else "(object)",
            version=entry.version if entry else "0",
        )
        self._register(chosen)
        if family == "metrics":
            description_of(plugin, chosen.name, str(chosen))  # raises where it is none
        self._chosen[family, chosen.name, validated.model_dump_json()] = chosen
        return chosen

    def used(self) -> list[dict[str, Any]]:
        """Family, name, distribution, version and options of each, for manifests."""
        return [
            {
                "family": c.family,
                "name": c.name,
                "distribution": c.distribution,
                "version": c.version,
                "options": c.options.model_dump(mode="json"),
            }
            for c in self._chosen.values()
        ]

    def _find(self, family: str, name: str) -> tuple[Any, Entry | None]:
        own = self._object(family, name)
        if own is not None:
            return own, None
        entry = discovery.find(family, name, nameless(self.objects, FAMILY_HOOKS[family]))
        chosen_before = self.manager.get_plugin(f"{family}:{entry.distribution}/{normalise_name(entry.name)}")
        if chosen_before is not None:  # one instance a run: a second one would not be the one that is registered
            return chosen_before, entry
        return discovery.instance(entry), entry

    def _object(self, family: str, name: str) -> Any | None:
        """The calling program's own plugin of that name; it may not be called like another, installed or not.

        An object that is what is installed under the name, or an instance of it, shadows nothing.
        """
        hook, wanted = FAMILY_HOOKS[family], normalise_name(name)
        own = [o for o in self.objects if hasattr(o, hook) and normalise_name(object_name(o)) == wanted]
        taken = [e for e in discovery.entries(family) if normalise_name(e.name) == wanted]
        if len(own) == len(taken) == 1 and _is(own[0], discovery.load(taken[0])):
            return own[0]
        if len(own) > 1 or (own and taken):
            providers = [f"a plugin object of type {type(o).__name__}" for o in own] + [str(entry) for entry in taken]
            raise UsageError(
                f"several plugins of family {family} are named {name!r}: {'; '.join(providers)}",
                "give the plugin object another `name`",
            )
        return own[0] if own else None

    def takes(self, chosen: Chosen, argument: str) -> bool:
        """Whether the plugin's hook names `argument` among its own."""
        hooks = getattr(self.manager.hook, FAMILY_HOOKS[chosen.family]).get_hookimpls()
        return any(argument in hook.argnames for hook in hooks if hook.plugin is chosen.plugin)

    def _register(self, chosen: Chosen) -> None:
        hook = FAMILY_HOOKS[chosen.family]
        check_api(str(chosen), chosen.plugin)
        registered_as = f"{chosen.family}:{chosen.distribution}/{chosen.name}"
        if self.manager.has_plugin(registered_as):
            return
        try:
            if not self.manager.is_registered(chosen.plugin):  # an object may look on and be chosen, too
                self.manager.register(chosen.plugin, registered_as)
            self.manager.check_pending()
        except Exception as error:  # pluggy's own errors, and what a property or `dyag_configure` of a stranger raises
            raise discovery.unfit(str(chosen), error) from error
        implementations = getattr(self.manager.hook, hook).get_hookimpls()
        if not any(implementation.plugin is chosen.plugin for implementation in implementations):
            raise PluginError(f"{chosen} does not implement {hook}", f"mark its function {hook} with @hookimpl")


def _is(plugin: Any, loaded: Any) -> bool:
    """Whether `plugin` is what an entry point names, or an instance of it."""
    return plugin is loaded or (isinstance(loaded, type) and type(plugin) is loaded)
