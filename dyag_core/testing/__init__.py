"""Contract tests and fixtures for plugin authors: what DYAG asks of a plugin, family by family, as pytest classes.

    from dyag_core.testing import MetricContract
    import acme_numbers

    class TestNumbers(MetricContract):
        plugin = acme_numbers          # module, class or instance, as in the entry point
        options = {"decimals": 1}      # optional: as `-o` would give them

Each built-in passes the same classes. What is asked, and why, is in docs/contracts.md. The fixtures (`dyag_documents`,
`dyag_predictions`, ...) come with DYAG as a pytest plugin, so nothing has to be imported for them.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dyag_core.testing.base_models import BaseModelContract
    from dyag_core.testing.commands import CommandContract
    from dyag_core.testing.engines import EngineContract
    from dyag_core.testing.exporters import ExporterContract
    from dyag_core.testing.generators import GeneratorContract
    from dyag_core.testing.hooks import HookContract
    from dyag_core.testing.metrics import MetricContract
    from dyag_core.testing.reporters import ReporterContract
    from dyag_core.testing.retrievers import RetrieverContract
    from dyag_core.testing.trainers import TrainerContract

_HOME = {
    "BaseModelContract": "base_models",
    "CommandContract": "commands",
    "EngineContract": "engines",
    "ExporterContract": "exporters",
    "GeneratorContract": "generators",
    "HookContract": "hooks",
    "MetricContract": "metrics",
    "ReporterContract": "reporters",
    "RetrieverContract": "retrievers",
    "TrainerContract": "trainers",
}

__all__ = [
    "BaseModelContract",
    "CommandContract",
    "EngineContract",
    "ExporterContract",
    "GeneratorContract",
    "HookContract",
    "MetricContract",
    "ReporterContract",
    "RetrieverContract",
    "TrainerContract",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'dyag_core.testing' has no attribute {name!r}")
    return getattr(importlib.import_module(f"dyag_core.testing.{_HOME[name]}"), name)
