"""Libraries that only some plugins need: which extra of this distribution brings them."""

from __future__ import annotations

import importlib.util
from typing import Any

from dyag_core.errors import PluginError

#: library -> the extra of this distribution that brings it
_EXTRA_OF = {
    **dict.fromkeys(
        ("torch", "transformers", "accelerate", "peft", "trl", "datasets", "gguf", "safetensors", "psutil"), "train"
    ),
    "bitsandbytes": "nf4",
    "openai": "llm",
    **dict.fromkeys(("xllamacpp", "sentencepiece"), "llamacpp"),
    "sacrebleu": "metrics",
    **dict.fromkeys(("starlette", "uvicorn", "prometheus_client"), "serve"),
    **dict.fromkeys(("markitdown", "mammoth", "pdfminer", "pyarrow"), "ingest"),
}


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
