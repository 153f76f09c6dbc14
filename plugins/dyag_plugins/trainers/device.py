"""Which device to train on, and with which numbers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from dyag_core import ResourceError, UsageError


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


@contextmanager
def memory_errors() -> Iterator[None]:
    """Turn "out of memory" inside the block into an error that says what to change."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not _out_of_memory(error):
            raise
        raise ResourceError(
            "out of memory while training",
            "lower -o batch_size=... (and raise -o gradient_accumulation=... by as much), lower -o max_length=..., "
            "or choose a smaller --base-model; the last checkpoint is intact",
        ) from error


def _out_of_memory(error: BaseException) -> bool:
    """CUDA has an exception of its own; CPU allocators raise a plain RuntimeError."""
    text = str(error).lower()
    return isinstance(error, MemoryError) or "out of memory" in text or "can't allocate memory" in text
