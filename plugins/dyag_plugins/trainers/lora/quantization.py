"""Frozen weights in 4 bits: NF4 with double quantisation, through bitsandbytes, on CUDA and on the CPU.

QLoRA: Dettmers et al. 2023, https://arxiv.org/abs/2305.14314. Only training sees the quantised weights: answering and
merging always load the base model as it is.
"""

from __future__ import annotations

import importlib.util
from typing import Any

from dyag_core import UsageError

DEVICES = ("cuda", "cpu")


def is_there(device: str) -> bool:
    """Whether this machine can train on 4-bit weights."""
    return device in DEVICES and importlib.util.find_spec("bitsandbytes") is not None


def require(device: str) -> None:
    """Raise UsageError where `is_there` is false; says what to install."""
    if device not in DEVICES:
        raise UsageError(f"4-bit weights can't be trained on {device}", "choose -o device=cpu or quantization=none")
    if not is_there(device):
        raise UsageError("quantization=nf4 needs bitsandbytes", 'pip install "dyag[nf4]"')


def load_options(device: str, dtype: str) -> dict[str, Any]:
    """What `from_pretrained` needs to load the linear layers in NF4, straight onto `device`."""
    import torch
    from transformers import BitsAndBytesConfig

    config = BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=getattr(torch, dtype),
    )
    return {"quantization_config": config, "device_map": {"": 0 if device == "cuda" else device}}


def adapter_in_float32(model: Any) -> None:
    """Undo TRL's cast of the adapter to bfloat16 on quantised models: small updates would be rounded away."""
    import torch

    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.to(torch.float32)
