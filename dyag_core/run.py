"""The run: what a stage lends to the plugins that it calls."""

from __future__ import annotations

import random
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dyag_core.manager import Plugins
    from dyag_core.protocols import Progress, Task


class _SilentTask:
    def advance(self, steps: float = 1, **shown: object) -> None:
        """Nothing to draw."""


class SilentProgress:
    """The progress of a program that didn't ask for any."""

    @contextmanager
    def task(self, description: str, total: float | None = None) -> Iterator[Task]:
        """A bar that isn't drawn."""
        yield _SilentTask()

    def message(self, text: str) -> None:
        """A line that isn't printed."""


@dataclass(eq=False, kw_only=True)
class Run:
    """One run of one stage. Plugins get it as the argument `run`.

    Args:
        stage: ingest, generate, explain, validate, finetune, index, query, evaluate, compare, export.
        folder: where the stage writes.
        output: the file that the stage writes, where it is one.
        seed: the run's seed. Use `run.random(...)` rather than the global generator.
        lang: "fr" or "en": the language of what is written for people.
        plugins: the run's plugin host, for a plugin that needs another (a generator that needs an engine).
        progress: where to report how far the work is.
    """

    stage: str
    folder: Path
    plugins: Plugins
    seed: int = 42
    lang: str = "en"
    output: Path | None = None
    progress: Progress = field(default_factory=SilentProgress)
    rejected: Counter[str] = field(default_factory=Counter)
    rejected_examples: dict[str, list[str]] = field(default_factory=dict)
    stopped: tuple[str, str] | None = None

    def random(self, *key: object) -> random.Random:
        """A generator of random numbers that depends on the run's seed and `key` alone, never on who drew before."""
        return random.Random("\x1f".join([str(self.seed), *map(str, key)]))

    def reject(self, reason: str, detail: str = "") -> None:
        """Count something that was made and not kept; a few details are kept for the report."""
        self.rejected[reason] += 1
        kept = self.rejected_examples.setdefault(reason, [])
        if detail and len(kept) < 5:
            kept.append(detail[:300])

    def journal(self, name: str) -> Path:
        """Where the plugin `name` keeps its journal: beside the output, under the output's name."""
        return self.folder / (f"{self.output.stem}.{name}.journal.jsonl" if self.output else f"{name}.journal.jsonl")

    def stop(self, reason: str, hint: str) -> None:
        """A plugin ends before its work is done. What there is gets written; then the stage says `reason` and fails."""
        self.stopped = (reason, hint)

    def warn(self, text: str) -> None:
        """Tell the user something that doesn't stop the run."""
        self.progress.message(f"warning: {text}")
