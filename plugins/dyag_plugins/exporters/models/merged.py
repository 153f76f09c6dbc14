"""Exporter `merged`: one model without an adapter, for transformers, vLLM, TGI, MLX and every converter."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Literal

from pydantic import Field

from dyag_core import Exported, Run, hookimpl
from dyag_core.api import atomic_folder
from dyag_plugins.exporters.models.card import Card
from dyag_plugins.exporters.models.checking import Check
from dyag_plugins.exporters.models.source import ModelOptions, ModelSource
from dyag_plugins.exporters.models.writing import exported


class MergedOptions(ModelOptions):
    """What is written, and how exact."""

    dtype: Literal["auto", "float32", "bfloat16", "float16"] = Field(
        "auto", description="of the weights; auto: as the base model's"
    )


class MergedExporter:
    """The adapter merged into the unquantised base: safetensors, tokenizer, template, generation config, card.

    It merges in float32 and rounds once, to `dtype`. An adapter trained on a base in 4 bits is merged into the base
    that it was made from: into 4 bits, rounding would erase it.
    """

    dyag_api = 1
    requires = ("torch", "transformers", "peft")
    Options = MergedOptions

    @hookimpl
    def dyag_export(self, source: Path, output: Path, options: MergedOptions, run: Run) -> Exported:
        """Merge, save, load again, compare."""
        model = ModelSource.of(source, options, run)
        check, card = Check(model, options, run), Card(model, options)
        serve = f"vllm serve {{}} --served-model-name {model.name}"
        with atomic_folder(output) as folder:
            with run.progress.task(f"merging {model.name}"):
                model.save_merged(folder, options.dtype)
            form = check.of_folder("merged", folder, str(folder), None).named(folder)
            card.write(folder, "merged", [form], f"```\n{serve.format('.')}\n```")
        return exported(model, output, [form], serve.format(shlex.quote(str(output))))
