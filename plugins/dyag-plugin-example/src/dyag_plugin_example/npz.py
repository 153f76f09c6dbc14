"""Exporter `npz`: the changes that fine-tuning made, as one NumPy archive, for who wants to look at them.

An exporter of models: what `dyag export MODEL --format npz` is given is the folder of a fine-tuned model.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field

from dyag_core import Exported, Run, UsageError, hookimpl
from dyag_core.api import Models, atomic_folder, bytes_text

dyag_api = 1
requires = ("numpy", "safetensors")


class Options(BaseModel, extra="forbid"):
    """What is written."""

    dtype: Literal["float32", "float16"] = Field("float32", description="of the numbers in the archive")
    base_model: str | None = Field(None, description="the base model, where the adapter doesn't say it")


@hookimpl
def dyag_export(source: Path, output: Path, options: Options, run: Run) -> Exported:
    """Write OUTPUT/adapter.npz, a tensor by its name, and OUTPUT/about.json."""
    import numpy as np
    from safetensors.numpy import load_file

    models = Models.resolve(source, options.base_model, run.plugins, run.progress)
    weights = models.model / "adapter_model.safetensors" if models.model else source
    if not weights.is_file():
        raise UsageError(f"{source}: no {weights.name} in it", "give the folder OUTPUT/final of dyag finetune")
    tensors = {name: tensor.astype(options.dtype) for name, tensor in sorted(load_file(weights).items())}
    passport = models.passport
    about = {"base_model": models.base.name, "tensors": len(tensors), "data": passport.data if passport else None}
    with atomic_folder(output) as folder:
        np.savez(folder / "adapter.npz", **tensors)
        (folder / "about.json").write_text(json.dumps(about, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    archive = output / "adapter.npz"
    return Exported(
        files=(archive, output / "about.json"),
        notes=(f"{len(tensors)} tensors, {bytes_text(archive.stat().st_size)}",),
        details=about,
        next=f"python -c \"import numpy; print(*numpy.load('{archive.as_posix()}'), sep='\\n')\"",
    )
