"""Exporter `gguf`: files for llama.cpp, LM Studio, Ollama and all that is built on them."""

from __future__ import annotations

import shlex
from pathlib import Path

from dyag_core import Exported, Run, hookimpl
from dyag_core.api import atomic_folder
from dyag_plugins.exporters.models.card import Card
from dyag_plugins.exporters.models.checking import Check
from dyag_plugins.exporters.models.gguf_files import GGUFOptions, context_of, write_files
from dyag_plugins.exporters.models.source import ModelSource
from dyag_plugins.exporters.models.writing import exported, file_to_use


class GGUFExporter:
    """One file a quantisation, with the model's tokenizer and chat template inside, and a card.

    Each file is asked the test questions through llama.cpp's own server. Labels like Q4_K_M promise a size that models
    with short rows don't reach (576 elements in SmolLM2-135M): the bits a weight really takes are shown.
    """

    dyag_api = 1
    requires = ("torch", "transformers", "peft", "gguf", "xllamacpp")
    Options = GGUFOptions

    @hookimpl
    def dyag_export(self, source: Path, output: Path, options: GGUFOptions, run: Run) -> Exported:
        """Merge, convert, quantise, ask."""
        model = ModelSource.of(source, options, run)
        check, card = Check(model, options, run), Card(model, options)
        with atomic_folder(output) as folder:
            forms = write_files(model, check, options, folder, run)
            name = file_to_use(forms)
            context = context_of(model)
            card.write(folder, "gguf", forms, f"```\nllama-server -m {name} -c {context} --temp 0\n```", "gguf")
        return exported(
            model, output, forms, f"llama-server -m {shlex.quote(str(output / name))} -c {context} --temp 0"
        )
