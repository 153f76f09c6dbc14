"""What a trainer is asked to do, and what it leaves behind."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from dyag_core.records.base import SCHEMA_VERSION, Record
from dyag_core.records.base_model import BaseModelPreset

ResumePolicy = Literal["auto", "require", "never"]


@dataclass(frozen=True, kw_only=True)
class TrainingJob:
    """One fine-tuning run as the stage hands it to a trainer.

    Args:
        dataset: chat JSONL to train on.
        validation: chat JSONL for validation loss, or None.
        output: the run's folder; the trainer writes `final/` and `checkpoints/` under it.
        base_model: the preset that was asked for.
        base_path: folder or hub id to load from (`from_pretrained` takes it).
        fingerprint: hashes of data, base and options; a checkpoint with another fingerprint is never resumed.
        from_adapter: folder of an adapter to go on from, or None to start a new one. Its base is `base_model`.
    """

    dataset: Path
    validation: Path | None
    output: Path
    base_model: BaseModelPreset
    base_path: str
    epochs: float
    resume: ResumePolicy
    seed: int
    fingerprint: dict[str, Any]
    from_adapter: Path | None = None


class MemoryEstimate(Record):
    """Bytes that training takes at its peak, by what takes them; see `dyag_core.models.memory` for the formula."""

    device: str
    dtype: str
    quantization: str = "none"
    weights: int
    adapter: int
    gradients: int
    optimizer: int
    merged: int
    activations: int
    logits: int
    working: int
    runtime: int

    def parts(self) -> dict[str, int]:
        """Bytes by what takes them, in the order of the formula."""
        return {name: value for name, value in self if isinstance(value, int)}

    @property
    def total(self) -> int:
        """All of it."""
        return sum(self.parts().values())


class TrainingEstimate(Record):
    """What a run would take, found out without leaving anything behind.

    Bytes; `memory_room` and `memory_measured` (the peak of the measured steps) are None where the machine doesn't
    tell. `seconds_a_step` is the mean of `measured_steps` real steps, spread from short batches to long ones.
    """

    base_model: str
    device: str
    dtype: str
    quantization: str
    memory: MemoryEstimate | None
    memory_room: int | None
    memory_measured: int | None = None
    disk_needed: int
    disk_free: int
    examples: int
    tokens: int
    trained_tokens: int
    steps: int
    epochs: float
    measured_steps: int
    seconds_a_step: float
    seconds: float


class TrainedModel(Record):
    """What training made.

    `seconds` is the time spent in training, over all its resumptions; losses are mean cross-entropy in nats per
    trained token. `resolved` holds the options that were left open, as they were decided (device, dtype, ...), and
    those that came from an older adapter; `old_test` the share of old test questions answered before and after.
    """

    folder: Path
    examples: int
    steps: int
    epochs: float
    seconds: float
    first_loss: float | None = None
    final_loss: float | None = None
    validation_loss: float | None = None
    trained_tokens: int = 0
    resumed_from_step: int | None = None
    label_statistics: dict[str, Any] = Field(default_factory=dict)
    resolved: dict[str, Any] = Field(default_factory=dict)
    old_test: dict[str, Any] | None = None

    def summary_lines(self) -> list[str]:
        """What was made, where, and what the numbers mean, for people."""
        lines = [
            f"{self.folder}: adapter trained on {self.examples} examples, {self.steps} steps, {self.epochs:g} epochs, "
            f"{self.seconds:.0f} s"
        ]
        if self.first_loss is not None and self.final_loss is not None:
            lines.append(
                f"loss {self.first_loss:.3f} -> {self.final_loss:.3f} nats a trained token (0 means known by heart)"
            )
        if self.validation_loss is not None:
            lines.append(f"lowest validation loss {self.validation_loss:.3f}; the adapter kept is the one that had it")
        if self.old_test:
            lines.append(
                f"old test: {self.old_test['before']:.1f} % before, {self.old_test['after']:.1f} % after, "
                f"of {self.old_test['questions']} questions"
            )
        if self.resumed_from_step is not None:
            lines.append(f"went on from step {self.resumed_from_step}")
        return lines


class Passport(Record):
    """`dyag.json` beside an adapter: enough to load it right and to know what it saw. No absolute path, no token.

    `parent` is the adapter this one went on from: its hash, and what its own passport says about its data.
    `chat_template` is the template it was trained with where that isn't the base model's own.
    """

    schema_version: str = SCHEMA_VERSION
    base_model: str
    base_source: str
    base_revision: str | None
    base_config_sha256: str
    chat_template_sha256: str
    chat_template: str | None = None
    system_prompt: str | None
    lang: str | None = None
    data: dict[str, Any]
    options: dict[str, Any]
    versions: dict[str, str]
    seed: int
    training: dict[str, Any]
    parent: dict[str, Any] | None = None
