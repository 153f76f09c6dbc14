"""Before any weight is loaded: is there room on the disk and in memory?"""

from __future__ import annotations

import json
import shutil
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path

from dyag_core import ResourceError, Run, TrainingJob
from dyag_core.api import IGNORED, Batch, Weights, bytes_text, estimate_memory, weights_of
from dyag_core.records import MemoryEstimate, ModelShape
from dyag_plugins.trainers.lora import packing, quantization
from dyag_plugins.trainers.lora.device import Numerics, memory_room
from dyag_plugins.trainers.lora.encoding import Encoded

#: The estimate may be this far from the truth: beyond it a run is hopeless, within it the user is warned.
TOLERANCE = 1.25


@dataclass(frozen=True)
class Room:
    """What a run needs and what there is, in bytes. `memory` or `memory_room` are None where they can't be told."""

    memory: MemoryEstimate | None
    memory_room: int | None
    disk_needed: int
    disk_free: int


@dataclass(frozen=True)
class Plan:
    """What decides how much room a run needs. `quantization` may be "auto", the rest is settled."""

    numerics: Numerics
    rank: int
    targets: str | Collection[str]
    batch: Batch
    merged: bool
    keep_checkpoints: int


def look(job: TrainingJob, plan: Plan) -> tuple[Numerics, Room]:
    """What the run needs and what is there; "auto" becomes "nf4" where only that fits, else "none"."""
    weights, shape = _weights(job), _shape(job)
    numerics, room = plan.numerics, memory_room(plan.numerics.device)

    def memory(nf4: bool) -> MemoryEstimate | None:
        if weights is None or shape is None:
            return None
        return estimate_memory(
            shape,
            weights,
            plan.batch,
            device=numerics.device,
            dtype=numerics.dtype,
            nf4=nf4,
            rank=plan.rank,
            targets=plan.targets,
            merged=plan.merged,
        )

    if numerics.quantization == "auto":
        whole = memory(nf4=False)
        short = whole is not None and room is not None and whole.total > room
        numerics = replace(numerics, quantization="nf4" if short and quantization.is_there(numerics.device) else "none")
    disk_needed, disk_free = _disk(job, plan, weights)
    return numerics, Room(memory(numerics.quantization == "nf4"), room, disk_needed, disk_free)


def refuse_without_room(room: Room, output: Path, run: Run) -> None:
    """Stop where disk or memory can't do; warn where memory is tight.

    Raises:
        ResourceError: says what is needed, what is there, and what to change.
    """
    if room.disk_needed > room.disk_free:
        raise ResourceError(
            f"{output}: checkpoints and adapter need about {bytes_text(room.disk_needed)} on disk, "
            f"{bytes_text(room.disk_free)} are free",
            "free some space, choose another --output, or lower -o rank=... or -o keep_checkpoints=...",
        )
    if room.memory is None or room.memory_room is None:
        return
    needed, there = room.memory.total, room.memory_room
    text = f"training needs about {bytes_text(needed)} of memory on {room.memory.device}, {bytes_text(there)} are there"
    change = "a smaller -o batch_size=... (with -o gradient_accumulation=...), a smaller --base-model"
    if room.memory.quantization == "none":
        change += ", or --quantization nf4"
    if needed > there * TOLERANCE:
        raise ResourceError(text, f"change: {change}; --estimate shows what takes it, -o preflight=false tries anyway")
    if needed > there:
        run.warn(f"{text}: it may not fit; {change} would help")


def largest_batch(train: Encoded, examples: int, packed: bool) -> Batch:
    """The batch that takes most memory: the longest examples together, as a batch of like lengths has them."""
    items = sorted(train.items, key=lambda item: -len(item.input_ids))[:examples]
    lengths = [len(item.input_ids) for item in items]
    if packed:
        prefix = packing.common_prefix([{"input_ids": item.input_ids, "labels": item.labels} for item in items])
        tokens = prefix + sum(lengths) - prefix * len(items)
        trained = sum(item.trained_tokens for item in items)
        return Batch(len(items), lengths[0] - prefix, tokens, trained, prefix)
    columns = {i for item in items for i, label in enumerate(item.labels) if label != IGNORED}
    tokens = len(items) * lengths[0]
    return Batch(len(items), lengths[0], tokens, len(items) * len(columns), packed=False)


def _shape(job: TrainingJob) -> ModelShape | None:
    try:
        return ModelShape.from_config(json.loads((Path(job.base_path) / "config.json").read_text(encoding="utf-8")))
    except (KeyError, TypeError, ValueError):  # a kind of model whose config has other names
        return job.base_model.shape


def _weights(job: TrainingJob) -> Weights | None:
    try:
        return weights_of(Path(job.base_path))
    except (OSError, ValueError):  # loading will say what is wrong with them
        return None


def _disk(job: TrainingJob, plan: Plan, weights: Weights | None) -> tuple[int, int]:
    """Bytes that the run will add on disk, and bytes free there.

    A checkpoint holds the adapter and Adam's two moments of it, the tokenizer and little else; a new one is written
    before the oldest goes. Beside them: the best adapter, and the final one, each once more while it is written.
    """
    adapter = 4 * weights.adapter(plan.rank, plan.targets) if weights else 0
    tokenizer = sum(file.stat().st_size for file in Path(job.base_path).glob("tokenizer*"))
    needed = (plan.keep_checkpoints + 1) * (3 * adapter + tokenizer) + 4 * adapter + 2 * tokenizer + 10**6
    there = next(folder for folder in (job.output, *job.output.absolute().parents) if folder.is_dir())
    taken = sum(file.stat().st_size for file in job.output.rglob("*") if file.is_file())
    return max(0, needed - taken), shutil.disk_usage(there).free
