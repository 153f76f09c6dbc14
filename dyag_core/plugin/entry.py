"""A plugin as it is installed, and as a run chose it."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dyag_core.extras import need_libraries
from dyag_core.plugin.families import kind

if TYPE_CHECKING:
    from pydantic import BaseModel


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

    @property
    def release(self) -> str:
        """What it came with: `acme-dyag 1.2`."""
        return f"{self.distribution} {self.version}"

    @property
    def title(self) -> str:
        """How messages name it: `base model 'phi3' (dyag 3.0)`."""
        return f"{kind(self.family)} {self.name!r} ({self.release})"

    def __str__(self) -> str:
        return f"{self.release} -> {self.target}"


@dataclass(frozen=True, eq=False)
class Chosen:
    """A plugin of this run with its validated options."""

    family: str
    name: str
    plugin: Any
    options: BaseModel
    distribution: str
    version: str

    @property
    def remote(self) -> bool:
        """Whether this engine asks a server, which has the weights."""
        return bool(getattr(self.plugin, "remote", False))

    @property
    def costly(self) -> bool:
        """Whether this generator asks a model: it can estimate how much (`dyag_estimate_generation`)."""
        return hasattr(self.plugin, "dyag_estimate_generation")

    @property
    def updates(self) -> bool:
        """Whether this retriever brings the files of other chunks up to date (see `dyag_retrieve`)."""
        return bool(getattr(self.plugin, "updates", False))

    def need_libraries(self) -> None:
        """PluginError, with the pip command, where a library is missing that the plugin lists as `requires`."""
        need_libraries(str(self), self.plugin)

    def __str__(self) -> str:
        return f"{kind(self.family)} {self.name!r} ({self.distribution} {self.version})"
