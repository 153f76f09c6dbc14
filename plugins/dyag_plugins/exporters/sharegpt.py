"""Exporter `sharegpt`: the conversations format of FastChat, read by Axolotl, LLaMA-Factory, Unsloth and others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel

from dyag_core import Exported, Run, hookimpl
from dyag_core.api import Conversation, export_rows

_SPEAKER = {"system": "system", "user": "human", "assistant": "gpt"}


class ShareGPTExporter:
    """`{"conversations": [{"from": "system" | "human" | "gpt", "value"}, ...]}`. Holds every kind of row."""

    dyag_api = 1

    class Options(BaseModel, extra="forbid"):
        """None."""

    @hookimpl
    def dyag_export(self, source: Path, output: Path, run: Run) -> Exported:
        """Every turn with its speaker."""
        return export_rows(source, output, run, _row)


def _row(conversation: Conversation) -> dict[str, Any]:
    return {"conversations": [{"from": _SPEAKER[turn.role], "value": turn.content} for turn in conversation.messages]}
