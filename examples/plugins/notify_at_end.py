"""A word when a long stage has ended, well or not: to a webhook, to a desktop command, or to both.

DYAG_NOTIFY_URL      gets a POST of {"text": "..."}, as Mattermost, Slack and their kin take it
DYAG_NOTIFY_COMMAND  is run with the text as its last argument: notify-send DYAG
DYAG_NOTIFY_AFTER    seconds that a stage must have taken to be worth a word; 60 if you say nothing
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import time
import urllib.request
from typing import TYPE_CHECKING, Any

from dyag_core import hookimpl

if TYPE_CHECKING:
    from dyag_core import Run

dyag_api = 1

#: A notification may not hold up Ctrl-C.
SECONDS = 3


class NotifyAtEnd:
    """Knows when each stage began."""

    def __init__(self) -> None:
        self._began: dict[int, float] = {}

    @hookimpl
    def dyag_before_stage(self, run: Run) -> None:
        """Start the clock."""
        self._began[id(run)] = time.monotonic()

    @hookimpl
    def dyag_after_stage(self, stage: str, run: Run, result: Any) -> None:
        """It worked."""
        self._ended(run, f"dyag {stage} is done")

    @hookimpl
    def dyag_on_stage_error(self, stage: str, run: Run, error: BaseException) -> None:
        """It didn't. The kind of error only: its message may quote documents."""
        self._ended(run, f"dyag {stage} failed: {type(error).__name__}")

    def _ended(self, run: Run, text: str) -> None:
        seconds = time.monotonic() - self._began.pop(id(run))
        if seconds >= float(os.environ.get("DYAG_NOTIFY_AFTER", "60")):
            notify(f"{text}, after {seconds:.0f} s")


def notify(text: str) -> None:
    """Tell whoever the environment names. Raises where they can't be reached; DYAG makes a warning of it."""
    url, command = os.environ.get("DYAG_NOTIFY_URL"), os.environ.get("DYAG_NOTIFY_COMMAND")
    if command:
        subprocess.run([*shlex.split(command), text], check=True, timeout=SECONDS, stdout=subprocess.DEVNULL)
    if url:
        body = json.dumps({"text": text}).encode()
        request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
        urllib.request.urlopen(request, timeout=SECONDS).close()
