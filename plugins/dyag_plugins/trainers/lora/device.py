"""Which device to train on, and with which numbers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from dyag_core import ResourceError, UsageError
from dyag_core.api import available_memory, cpu_has_bf16, own_memory


@dataclass(frozen=True)
class Numerics:
    """Where a run computes and with what: device (cpu, cuda, mps), dtype of the frozen weights, "none" or "nf4"."""

    device: str
    dtype: str
    quantization: str = "none"


def choose_device(wanted: str) -> str:
    """ "cuda", "mps" or "cpu"; "auto" takes the first of them that is there."""
    import torch

    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if wanted == "auto":
        return next(device for device, found in there.items() if found)
    if not there[wanted]:
        raise UsageError(f"device {wanted!r} is not there", "leave it at device=auto; see: dyag doctor")
    return wanted


def choose_dtype(wanted: str, device: str) -> str:
    """The dtype of the frozen weights, "float32" or "bfloat16"; the adapter and its optimizer are always float32.

    "auto" takes bfloat16 where the GPU or the processor computes in it. A plain CPU emulates it, many times slower.
    """
    import torch

    if wanted != "auto":
        return wanted
    fast = {"cuda": lambda: torch.cuda.is_bf16_supported(including_emulation=False), "cpu": cpu_has_bf16}
    return "bfloat16" if device in fast and fast[device]() else "float32"


def memory_room(device: str) -> int | None:
    """Bytes this process can have on `device`, what it holds already included; None where nobody knows."""
    import torch

    if device == "cuda":
        return int(torch.cuda.mem_get_info()[0] + torch.cuda.memory_reserved())
    if device == "mps":
        return int(torch.mps.recommended_max_memory())
    free = available_memory()
    return None if free is None else free + own_memory()


def peak_memory(device: str) -> int | None:
    """Most bytes this process has held on `device` so far; None where nobody knows."""
    import torch

    if device == "cuda":
        return int(torch.cuda.max_memory_reserved())
    try:
        import resource
    except ImportError:  # Windows
        return None
    import sys

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak) if sys.platform == "darwin" else int(peak) * 1024


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
            "or choose a smaller --base-model or --quantization nf4; the last checkpoint is intact",
        ) from error


def _out_of_memory(error: BaseException) -> bool:
    """CUDA has an exception of its own; CPU allocators raise a plain RuntimeError."""
    text = str(error).lower()
    return isinstance(error, MemoryError) or "out of memory" in text or "can't allocate memory" in text
