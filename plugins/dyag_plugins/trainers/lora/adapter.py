"""Adapters on disk: put one into a model, take its shape over, write one whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel

from dyag_core import DyagError, Run, UsageError
from dyag_core.api import atomic_folder, atomic_text, file_sha256, read_json
from dyag_plugins.trainers.lora.checkpoints import name_base

WEIGHTS = "adapter_model.safetensors"
#: Beside the best adapter: the hash of its weights.
SUM = "sha256"
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
            "give a plain LoRA: one that dyag finetune made, or another tool's without these",
        )
    shape = {option: config.get(key) for key, option in _SHAPE.items()}
    shape |= {option: bool(shape[option]) for option in ("rslora", "dora")}  # older versions of PEFT don't say
    if isinstance(shape["targets"], str):
        # other tools write a pattern of layer names, which the weights are named after
        shape["targets"] = None if shape["targets"] == "all-linear" else _adapted(folder)
    for option, value in shape.items():
        wanted = getattr(options, option)
        if option in options.model_fields_set and wanted != value:
            raise UsageError(
                f"-o {option}={wanted} contradicts the adapter, which has {value} ({folder})", f"leave out -o {option}"
            )
    return options.model_copy(update=shape)


def refuse_missing(model: Any, base_name: str, targets: str | list[str]) -> None:
    """Refuse targets that `model` lacks: PEFT takes any list of which a single one is there.

    Raises:
        UsageError: names those that are missing and those that there are.
    """
    if isinstance(targets, str):
        return
    modules = [
        name for name, module in model.named_modules() if getattr(getattr(module, "weight", None), "ndim", 0) == 2
    ]
    missing = [target for target in targets if not any(f".{name}".endswith(f".{target}") for name in modules)]
    if missing:
        there = sorted({name.rsplit(".", 1)[-1] for name in modules})
        raise UsageError(
            f"-o targets: {base_name} has no module that is called {', '.join(missing)}", f"it has {', '.join(there)}"
        )


def _adapted(folder: Path) -> list[str]:
    """The last parts of the names of the layers that an adapter's weights belong to."""
    from safetensors import safe_open

    with safe_open(folder / WEIGHTS, framework="pt") as weights:
        return sorted({name.split(".lora_")[0].rsplit(".", 1)[-1] for name in weights.keys() if ".lora_" in name})  # noqa: SIM118


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


def save_best(model: Any, folder: Path) -> None:
    """The adapter's weights with their hash, complete or not there at all."""
    with atomic_folder(folder) as partial:
        model.save_pretrained(partial)
        for file in partial.iterdir():
            if file.name != WEIGHTS:  # config and README hold this machine's paths, and nothing reads them
                file.unlink()
        atomic_text(partial / SUM, file_sha256(partial / WEIGHTS) + "\n")


def put_best(model: Any, folder: Path, run: Run) -> None:
    """Load what `save_best` wrote; where it was damaged since, say so and leave the model as its last step made it."""
    try:
        whole = (folder / SUM).read_text(encoding="utf-8").strip() == file_sha256(folder / WEIGHTS)
    except OSError:
        whole = False
    if whole:
        put_in(model, folder)
    else:
        run.warn(f"{folder.name}: the adapter with the lowest validation loss is damaged; the last step's is kept")


def write(model: Any, tokenizer: Any, final: Path, base_name: str) -> None:
    """Adapter and tokenizer, complete or not there at all."""
    with atomic_folder(final) as partial:
        model.save_pretrained(partial)
        tokenizer.save_pretrained(partial)
        (partial / "README.md").unlink(missing_ok=True)  # a template full of "[More Information Needed]"
        name_base(partial / CONFIG, base_name)
