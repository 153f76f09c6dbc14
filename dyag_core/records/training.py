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


class TrainedModel(Record):
    """What training made.

    `seconds` is the time spent in training, over all its resumptions; losses are mean cross-entropy in nats per
    trained token.
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
        if self.resumed_from_step is not None:
            lines.append(f"went on from step {self.resumed_from_step}")
        return lines


class Passport(Record):
    """`dyag.json` beside an adapter: enough to load it right and to know what it saw. No absolute path, no token."""

    schema_version: str = SCHEMA_VERSION
    base_model: str
    base_source: str
    base_revision: str | None
    base_config_sha256: str
    chat_template_sha256: str
    system_prompt: str | None
    lang: str | None = None
    data: dict[str, Any]
    options: dict[str, Any]
    versions: dict[str, str]
    seed: int
    training: dict[str, Any]
