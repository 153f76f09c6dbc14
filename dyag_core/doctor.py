"""What the machine at hand can run."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
from pathlib import Path

from dyag_core.records import Record

#: distribution -> what it is needed for
NEEDED = {
    "torch": "training and answering",
    "transformers": "training and answering",
    "peft": "training and answering",
    "trl": "training",
    "gguf": "the embedded model",
}


class Finding(Record):
    """One thing that was looked at. `remedy` says what to do where it isn't `ok`."""

    name: str
    ok: bool
    found: str
    remedy: str | None = None


def examine() -> list[Finding]:
    """Look at interpreter, processor, memory, disk, libraries, accelerator and the embedded model."""
    return [
        Finding(
            name="python", ok=True, found=f"{platform.python_version()} on {platform.system()} {platform.machine()}"
        ),
        Finding(name="processor", ok=True, found=f"{os.cpu_count()} cores"),
        _disk(),
        *(_library(name, use) for name, use in NEEDED.items()),
        *_accelerator(),
        _embedded_model(),
    ]


def _disk() -> Finding:
    free = shutil.disk_usage(Path.cwd()).free / 1e9
    return Finding(
        name="disk", ok=free > 5, found=f"{free:.0f} GB free here", remedy="models and checkpoints want 5 GB or more"
    )


def _library(name: str, use: str) -> Finding:
    try:
        found = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return Finding(name=name, ok=False, found=f"not installed ({use})", remedy='pip install "dyag[train]"')
    return Finding(name=name, ok=True, found=found)


def _accelerator() -> list[Finding]:
    try:
        import torch
    except ImportError:
        return []
    if torch.cuda.is_available():
        properties = torch.cuda.get_device_properties(0)
        found = f"CUDA: {properties.name}, {properties.total_memory / 1e9:.0f} GB"
    elif torch.backends.mps.is_available():
        found = "Apple MPS"
    else:
        found = f"none; the CPU trains in {'bf16' if 'avx512_bf16' in _cpu_flags() else 'fp32'}"
    return [Finding(name="accelerator", ok=True, found=found)]


def _cpu_flags() -> str:
    info = Path("/proc/cpuinfo")
    return info.read_text(encoding="utf-8", errors="replace") if info.is_file() else ""


def _embedded_model() -> Finding:
    from dyag_core.base_models import is_present
    from dyag_core.manager import Plugins

    here = is_present(Plugins().base_model("smollm2:135m"))
    return Finding(
        name="smollm2:135m",
        ok=here,
        found="here" if here else "not fetched yet",
        remedy="dyag models pull smollm2:135m",
    )
