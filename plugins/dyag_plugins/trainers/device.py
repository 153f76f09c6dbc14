"""Which device to train on, and with which numbers."""

from __future__ import annotations

from typing import Any

from dyag_core import UsageError


def choose_device(wanted: str) -> str:
    """ "cuda", "mps" or "cpu"; "auto" takes the first of them that is there."""
    import torch

    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if wanted == "auto":
        return next(device for device, found in there.items() if found)
    if not there[wanted]:
        raise UsageError(f"device {wanted!r} is not there", "leave it at device=auto; see: dyag doctor")
    return wanted


def choose_dtype(wanted: str, device: str) -> Any:
    """The torch dtype of the frozen weights. A plain CPU computes bfloat16 many times slower than float32."""
    import torch

    if wanted == "auto":
        wanted = "bfloat16" if device == "cuda" and torch.cuda.is_bf16_supported() else "float32"
    return getattr(torch, wanted)


def out_of_memory(error: BaseException) -> bool:
    """Whether `error` says that host or device memory ran out; CPU allocators raise a plain RuntimeError."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and ("out of memory" in text or "can't allocate memory" in text)
