"""Keeps a protocol in ./dyag-protocol.jsonl: a line for each stage, with how it ended and how long it took."""

from __future__ import annotations

import json
import time
from pathlib import Path

from dyag_core import Run, hookimpl


class Protocol:
    """A class, so that each run has a protocol of its own: DYAG makes an instance a run."""

    dyag_api = 1

    def __init__(self) -> None:
        self._started = 0.0

    @hookimpl
    def dyag_before_stage(self, stage: str, run: Run) -> None:
        """The stage's plugins are loaded and its output is locked."""
        self._started = time.perf_counter()

    @hookimpl
    def dyag_after_stage(self, stage: str, run: Run, result: object) -> None:
        """Its files are written; `result` is what the Python API returns."""
        self._note(run, "done")

    @hookimpl
    def dyag_on_stage_error(self, stage: str, run: Run, error: BaseException) -> None:
        """It failed or was interrupted; the error is raised after this."""
        self._note(run, f"{type(error).__name__}: {error}")

    def _note(self, run: Run, how: str) -> None:
        seconds = round(time.perf_counter() - self._started, 3)
        line = {"stage": run.stage, "ended": how, "seconds": seconds}
        with Path("dyag-protocol.jsonl").open("a", encoding="utf-8") as protocol:
            protocol.write(json.dumps(line, ensure_ascii=False) + "\n")
