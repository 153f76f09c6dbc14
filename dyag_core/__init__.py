"""DYAG: make training data from documents, fine-tune a small model, and measure it against retrieval.

The public names stand here; each is imported when first used, so `import dyag_core` costs almost nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dyag_core.errors import (
        DyagError,
        EndpointError,
        GateError,
        LockedError,
        PluginError,
        ResourceError,
        UsageError,
    )
    from dyag_core.markers import hookimpl
    from dyag_core.plugin.protocols import Engine, Retriever
    from dyag_core.plugin.run import Run
    from dyag_core.progress import Progress, Task
    from dyag_core.records import (
        BaseModelPreset,
        Chunk,
        Comparison,
        Decoding,
        Document,
        Evaluation,
        Example,
        Exported,
        Fact,
        Hit,
        Message,
        MetricDescription,
        MetricResult,
        MetricSummary,
        Passport,
        Prediction,
        Quality,
        Question,
        Record,
        Reply,
        Report,
        TrainedModel,
        TrainingJob,
    )
    from dyag_core.session import Session
    from dyag_core.version import __version__

# Until plugin API 2, `dyag_core.normalise` and the other paths of API 1 are found in the folder `moved`.
__path__ += [f"{__path__[0]}/moved"]

_HOME = {
    "dyag_core.errors": ("DyagError EndpointError GateError LockedError PluginError ResourceError UsageError"),
    "dyag_core.markers": "hookimpl",
    "dyag_core.plugin.protocols": "Engine Retriever",
    "dyag_core.progress": "Progress Task",
    "dyag_core.records": (
        "BaseModelPreset Chunk Comparison Decoding Document Evaluation Example Exported Fact Hit Message "
        "MetricDescription MetricResult MetricSummary Passport Prediction Quality Question Record Reply Report "
        "TrainedModel TrainingJob"
    ),
    "dyag_core.plugin.run": "Run",
    "dyag_core.session": "Session",
    "dyag_core.version": "__version__",
}
_MODULE_OF = {name: module for module, names in _HOME.items() for name in names.split()}

__all__ = [
    "BaseModelPreset",
    "Chunk",
    "Comparison",
    "Decoding",
    "Document",
    "DyagError",
    "EndpointError",
    "Engine",
    "Evaluation",
    "Example",
    "Exported",
    "Fact",
    "GateError",
    "Hit",
    "LockedError",
    "Message",
    "MetricDescription",
    "MetricResult",
    "MetricSummary",
    "Passport",
    "PluginError",
    "Prediction",
    "Progress",
    "Quality",
    "Question",
    "Record",
    "Reply",
    "Report",
    "ResourceError",
    "Retriever",
    "Run",
    "Session",
    "Task",
    "TrainedModel",
    "TrainingJob",
    "UsageError",
    "__version__",
    "hookimpl",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'dyag_core' has no attribute {name!r}")
    value = getattr(importlib.import_module(_MODULE_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
