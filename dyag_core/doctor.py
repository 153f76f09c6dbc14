"""What the machine at hand can run."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
from pathlib import Path

from dyag_core.errors import DyagError
from dyag_core.models.hardware import available_memory, cpu_has_bf16, own_memory
from dyag_core.models.memory import Batch, estimate_memory, weights_from
from dyag_core.records import BaseModelPreset, Record
from dyag_core.text.sanitize import bytes_text

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
        *_trainable(),
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
        found = f"none; the CPU trains in {'bf16' if cpu_has_bf16() else 'fp32'}"
    return [Finding(name="accelerator", ok=True, found=found)]


def _embedded_model() -> Finding:
    from dyag_core.models.sources import is_present
    from dyag_core.plugin.host import Plugins

    here = is_present(Plugins().base_model("smollm2:135m"))
    return Finding(
        name="smollm2:135m",
        ok=here,
        found="here" if here else "not fetched yet",
        remedy="dyag models pull smollm2:135m",
    )


#: What "can this machine train it" is asked for: 8 chats of 128 tokens a step, a quarter of them trained.
_BATCH = Batch(examples=8, longest=128, tokens=8 * 128, trained=8 * 32)
_DTYPES = {"fp32": "float32", "bf16": "bfloat16"}


def _trainable() -> list[Finding]:
    """Each preset's estimated memory for LoRA, and whether that is there."""
    from dyag_core.plugin import discovery
    from dyag_core.plugin.host import Plugins

    device, room, in_full = _training_place()
    plugins = Plugins()
    findings = []
    for entry in discovery.entries("base_models"):
        try:
            preset = plugins.base_model(entry.qualified)
        except DyagError as error:
            findings.append(Finding(name=f"train {entry.name}", ok=False, found=error.message, remedy=error.hint))
            continue
        if preset.shape:
            findings.append(_fits(preset, device, room, in_full))
    return findings


def _training_place() -> tuple[str, int | None, str]:
    """The device that training takes by itself, the bytes it has, and the kind of numbers it uses there in full."""
    free = available_memory()
    host = None if free is None else free + own_memory()
    try:
        import torch
    except ImportError:
        return "cpu", host, "fp32"
    if torch.cuda.is_available():
        bf16 = torch.cuda.is_bf16_supported(including_emulation=False)
        return "cuda", int(torch.cuda.mem_get_info()[0]), "bf16" if bf16 else "fp32"
    if torch.backends.mps.is_available():
        return "mps", int(torch.mps.recommended_max_memory()), "fp32"
    return "cpu", host, "bf16" if cpu_has_bf16() else "fp32"


def _fits(preset: BaseModelPreset, device: str, room: int | None, in_full: str) -> Finding:
    assert preset.shape is not None
    weights = weights_from(preset.shape)
    needed = {
        kind: estimate_memory(preset.shape, weights, _BATCH, device=device, dtype=dtype).total
        for kind, dtype in _DTYPES.items()
    }
    needed["nf4"] = estimate_memory(
        preset.shape, weights, _BATCH, device=device, dtype=_DTYPES[in_full], nf4=True
    ).total
    sizes = ", ".join(f"{kind} {bytes_text(count)}" for kind, count in needed.items())
    if room is None:
        return Finding(name=f"train {preset.name}", ok=True, found=f"{sizes}; memory unknown")
    if needed[in_full] <= room:
        verdict = f"fits in {in_full}"
    elif needed["nf4"] <= room and device != "mps":
        verdict = "fits with nf4"
    else:
        verdict = "does not fit"
    return Finding(
        name=f"train {preset.name}",
        ok=verdict != "does not fit",
        found=f"{sizes}; {verdict} ({bytes_text(room)} there)",
        remedy="a machine with more memory, a smaller model, or -o batch_size=1",
    )
