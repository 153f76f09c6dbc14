"""The run: what a stage lends to the plugins that it calls."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from dyag_core.progress import SilentProgress

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from dyag_core.plugin.entry import Chosen
    from dyag_core.plugin.protocols import Engine, Retriever
    from dyag_core.progress import Progress
    from dyag_core.records import BaseModelPreset, Chunk, MetricResult, Prediction


class Host(Protocol):
    """What a plugin may ask of the run that called it: another plugin, by name, and what that one opens."""

    def choose(self, family: str, name: str, raw_options: Mapping[str, Any] | None = None) -> Chosen:
        """The plugin that `name` means, loaded, with its options checked.

        Raises:
            UsageError: unknown or ambiguous name, unknown or unfit option. PluginError: it can't be loaded.
        """

    def base_model(self, spec: str, *, remote: bool = False) -> BaseModelPreset:
        """The preset that `spec` means: a preset's name, `hub:ORG/NAME` (or `ORG/NAME`), or a folder."""

    def engine(self, chosen: Chosen, base_path: str, adapter: Path | None, run: Run) -> Engine:
        """A loaded model."""

    def score(self, chosen: Chosen, predictions: Sequence[Prediction], run: Run) -> MetricResult | None:
        """Scores of a metric; None where it doesn't apply."""

    def retriever(self, chosen: Chosen, chunks: Sequence[Chunk], folder: Path, run: Run) -> Retriever:
        """A search over `chunks`; `folder` is its own place inside the index."""


@dataclass(eq=False, kw_only=True)
class Run:
    """One run of one stage. Plugins get it as the argument `run`.

    Args:
        stage: ingest, generate, explain, validate, finetune, index, query, evaluate, compare, serve, export.
        folder: where the stage writes.
        output: the file that the stage writes, where it is one.
        seed: the run's seed. Use `run.random(...)` rather than the global generator.
        lang: "fr" or "en": the language of what is written for people.
        splits: rows are split: a generator then words each fact twice, so that one wording can be held out.
        plugins: the run's plugin host, for a plugin that needs another (a generator that needs an engine).
        progress: where to report how far the work is.
        left_out: counts what a generator saw in the documents and made no row of, by its reason.
    """

    stage: str
    folder: Path
    plugins: Host
    seed: int = 42
    lang: str = "en"
    splits: bool = False
    output: Path | None = None
    progress: Progress = field(default_factory=SilentProgress)
    rejected: Counter[str] = field(default_factory=Counter)
    rejected_examples: dict[str, list[str]] = field(default_factory=dict)
    left_out: Counter[str] = field(default_factory=Counter)
    stopped: tuple[str, str] | None = None
    _told: set[str] = field(default_factory=set, init=False, repr=False)

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

    def tell_once(self, text: str) -> None:
        """Tell the user something that several parts of a run find out: two arms that load one model say it once."""
        if text not in self._told:
            self._told.add(text)
            self.progress.message(text)

    def warn(self, text: str) -> None:
        """Tell the user something that doesn't stop the run."""
        self.progress.message(f"warning: {text}")
