"""The plugins that look on: loaded at the start of a run, each in its own try, told what happens, stopping nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pluggy

from dyag_core.errors import DyagError, PluginError, ended_by_signal
from dyag_core.plugin import discovery, hookspecs
from dyag_core.plugin.api_version import check_api
from dyag_core.plugin.disabling import strict
from dyag_core.plugin.entry import Entry
from dyag_core.plugin.failures import said
from dyag_core.plugin.families import LIFECYCLE
from dyag_core.plugin.wrappers import name_failures, wraps

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from dyag_core.plugin.run import Run
    from dyag_core.records import Example

HOOKS = (
    "dyag_configure",
    "dyag_before_stage",
    "dyag_after_stage",
    "dyag_on_stage_error",
    "dyag_filter_examples",
)
_ALL_HOOKS = [name for name in vars(hookspecs) if name.startswith("dyag_")]
_FAMILY_HOOKS = [name for name in _ALL_HOOKS if name not in HOOKS]


class Lifecycle:
    """The lifecycle plugins of one run.

    Args:
        manager: the run's pluggy manager; they are registered in it, so they can wrap any hook.
        entries: the installed ones that take part.
        objects: the calling program's plugin objects; those with a lifecycle hook or a wrapper take part.
        warn: told, in one line each, of plugins that can't be loaded or that failed.

    Raises:
        PluginError: an installed one can't be loaded, and DYAG_STRICT_PLUGINS is set.
    """

    def __init__(
        self,
        manager: pluggy.PluginManager,
        entries: Sequence[Entry],
        objects: Sequence[Any],
        warn: Callable[[str], None],
    ) -> None:
        self._pm = manager
        self._warn = warn
        self.plugins: dict[str, Any] = {}
        self._used: list[dict[str, Any]] = []
        for entry in entries:
            what = f"hook plugin {entry.name!r} ({entry.release})"
            try:
                plugin = discovery.instance(entry)
                check_api(what, plugin)
                self._register(plugin, entry.qualified)
            except Exception as error:  # a stranger's module: anything may happen while it is loaded
                failure = error if isinstance(error, DyagError) else discovery.unfit(what, error)
                if strict():
                    raise failure from error
                warn(f"left out: {failure.message} ({failure.hint})")
                continue
            self._note(entry.name, entry.distribution, entry.version)
        for plugin in objects:
            if manager.is_registered(plugin):  # it is installed as well
                continue
            if any(hasattr(plugin, hook) for hook in HOOKS) or any(self._wraps(plugin, hook) for hook in _ALL_HOOKS):
                name = object_name(plugin)
                check_api(f"plugin object {name!r}", plugin)
                self._register(plugin, f"(object)/{name}")
                self._note(name, "(object)", "0")

    def used(self) -> list[dict[str, Any]]:
        """Family, name, distribution and version of each, for manifests."""
        return [dict(plugin) for plugin in self._used]

    def wrapping(self, hook: str) -> list[Any]:
        """The plugins with a wrapper around a family's hook."""
        own = {id(plugin) for plugin in self.plugins.values()}
        wrappers = [found for found in self._implementations(hook) if wraps(found)]
        return [wrapper.plugin for wrapper in wrappers if id(wrapper.plugin) in own]

    def configure(self, settings: dict[str, Any]) -> None:
        """Tell the settings to every plugin, and to those that are registered later."""
        told = self._implementations("dyag_configure")
        # Noted without calling anybody: pluggy would stop at the first that raises, and not say which it was.
        self._pm.subset_hook_caller("dyag_configure", [implementation.plugin for implementation in told]).call_historic(
            kwargs={"settings": settings}
        )
        for implementation in reversed(told):
            try:
                implementation.function(*[dict(settings) for _ in implementation.argnames])
            except (Exception, SystemExit) as error:  # noqa: BLE001 - an onlooker never takes the run down
                self._failed(implementation.plugin_name.removeprefix("hooks:"), "dyag_configure", error)

    def tell(self, hook: str, **arguments: Any) -> None:
        """Call `hook` of every plugin. One that raises costs a warning: an onlooker never takes the run down."""
        for name, plugin in self.plugins.items():
            try:
                self._only(hook, plugin)(**arguments)
            except (Exception, SystemExit) as error:  # noqa: BLE001 - see above
                self._failed(name, hook, error)

    def filter_examples(self, examples: Iterable[Example], run: Run) -> Iterable[Example]:
        """Examples after every plugin had its say, one after the other.

        A failing filter is fatal: what it should have removed (personal data, say) must not slip through.
        """
        filters = {id(implementation.plugin) for implementation in self._implementations("dyag_filter_examples")}
        for name, plugin in self.plugins.items():
            if id(plugin) not in filters:
                continue
            try:
                results = self._only("dyag_filter_examples", plugin)(examples=examples, run=run)
            except Exception as error:
                raise _filter_failure(name, error) from error
            filtered = next((result for result in results if result is not None), None)
            if filtered is not None:
                examples = _guarded(filtered, name)
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
        for hook in _FAMILY_HOOKS:
            for implementation in self._implementations(hook):
                if implementation.plugin is plugin and wraps(implementation):
                    name_failures(implementation, f"hook plugin {name} around {hook}")

    def _note(self, name: str, distribution: str, version: str) -> None:
        self._used.append({"family": LIFECYCLE, "name": name, "distribution": distribution, "version": version})

    def _wraps(self, plugin: Any, hook: str) -> bool:
        marks = self._pm.parse_hookimpl_opts(plugin, hook)
        return marks is not None and (marks["wrapper"] or marks["hookwrapper"])

    def _implementations(self, hook: str) -> list[pluggy.HookImpl]:
        return list(getattr(self._pm.hook, hook).get_hookimpls())

    def _only(self, hook: str, plugin: Any) -> Any:
        others = [other for other in self._pm.get_plugins() if other is not plugin]
        return self._pm.subset_hook_caller(hook, others)

    def _failed(self, name: str, hook: str, error: BaseException) -> None:
        if ended_by_signal(error):
            raise error
        self._warn(f"hook plugin {name} failed in {hook}: {said(error)}")


def object_name(plugin: Any) -> str:
    """What a program's plugin object is called: its `name`, else the name of its class or module."""
    return str(getattr(plugin, "name", None) or getattr(plugin, "__name__", None) or type(plugin).__name__)


def nameless(objects: Iterable[Any], hook: str) -> str:
    """What to tell somebody who asks for a plugin by a name that a plugin object with this hook doesn't carry."""
    names = [object_name(plugin) for plugin in objects if hasattr(plugin, hook) and not getattr(plugin, "name", None)]
    return f"The plugin object {names[0]!r} has no attribute `name`; give it one: name = ..." if names else ""


def _filter_failure(name: str, error: BaseException) -> PluginError:
    return PluginError(f"filter of hook plugin {name} failed: {said(error)}")


def _guarded(examples: Iterable[Example], name: str) -> Iterator[Example]:
    """A filter is lazy as a rule: what it raises comes while its examples are drained, and must carry its name."""
    try:
        yield from examples
    except (DyagError, OSError, MemoryError):  # of the generator before it, or of the machine
        raise
    except Exception as error:
        raise _filter_failure(name, error) from error
