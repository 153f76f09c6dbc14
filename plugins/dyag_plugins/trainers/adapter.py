"""Adapters on disk: put one into a model, take its shape over, write one whole."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel

from dyag_core import DyagError, UsageError
from dyag_core.artifacts import disk_errors, read_json
from dyag_plugins.trainers.checkpoints import name_base

WEIGHTS = "adapter_model.safetensors"
CONFIG = "adapter_config.json"
#: PEFT's name -> the trainer's option, for all that shapes the matrices and their scale
_SHAPE = {
    "r": "rank",
    "lora_alpha": "alpha",
    "use_rslora": "rslora",
    "use_dora": "dora",
    "target_modules": "targets",
}
#: What this trainer can't go on with.
_FOREIGN = ("modules_to_save", "rank_pattern", "alpha_pattern", "layers_to_transform", "trainable_token_indices")

Options = TypeVar("Options", bound=BaseModel)


def same_shape(folder: Path, options: Options) -> Options:
    """`options` with the LoRA shape of the adapter in `folder`: one goes on with its matrices as they are.

    Raises:
        UsageError: it is no LoRA of this trainer's, or an option was given that contradicts it.
    """
    config = read_json(folder / CONFIG)
    foreign = [key for key in _FOREIGN if config.get(key)]
    if config.get("peft_type") != "LORA" or foreign:
        raise UsageError(
            f"{folder}: this adapter can't be gone on with ({', '.join(foreign) or config.get('peft_type')})",
            "give one that dyag finetune made",
        )
    shape = {option: config.get(key) for key, option in _SHAPE.items()}
    if isinstance(shape["targets"], str):
        shape["targets"] = None if shape["targets"] == "all-linear" else [shape["targets"]]
    for option, value in shape.items():
        wanted = getattr(options, option)
        if option in options.model_fields_set and wanted != value:
            raise UsageError(
                f"-o {option}={wanted} contradicts the adapter, which has {value} ({folder})", f"leave out -o {option}"
            )
    return options.model_copy(update=shape)


def put_in(model: Any, folder: Path) -> None:
    """Load the adapter's weights in `folder` into the LoRA layers of `model`.

    Raises:
        DyagError: a tensor found no place, or a LoRA layer no tensor.
    """
    from peft import set_peft_model_state_dict
    from safetensors.torch import load_file

    outcome = set_peft_model_state_dict(model, load_file(folder / WEIGHTS))
    missing = [name for name in outcome.missing_keys if "lora_" in name]
    if missing or outcome.unexpected_keys:
        lost = [*missing, *outcome.unexpected_keys]
        raise DyagError(
            f"{folder / WEIGHTS} does not fit the model: {len(lost)} tensors found no place ({', '.join(lost[:3])})",
            "it belongs to another base model, or is damaged",
        )


def write(model: Any, tokenizer: Any, final: Path, base_name: str) -> None:
    """Adapter and tokenizer, complete or not there at all."""
    partial = final.with_name(".final.partial")
    with disk_errors(final):
        shutil.rmtree(partial, ignore_errors=True)
        model.save_pretrained(partial)
        tokenizer.save_pretrained(partial)
        (partial / "README.md").unlink(missing_ok=True)  # a template full of "[More Information Needed]"
        name_base(partial / CONFIG, base_name)
        shutil.rmtree(final, ignore_errors=True)
        partial.rename(final)
