"""What every plugin keeps to, whatever its family. The families' own classes stand beside this module."""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Iterator, Mapping
from types import MappingProxyType, ModuleType
from typing import TYPE_CHECKING, Any, ClassVar

import pluggy
import pytest
from pydantic import ValidationError

from dyag_core.errors import nearest
from dyag_core.markers import PROJECT
from dyag_core.plugin import hookspecs
from dyag_core.plugin.api_version import API_VERSION
from dyag_core.plugin.families import FAMILY_HOOKS
from dyag_core.plugin.host import Plugins
from dyag_core.plugin.lifecycle import object_name
from dyag_core.plugin.options import describe, options_model

if TYPE_CHECKING:
    from dyag_core.plugin.entry import Chosen

_NO_SUCH_OPTION = "no_such_option_of_anybody"


class Contract:
    """The checks that every plugin passes. Authors subclass the class of their family, never this one."""

    #: module, class or instance, as the entry point names it
    plugin: Any = None
    #: the heading in docs/contracts.md
    section: ClassVar[str] = ""

    @classmethod
    def wants(cls, kept: object, what: str) -> None:
        """Fail, saying what the contract wants, unless it is `kept`."""
        if not kept:
            pytest.fail(f"{what}\n(docs/contracts.md, {cls.section})", pytrace=False)

    @classmethod
    def instance(cls) -> Any:
        """The plugin as DYAG makes it: what the entry point names, or an instance of it where that is a class."""
        cls.wants(cls.plugin is not None, f"{cls.__name__}.plugin must be the plugin: module, class or instance")
        if not inspect.isclass(cls.plugin):
            return cls.plugin
        try:
            return cls.plugin()
        except TypeError as error:
            cls.wants(False, f"DYAG makes an instance without arguments, and {cls.plugin.__name__}() fails: {error}")

    @classmethod
    def home(cls) -> str | None:
        """Name of the module that importing the plugin imports; None where that is the test file itself."""
        if isinstance(cls.plugin, ModuleType):
            name: str | None = cls.plugin.__name__
        elif inspect.isclass(cls.plugin):
            name = cls.plugin.__module__
        else:
            name = next((name for name, module in list(sys.modules.items()) if cls._is_home(name, module)), None)
        return None if name == cls.__module__ else name

    @classmethod
    def _is_home(cls, name: str, module: ModuleType) -> bool:
        values = getattr(module, "__dict__", {}).values()
        return name != cls.__module__ and any(value is cls.plugin for value in list(values))

    def test_importing_it_imports_nothing_heavy(self, dyag_imports: Mapping[str, Any]) -> None:
        """`dyag plugins show` and `--help` stay quick, and a missing library is met when it is needed."""
        home = self.home()
        if home is None:
            pytest.skip("the plugin stands in the test file: there is no module of its own to import")
        found = dyag_imports[home]
        self.wants(
            found["problem"] is None, f"`import {home}` must work in a fresh interpreter; it fails: {found['problem']}"
        )
        self.wants(
            not found["heavy"],
            f"`import {home}` imports {', '.join(found['heavy'])}: import them inside the hook that needs them",
        )


class HookedContract(Contract):
    """A plugin made of hooks: all families but commands."""

    @pytest.fixture(autouse=True)
    def _prints_nothing(self, request: pytest.FixtureRequest) -> Iterator[None]:
        """stdout carries a command's result: one line more, and what `--json` prints is no JSON. Authors' own tests
        may print.
        """
        own = request.function.__module__.startswith("dyag_core.testing.")
        capsys: pytest.CaptureFixture[str] | None = request.getfixturevalue("capsys") if own else None
        yield
        printed = capsys.readouterr().out if capsys else ""
        self.wants(
            not printed,
            f"the plugin printed {printed[:60]!r}: stdout is for results; tell the user by run.warn(...), or write to "
            "stderr",
        )

    def hooks(self) -> dict[str, Any]:
        """The plugin's attributes that are named like hooks."""
        plugin = self.instance()
        named = {name: getattr(plugin, name) for name in dir(plugin) if name.startswith("dyag_")}
        return {name: value for name, value in named.items() if callable(value)}

    def test_it_says_what_it_does(self) -> None:
        """`dyag plugins show` prints the docstring."""
        target = (
            self.plugin if isinstance(self.plugin, ModuleType) or inspect.isclass(self.plugin) else type(self.plugin)
        )
        said = (target.__doc__ or "").strip()
        self.wants(
            said and not said.startswith(f"{target.__name__}("),
            f"{target.__name__} has no docstring; `dyag plugins show` prints it: say what the plugin does",
        )

    def test_it_names_the_api_it_was_written_for(self) -> None:
        """An older DYAG refuses it by name instead of failing somewhere inside."""
        api = getattr(self.instance(), "dyag_api", None)
        self.wants(isinstance(api, int), f"the plugin must say `dyag_api = {API_VERSION}`; it says {api!r}")
        self.wants(
            1 <= (api or 0) <= API_VERSION,
            f"dyag_api is {api}, this DYAG speaks {API_VERSION}: it would refuse to load the plugin",
        )

    def test_its_hooks_are_known_and_marked(self) -> None:
        """A hook that is misspelt or lacks its marker is never called, and nobody is told."""
        known = [name for name in vars(hookspecs) if name.startswith("dyag_")]
        for name, function in self.hooks().items():
            self.wants(name in known, f"no hook is named {name}. {nearest(name, known)}")
            self.wants(hasattr(function, f"{PROJECT}_impl"), f"{name} is never called: mark it with @hookimpl")

    def test_its_hooks_take_only_what_they_are_given(self) -> None:
        """pluggy accepts the signatures; an argument that no hook has is a misspelt one."""
        manager = pluggy.PluginManager(PROJECT)
        manager.add_hookspecs(hookspecs)
        try:
            manager.register(self.instance())
            manager.check_pending()
        except pluggy.PluginValidationError as error:
            self.wants(False, f"a signature does not fit its hook: {error}")

    def test_it_can_be_registered_beside_another(self) -> None:
        """pluggy keeps plugins in sets: unhashable ones are refused, equal ones clash (`@dataclass(eq=False)`)."""
        plugin, another = self.instance(), self.instance()
        try:
            hash(plugin)
        except TypeError:
            self.wants(False, f"{type(plugin).__name__} can't be hashed; a dataclass needs eq=False")
        self.wants(
            plugin is another or plugin != another,
            f"two instances of {type(plugin).__name__} are equal, so the second is refused; a dataclass needs eq=False",
        )


class FamilyContract(HookedContract):
    """A plugin that is chosen by name, with options."""

    family: ClassVar[str]
    #: raw options, as `-o key=value` would give them
    options: Mapping[str, Any] = MappingProxyType({})

    @classmethod
    def name(cls, plugin: Any) -> str:
        """What the host knows a plugin object by."""
        return object_name(plugin)

    @classmethod
    def choose(cls, host: Plugins, plugin: Any) -> Chosen:
        """The plugin with its options, chosen as a command would."""
        return host.choose(cls.family, cls.name(plugin), cls.options)

    def test_it_has_its_family_s_hook(self) -> None:
        """Without it the plugin can be listed and never used."""
        hook = FAMILY_HOOKS[self.family]
        self.wants(hook in self.hooks(), f"a plugin of dyag.{self.family} implements {hook}")

    def test_its_options_are_a_model_that_refuses_unknown_keys(self) -> None:
        """A misspelt option must be an error."""
        plugin = self.instance()
        declared = getattr(plugin, "Options", None)
        model = options_model(plugin)
        self.wants(
            declared is None or model is declared,
            f"Options must be a class derived from pydantic.BaseModel: {declared!r}",
        )
        try:
            model.model_validate({**self.options, _NO_SUCH_OPTION: 1})
        except ValidationError as error:
            refused = any(_NO_SUCH_OPTION in found["loc"] for found in error.errors())
        else:
            refused = False
        self.wants(
            refused, f'{model.__name__} accepts unknown keys: write class {model.__name__}(BaseModel, extra="forbid")'
        )

    def test_every_option_is_described(self) -> None:
        """`dyag plugins show` prints the descriptions."""
        bare = [row["name"] for row in describe(options_model(self.instance())) if not row["description"].strip()]
        self.wants(not bare, f"options without a description: {', '.join(bare)}; Field(..., description=...)")

    def test_its_options_go_into_a_manifest(self, dyag_host: Plugins, dyag_chosen: Chosen) -> None:
        """Every file that DYAG writes names the plugins and options that made it, as JSON."""
        used = [row for row in dyag_host.used() if row["name"] == dyag_chosen.name]
        self.wants(used and json.dumps(used), "the plugin's options must be writable as JSON")

    def test_the_libraries_it_requires_are_a_list_of_names(self) -> None:
        """`requires = ("torch",)`: a run ends before its first question where one is missing."""
        requires = getattr(self.instance(), "requires", ())
        self.wants(
            isinstance(requires, tuple | list)
            and all(isinstance(name, str) and name.isidentifier() for name in requires),
            f'requires must be a tuple of import names, as ("sacrebleu",); it is {requires!r}',
        )
