"""Exporter `alpaca`: instruction rows (Stanford Alpaca, 2023), with the fields that LLaMA-Factory added."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field

from dyag_core import Exported, Run, hookimpl
from dyag_core.api import Conversation, export_rows


class AlpacaExporter:
    """`{"instruction", "input", "output"}`, with `system` and `history` ([[question, answer], ...]) where needed.

    Alpaca of 2023 knows neither system nor history, and its readers pass over them: a follow-up question would lose
    what it refers to. For such readers leave the dialogues out: `-o history=false`.
    """

    dyag_api = 1

    class Options(BaseModel, extra="forbid"):
        """What the reader of the file understands."""

        history: bool = Field(True, description="keep dialogues, earlier turns as `history`; false leaves them out")
        system: bool = Field(True, description="keep the system turn as `system`; false drops it from every row")

    @hookimpl
    def dyag_export(self, source: Path, output: Path, options: Options, run: Run) -> Exported:
        """The last question is the instruction; `input` stays empty."""

        def row(conversation: Conversation) -> dict[str, Any] | None:
            *before, question, answer = conversation.messages
            system = before.pop(0).content if before and before[0].role == "system" else ""
            if before and not options.history:
                run.reject("dialogue of several turns", question.content)
                return None
            made: dict[str, Any] = {"instruction": question.content, "input": "", "output": answer.content}
            if system and options.system:
                made["system"] = system
            if before:
                made["history"] = [
                    [asked.content, said.content] for asked, said in zip(before[::2], before[1::2], strict=True)
                ]
            return made

        return export_rows(source, output, run, row)
