"""Exporters `adapter` and `hub`: the adapter alone, for who has the base model; and a folder ready to be published."""

from __future__ import annotations

import json
import shlex
import shutil
from pathlib import Path
from typing import Literal

from pydantic import Field

from dyag_core import Exported, Run, hookimpl
from dyag_core.api import atomic_folder, revision_of
from dyag_plugins.exporters.models.card import Card
from dyag_plugins.exporters.models.checking import Check, Form
from dyag_plugins.exporters.models.source import ModelOptions, ModelSource
from dyag_plugins.exporters.models.writing import exported

_WEIGHTS = "adapter_model.safetensors"
#: Ranks that vLLM's --max-lora-rank takes.
_VLLM_RANKS = (8, 16, 32, 64, 128, 256, 320, 512)


class AdapterExporter:
    """A PEFT folder that names its base model and revision: for transformers, vLLM (--enable-lora) and TGI."""

    dyag_api = 1
    requires = ("torch", "transformers", "peft")
    Options = ModelOptions

    @hookimpl
    def dyag_export(self, source: Path, output: Path, options: ModelOptions, run: Run) -> Exported:
        """Copy, name the base, load again, compare."""
        model = ModelSource.of(source, options, run)
        check, card = Check(model, options, run), Card(model, options)
        with atomic_folder(output) as folder:
            write_adapter(model, folder)
            form = checked(model, check, folder)
            card.write(folder, "adapter", [form], f"```\n{vllm(model, '.')}\n```", "peft")
        return exported(model, output, [form], vllm(model, str(output)), _notes(model))


class HubOptions(ModelOptions):
    """What is published."""

    weights: Literal["adapter", "merged"] = Field("adapter", description="the adapter alone, or the whole model")


class HubExporter:
    """A folder as the model hub shows it: card with metadata, weights as large files. Nothing is uploaded by itself."""

    dyag_api = 1
    requires = ("torch", "transformers", "peft")
    Options = HubOptions

    @hookimpl
    def dyag_export(self, source: Path, output: Path, options: HubOptions, run: Run) -> Exported:
        """Write the adapter or the merged model, its card, and what the hub's git needs."""
        model = ModelSource.of(source, options, run)
        check, card = Check(model, options, run), Card(model, options)
        with atomic_folder(output) as folder:
            if options.weights == "adapter":
                write_adapter(model, folder)
                form = checked(model, check, folder)
            else:
                model.save_merged(folder)
                form = check.of_folder("merged", folder, str(folder), None).named(folder)
            large = "".join(f"*.{kind} filter=lfs diff=lfs merge=lfs -text\n" for kind in ("safetensors", "gguf"))
            (folder / ".gitattributes").write_text(large, encoding="utf-8")
            card.write(folder, "hub", [form], library="peft" if options.weights == "adapter" else "")
        upload = f"hf upload YOUR-NAME/{model.name} {shlex.quote(str(output))} --private"
        return exported(model, output, [form], upload, _notes(model))


def write_adapter(model: ModelSource, folder: Path) -> None:
    """The adapter with its tokenizer and template; its configuration names the base as others can find it."""
    shutil.copyfile(model.adapter / _WEIGHTS, folder / _WEIGHTS)
    config = json.loads((model.adapter / "adapter_config.json").read_text(encoding="utf-8"))
    config["base_model_name_or_path"] = _base(model)
    config["revision"] = revision_of(model.models.base, model.merged.base_path) if _on_hub(model) else None
    config["inference_mode"] = True
    text = json.dumps(config, indent=2, ensure_ascii=False, sort_keys=True)
    (folder / "adapter_config.json").write_text(text + "\n", encoding="utf-8")
    model.merged.tokenizer.save_pretrained(folder)
    model.settle(folder)


def checked(model: ModelSource, check: Check, folder: Path) -> Form:
    """The adapter in `folder` on its base, asked the questions."""
    return check.of_folder("adapter", folder, model.merged.base_path, folder).named(folder)


def vllm(model: ModelSource, folder: str) -> str:
    """The command that serves the adapter. vLLM knows some ranks only; the next one above does."""
    rank = int(json.loads((model.adapter / "adapter_config.json").read_text(encoding="utf-8")).get("r", 16))
    allowed = next((known for known in _VLLM_RANKS if known >= rank), rank)
    return (
        f"vllm serve {shlex.quote(_base(model))} --enable-lora --max-lora-rank {allowed} "
        f"--lora-modules {model.name}={shlex.quote(folder)}"
    )


def _on_hub(model: ModelSource) -> bool:
    return model.models.base.source.startswith("hub:")


def _base(model: ModelSource) -> str:
    """The base model's name on the hub; else what DYAG calls it, which no other program finds by itself."""
    base = model.models.base
    return base.source.removeprefix("hub:") if _on_hub(model) else base.name


def _notes(model: ModelSource) -> list[str]:
    base = model.models.base
    if _on_hub(model):
        return []
    return [
        f"other programs can't fetch the base model {base.name!r} by itself (it comes from "
        f"{base.source.partition(':')[0]}): put it beside the adapter, or export it as merged"
    ]
