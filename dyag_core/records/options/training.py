"""Options of the stage finetune."""

from __future__ import annotations

from pathlib import Path

from dyag_core.records.options.declare import (
    Folder,
    PluginOptions,
    StageOptions,
    chat_template,
    option,
    plugin_options,
)
from dyag_core.records.training import ResumePolicy


class FinetuneOptions(StageOptions):
    """Options of `dyag finetune`."""

    base_model: str | None = option(
        None,
        "Preset, ORG/NAME or folder.  [default: qwen2.5:1.5b, or the older adapter's]",
        family="base_models",
    )
    chat_template: str | None = chat_template()
    epochs: float = option(3, "Passes over the data.", gt=0)
    output: Path | None = option(None, "The run's folder; the model ends up in OUTPUT/final.")
    resume: ResumePolicy = option(
        "auto", "Go on where this run stopped: if it can, or else fail, or start anew.", flag_value="auto"
    )
    trainer: str = option("lora", "Trainer plugin.", family="trainers")
    options: PluginOptions | None = plugin_options("trainer")
    validation: Path | None = option(None, "Validation file, where it doesn't stand beside the data.")
    from_adapter: Folder | None = option(None, "Go on from this fine-tuned model, with new data.")
    replay: Path | None = option(None, "With --from-adapter: its old training file, to mix rows of into the new.")
    replay_share: float = option(0.2, "Share of old rows among all rows.", gt=0, lt=1)
    old_test: Path | None = option(None, "With --from-adapter: old questions, asked before and after.")
