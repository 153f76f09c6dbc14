"""Who takes part: finding plugins by name through entry points.

Looking up reads metadata only; nothing is imported until a plugin was chosen, and then that one alone. stevedore loads
it, from the one entry point that this module picked: its own lookup would load every duplicate first and may answer
from a cache that knows no distributions.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import inspect
from dataclasses import dataclass
from typing import Any

from dyag_core.errors import DyagError, PluginError, UsageError, nearest

#: family -> the hook that a plugin of this family must implement
FAMILY_HOOKS = {
    "generators": "dyag_generate",
    "base_models": "dyag_base_model",
    "trainers": "dyag_train",
    "metrics": "dyag_score",
    "reporters": "dyag_report",
    "retrievers": "dyag_retrieve",
    "engines": "dyag_open_engine",
    "exporters": "dyag_export",
}

LIFECYCLE = "hooks"
COMMANDS = "commands"

#: library -> the extra of this distribution that brings it
_EXTRA_OF = {
    **dict.fromkeys(
        ("torch", "transformers", "accelerate", "peft", "trl", "datasets", "gguf", "safetensors", "psutil"), "train"
    ),
    "bitsandbytes": "nf4",
    "openai": "llm",
    "sacrebleu": "metrics",
    **dict.fromkeys(("markitdown", "mammoth", "pdfminer", "pyarrow"), "ingest"),
}


@dataclass(frozen=True)
class Entry:
    """An installed plugin that nobody has imported yet."""

    family: str
    name: str
    distribution: str
    version: str
    target: str
    entry_point: importlib.metadata.EntryPoint

    @property
    def qualified(self) -> str:
        """The form that picks this one among several of the same name."""
        return f"{self.distribution}/{self.name}"

    def __str__(self) -> str:
        return f"{self.distribution} {self.version} -> {self.target}"


def normalise_name(name: str) -> str:
    """The form in which names are compared: lower case, `-` for `:` (so `qwen2.5:1.5b` finds `qwen2.5-1.5b`)."""
    return name.strip().lower().replace(":", "-")


def entries(family: str) -> list[Entry]:
    """All installed plugins of a family, in order of name, without importing any."""
    found = [
        Entry(
            family=family,
            name=point.name,
            distribution=point.dist.name if point.dist else "unknown",
            version=point.dist.version if point.dist else "0",
            target=point.value,
            entry_point=point,
        )
        for point in importlib.metadata.entry_points(group=f"dyag.{family}")
    ]
    return sorted(found, key=lambda entry: (normalise_name(entry.name), entry.distribution))


def find(family: str, name: str) -> Entry:
    """The one plugin that `name` means.

    `name` may be qualified with its distribution: `acme-dyag/augmented`.

    Raises:
        UsageError: no plugin has that name (with the nearest ones), or several distributions provide it.
    """
    distribution, _, bare = name.rpartition("/")
    wanted = normalise_name(bare)
    installed = entries(family)
    matching = [
        entry
        for entry in installed
        if normalise_name(entry.name) == wanted
        and (not distribution or normalise_name(entry.distribution) == normalise_name(distribution))
    ]
    if not matching:
        kind = family.rstrip("s").replace("_", " ")
        raise UsageError(f"no {kind} is named {name!r}", nearest(wanted, {entry.name for entry in installed}))
    if len(matching) > 1:
        providers = "; ".join(map(str, matching))
        raise UsageError(
            f"several plugins of family {family} are named {bare!r}: {providers}",
            f"say which: {' or '.join(entry.qualified for entry in matching)}",
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
        raise load_failure(entry, error) from error


def instance(entry: Entry) -> Any:
    """The plugin itself: what the entry names, or an instance of it where that is a class.

    Raises:
        PluginError: importing or constructing it failed.
    """
    target = load(entry)
    try:
        return target() if inspect.isclass(target) else target
    except Exception as error:  # third-party constructors may raise anything
        raise load_failure(entry, error) from error


def load_failure(entry: Entry, error: BaseException) -> DyagError:
    """One line for a plugin that can't be used: which, whose, why, and what to do."""
    what = f"{entry.family.rstrip('s').replace('_', ' ')} {entry.name!r} ({entry.distribution} {entry.version})"
    own_module = entry.target.partition(":")[0]
    if isinstance(error, ModuleNotFoundError) and error.name and not own_module.startswith(error.name):
        return missing_library(what, error)
    reason = f"{type(error).__name__}: {error}".split("\n")[0]
    return PluginError(
        f"{what} could not be loaded: {reason}",
        f"update it (pip install -U {entry.distribution}) or remove it (pip uninstall {entry.distribution})",
    )


def need_libraries(what: str, plugin: Any) -> None:
    """Check that the libraries which `plugin` lists as `requires` are there, without importing them.

    Raises:
        PluginError: one is missing; says how to install it.
    """
    for library in getattr(plugin, "requires", ()):
        if importlib.util.find_spec(library) is None:
            raise missing_library(what, ModuleNotFoundError(name=library))


def missing_library(what: str, error: ModuleNotFoundError) -> PluginError:
    """A plugin needs a library that isn't installed: the command that installs it."""
    library = (error.name or "").split(".")[0]
    extra = _EXTRA_OF.get(library)
    package = f'"dyag[{extra}]"' if extra else library
    return PluginError(f"{what} needs the library {library!r}, which is not installed", f"pip install {package}")
