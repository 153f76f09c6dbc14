"""Exporter `openai`: the chat JSONL that OpenAI's fine-tuning API takes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel

from dyag_core import Exported, Run, UsageError, hookimpl
from dyag_core.api import Conversation, export_rows

#: The API refuses a file with fewer.
FEWEST_ROWS = 10


class OpenAIExporter:
    """`{"messages": [{"role", "content"}, ...]}`, one a line. `meta` stays behind: the API refuses keys of its own."""

    dyag_api = 1

    class Options(BaseModel, extra="forbid"):
        """None."""

    @hookimpl
    def dyag_export(self, source: Path, output: Path, run: Run) -> Exported:
        """Messages alone, system and earlier turns included."""
        if output.suffix.lower() == ".json":
            raise UsageError(f"{output}: OpenAI takes JSON Lines", "name it NAME.jsonl")
        made = export_rows(source, output, run, _row)
        if made.rows is not None and made.rows < FEWEST_ROWS:
            run.warn(f"{made.rows} rows; OpenAI's API takes files of {FEWEST_ROWS} or more")
        return made


def _row(conversation: Conversation) -> dict[str, Any]:
    return {"messages": [{"role": turn.role, "content": turn.content} for turn in conversation.messages]}
