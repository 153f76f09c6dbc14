"""Load a base model and its adapter: safetensors only, no foreign code, and proof that the adapter is in."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dyag_core import DyagError, UsageError
from dyag_core.api import load_tokenizer, quiet_libraries

ADAPTER_WEIGHTS = "adapter_model.safetensors"
#: PEFT's name for the adapter that a model is opened with.
BESIDE = "default"
_PLAIN_ATTENTION = {None, "", "eager", "sdpa", "flash_attention_2", "flash_attention_3", "flex_attention"}


def load(
    base_path: str, adapter: Path | None, device: str, dtype: str, chat_template: str | None = None
) -> tuple[Any, Any]:
    """The model, ready to answer, and its tokenizer (the adapter's own where it has one).

    Raises:
        UsageError: nothing loadable there, or something that would run code. DyagError: the adapter has no effect.
    """
    import torch
    from transformers import AutoModelForCausalLM

    if adapter is not None:
        check_adapter_folder(adapter)
    place = _device(torch, device)
    refuse_custom_code(base_path)
    with quiet_libraries():
        tokenizer = tokenizer_of(base_path, adapter, chat_template)
        model = _loaded(
            AutoModelForCausalLM.from_pretrained,
            base_path,
            dtype=_dtype(torch, dtype, place),
            use_safetensors=True,
            trust_remote_code=False,
        )
        model = model.to(place).eval()
        if adapter is not None:
            model = _merge(model, adapter)
    check_tokenizer(tokenizer, model, base_path)
    return model, tokenizer


def check_tokenizer(tokenizer: Any, model: Any, base_path: str) -> None:
    """Refuse a tokenizer that isn't the model's. Raises UsageError."""
    if len(tokenizer) > model.get_input_embeddings().num_embeddings:
        raise UsageError(
            f"{base_path}: the tokenizer knows more tokens than the model", "they belong to different models"
        )


def tokenizer_of(base_path: str, adapter: Path | None, chat_template: str | None = None) -> Any:
    """The adapter's own tokenizer where it has one, else the base model's."""
    own = adapter is not None and (adapter / "tokenizer_config.json").is_file()
    return _loaded(load_tokenizer, str(adapter) if own else base_path, chat_template=chat_template)


def context_length(config: Any, tokenizer: Any) -> int:
    """Tokens that prompt and answer share; tokenizers that don't know say something astronomic."""
    known = [getattr(config.get_text_config(), "max_position_embeddings", None), tokenizer.model_max_length]
    return min([int(length) for length in known if length and length < 10**9] or [2048])


def refuse_custom_code(base_path: str) -> None:
    """Refuse a model whose configuration would fetch or run code, before anything of it is used.

    Raises:
        UsageError: names the key.
    """
    from transformers import PretrainedConfig

    folder = Path(base_path)
    if folder.is_dir():
        if (folder / "adapter_config.json").is_file() and not (folder / "config.json").is_file():
            raise UsageError(f"{base_path} is an adapter, not a base model", "give it as --model")
        refuse_code_keys(folder)
    else:
        try:
            config = PretrainedConfig.get_config_dict(base_path)[0]
        except (OSError, ValueError) as error:
            raise _not_loadable(base_path, error) from error
        _refuse_keys(base_path, config)


def refuse_code_keys(folder: Path) -> None:
    """Refuse a folder of a model, an adapter or a tokenizer whose configuration asks for its own code.

    Raises:
        UsageError: names the key.
    """
    for name in ("config.json", "tokenizer_config.json"):
        _refuse_keys(str(folder), _read(folder / name))


def _refuse_keys(base_path: str, config: Any) -> None:
    if isinstance(config, list):
        for item in config:
            _refuse_keys(base_path, item)
    if not isinstance(config, dict):
        return
    for key, value in config.items():
        attention = "attn_implementation" in key or "experts_implementation" in key
        names = list(value.values()) if attention and isinstance(value, dict) else [value]
        foreign = attention and any(not isinstance(name, str | None) or name not in _PLAIN_ATTENTION for name in names)
        if (key == "auto_map" and value) or foreign:
            raise UsageError(
                f"{base_path}: its configuration asks to run code from its repository ({key})",
                "DYAG loads no custom code; choose a model that transformers knows by itself",
            )
        _refuse_keys(base_path, value)


def _read(path: Path) -> Any:
    if not path.is_file():
        return {}
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path}: not readable as JSON: {str(error)[:200]}") from error


def check_adapter_folder(adapter: Path) -> None:
    """Refuse a folder without an adapter, or with one in pickles. Raises UsageError."""
    if not (adapter / "adapter_config.json").is_file():
        raise UsageError(f"{adapter}: no adapter here (no adapter_config.json)", "give the folder OUTPUT/final")
    if not (adapter / ADAPTER_WEIGHTS).is_file():
        if (adapter / "adapter_model.bin").exists():
            raise UsageError(
                f"{adapter}: adapter_model.bin is a pickle, which can run code when it is loaded; DYAG won't",
                "ask its author for adapter_model.safetensors",
            )
        raise UsageError(f"{adapter}: {ADAPTER_WEIGHTS} is missing", "train again, or copy the whole folder")
    for name in ("adapter_config.json", "tokenizer_config.json"):
        _refuse_keys(str(adapter), _read(adapter / name))


def stands_beside(adapter: Path) -> bool:
    """Whether PEFT can apply this adapter to some rows of a batch and not to others: plain LoRA on linear layers."""
    told = _read(adapter / "adapter_config.json")
    special = ("use_dora", "modules_to_save", "trainable_token_indices", "lora_bias", "target_parameters")
    plain = isinstance(told, dict) and told.get("peft_type") == "LORA" and told.get("bias", "none") == "none"
    return plain and not any(told.get(key) for key in special)


def beside(model: Any, adapter: Path) -> Any:
    """`model` with the adapter beside its weights under the name `BESIDE`: rows say whether they want it."""
    check_adapter_folder(adapter)
    import torch

    with quiet_libraries():
        before = _logits(model)
        wrapped = _attached(model, adapter).eval()
        if torch.equal(before, _logits(wrapped)):
            raise _not_applied(adapter, "the model answers exactly as its base does")
    return wrapped


def _merge(model: Any, adapter: Path) -> Any:
    """`model` with the adapter added into its weights, after checking that all of it arrived and that it matters."""
    import torch

    before = _logits(model)
    merged = _attached(model, adapter).merge_and_unload(safe_merge=True).eval()
    if torch.equal(before, _logits(merged)):
        raise _not_applied(adapter, "the model answers exactly as its base does")
    return merged


def _logits(model: Any) -> Any:
    """What the model says to a few tokens."""
    import torch

    probe = torch.arange(8, device=model.device).unsqueeze(0) % model.get_input_embeddings().num_embeddings
    with torch.inference_mode():
        return model(input_ids=probe).logits


def _attached(model: Any, adapter: Path) -> Any:
    """PEFT's model with the adapter on it, after checking that every tensor found its place."""
    from peft import PeftConfig, get_peft_model
    from peft.utils import set_peft_model_state_dict
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        config = PeftConfig.from_pretrained(str(adapter))
        config.inference_mode = True
        weights = load_file(adapter / ADAPTER_WEIGHTS)
        wrapped = get_peft_model(model, config, adapter_name=BESIDE)
        expected = {name for name in wrapped.state_dict() if "lora_" in name or "modules_to_save" in name}
        outcome = set_peft_model_state_dict(wrapped, weights, adapter_name=BESIDE)
    except (SafetensorError, RuntimeError, ValueError, TypeError, KeyError) as error:
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise _not_applied(adapter, first) from error
    lost = sorted(outcome.unexpected_keys) + sorted(expected & set(outcome.missing_keys))
    if lost or not weights:
        raise _not_applied(
            adapter, f"{len(lost)} tensors found no place, {', '.join(lost[:3])}" if lost else "it is empty"
        )
    return wrapped


def _not_applied(adapter: Path, why: str) -> DyagError:
    return DyagError(
        f"adapter not applied: {adapter}: {why}",
        "it may belong to another base model, or may be damaged or untrained; dyag.json or adapter_config.json"
        " beside it names its base",
    )


def _loaded(load: Callable[..., Any], path: str, **options: Any) -> Any:
    try:
        return load(path, **options)
    except (OSError, ValueError, KeyError) as error:
        raise _not_loadable(path, error) from error


def _not_loadable(path: str, error: Exception) -> UsageError:
    first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return UsageError(
        f"{path} can't be loaded: {first[:300]}",
        "give a preset's name (dyag models list), ORG/NAME, or a folder with config, tokenizer and safetensors",
    )


def _device(torch: Any, wanted: str) -> str:
    usable = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if wanted == "auto":
        return next(device for device, there in usable.items() if there)
    if not usable[wanted]:
        raise UsageError(f"device {wanted} is not there", "use -o device=auto")
    return wanted


def _dtype(torch: Any, wanted: str, device: str) -> Any:
    if wanted != "auto":
        return getattr(torch, wanted)
    if device != "cuda":
        return torch.float32
    return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
