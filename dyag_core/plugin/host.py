"""How plugins are called: a fresh pluggy manager that holds only what this run chose, plus the lifecycle hooks.

Every hook has a typed method here, so that stages never touch `pm.hook` and every failure names the plugin behind it.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pluggy

from dyag_core.errors import PluginError, UsageError
from dyag_core.markers import PROJECT
from dyag_core.plugin import discovery, hookspecs
from dyag_core.plugin.choosing import Choices
from dyag_core.plugin.contract import check_name, check_scores, check_suffix, returned
from dyag_core.plugin.entry import Chosen, Entry
from dyag_core.plugin.failures import failure
from dyag_core.plugin.families import FAMILY_HOOKS, LIFECYCLE
from dyag_core.plugin.isolation import examples_of, scores_of
from dyag_core.plugin.lifecycle import Lifecycle
from dyag_core.plugin.metric_descriptions import all_descriptions, description_by_name, description_of, with_declared
from dyag_core.records import (
    BaseModelPreset,
    Example,
    Exported,
    GenerationEstimate,
    MetricDescription,
    MetricResult,
    Report,
    TrainedModel,
    TrainingEstimate,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from dyag_core.plugin.protocols import Engine, Retriever
    from dyag_core.plugin.run import Run
    from dyag_core.records import Chunk, Comparison, Document, Prediction, Quality, TrainingJob


@dataclass
class StageResult:
    """Where a stage leaves its result for the after-hooks."""

    result: Any = None


@dataclass(eq=False)
class Plugins:
    """The plugin host of one run.

    Args:
        objects: plugin objects of the calling program, chosen by their `name` attribute (or class name).
        warn: where one-line warnings go about lifecycle plugins that failed.
        hooks: the installed lifecycle plugins that take part; None means all that aren't switched off.
    """

    objects: Sequence[Any] = ()
    warn: Callable[[str], None] = lambda _line: None
    hooks: Sequence[Entry] | None = None

    def __post_init__(self) -> None:
        self._pm = pluggy.PluginManager(PROJECT)
        self._pm.add_hookspecs(hookspecs)
        hooks = discovery.entries(LIFECYCLE) if self.hooks is None else self.hooks
        self._lifecycle = Lifecycle(self._pm, hooks, self.objects, self.warn)
        self._choices = Choices(self._pm, self.objects)

    # -- choosing ------------------------------------------------------------------------------------------------

    def choose(self, family: str, name: str, raw_options: Mapping[str, Any] | None = None) -> Chosen:
        """Load the plugin that `name` means and check its signature and options.

        Raises:
            UsageError: unknown or ambiguous name, unknown or unfit option. PluginError: it can't be loaded.
        """
        return self._choices.choose(family, name, raw_options)

    def metrics(self) -> list[MetricDescription]:
        """What every metric that takes part says about itself, in the order in which tables show them."""
        return all_descriptions(self.objects, self.warn)

    def metric(self, name: str) -> MetricDescription:
        """What the metric of that name says about itself: only its name where there is no such plugin."""
        return description_by_name(name, self.objects)

    def used(self) -> list[dict[str, Any]]:
        """Family, name, distribution, version and options of every plugin of this run, for manifests."""
        return self._choices.used() + self._lifecycle.used()

    # -- calling one chosen plugin ---------------------------------------------------------------------------------

    def _call(self, chosen: Chosen, hook: str | None = None, **arguments: Any) -> Any:
        """Call one plugin's family hook (or `hook`) through pluggy, with the lifecycle plugins' wrappers around it."""
        hook = hook or FAMILY_HOOKS[chosen.family]
        taking_part = {id(chosen.plugin), *map(id, self._lifecycle.wrapping(hook))}
        others = [plugin for plugin in self._pm.get_plugins() if id(plugin) not in taking_part]
        try:
            result = self._pm.subset_hook_caller(hook, others)(**arguments)
        except (Exception, SystemExit) as error:  # whatever a plugin raises is reported under its name
            raise failure(chosen, error) from error
        return (result[0] if result else None) if isinstance(result, list) else result

    def _drained(self, chosen: Chosen, examples: Any) -> Iterator[Example]:
        """Examples under this method's guard: a generator function raises only while it is drained."""
        try:
            for example in examples:
                yield example if isinstance(example, Example) else returned(chosen, example, Example)
        except (Exception, SystemExit) as error:
            raise failure(chosen, error) from error

    def generate(self, chosen: Chosen, documents: Iterable[Document], run: Run) -> Iterator[Example]:
        """Examples of a generator plugin. A document at which it raises is rejected, and it goes on after it."""

        def made(rest: Iterable[Document]) -> Iterator[Example]:
            examples = self._call(chosen, documents=rest, options=chosen.options, run=run)
            return self._drained(chosen, returned(chosen, examples, object, "__iter__"))

        return examples_of(made, documents, run, str(chosen))

    def estimate_generation(
        self, chosen: Chosen, documents: Iterable[Document], count: int | None, run: Run
    ) -> GenerationEstimate:
        """What a generator plugin would ask a model for."""
        found = self._call(
            chosen, "dyag_estimate_generation", documents=documents, count=count, options=chosen.options, run=run
        )
        if not isinstance(found, GenerationEstimate):
            raise UsageError(f"{chosen} asks no model: there is nothing to estimate", "leave out --estimate")
        return found

    def explain(self, chosen: Chosen, documents: Iterable[Document], run: Run) -> Iterator[Example]:
        """The same examples with how each was made in their meta."""
        examples = self._call(chosen, "dyag_explain", documents=documents, options=chosen.options, run=run)
        if examples is None:
            raise UsageError(
                f"{chosen} can't say how its questions are made",
                "explain --method rule or augmented; a generator of your own can with the hook dyag_explain",
            )
        yield from self._drained(chosen, examples)

    def base_model(self, spec: str, *, remote: bool = False) -> BaseModelPreset:
        """The preset that `spec` means: a preset's name, `hub:ORG/NAME` (or `ORG/NAME`), or a folder.

        For a `remote` engine it is the name that the server knows the model by.
        """
        if remote:
            return BaseModelPreset.on_server(spec)
        folder = Path(spec.removeprefix("folder:")).expanduser()
        if (folder / "config.json").is_file():
            return BaseModelPreset.from_folder(folder)
        qualified = any(entry.qualified == spec for entry in discovery.entries("base_models"))
        looks_like_hub = spec.count("/") == 1 and not spec.startswith((".", "/", "~"))
        if spec.startswith("hub:") or (looks_like_hub and not qualified):
            return BaseModelPreset.from_hub(spec.removeprefix("hub:"))
        try:
            chosen = self.choose("base_models", spec)
        except UsageError as error:
            if folder.is_dir():  # a preset's name wins over a folder that happens to be called the same
                raise UsageError(f"{spec}: this folder holds no model (no config.json)") from error
            raise
        return returned(chosen, self._call(chosen), BaseModelPreset)

    def train(self, chosen: Chosen, job: TrainingJob, run: Run) -> TrainedModel:
        """Let a trainer plugin do `job`."""
        return returned(chosen, self._call(chosen, job=job, options=chosen.options, run=run), TrainedModel)

    def estimate(self, chosen: Chosen, job: TrainingJob, run: Run) -> TrainingEstimate:
        """What a trainer plugin would take for `job`."""
        found = self._call(chosen, "dyag_estimate", job=job, options=chosen.options, run=run)
        if not isinstance(found, TrainingEstimate):
            raise UsageError(f"{chosen} can't say what training takes", "leave out --estimate")
        return found

    def score(self, chosen: Chosen, predictions: Sequence[Prediction], run: Run) -> MetricResult | None:
        """Scores of a metric plugin; None where it doesn't apply. An answer at which it raises is left unscored."""

        def score(some: Sequence[Prediction]) -> MetricResult | None:
            scored = self._call(chosen, predictions=some, options=chosen.options, run=run)
            if scored is None:
                return None
            result = returned(chosen, scored, MetricResult)
            if len(result.items) != len(some):
                raise PluginError(f"{chosen} returned {len(result.items)} scores for {len(some)} predictions")
            return with_declared(result, description_of(chosen.plugin, chosen.name, str(chosen)))

        result = scores_of(score, predictions, self.warn)
        if result is not None:
            check_name(chosen, result)
            check_scores(chosen, result, predictions)
        return result

    def report(self, chosen: Chosen, comparison: Comparison, lang: str) -> Report | None:
        """A reporter plugin's rendering; None where it has nothing to write."""
        rendered = self._call(chosen, comparison=comparison, options=chosen.options, lang=lang)
        if rendered is None:
            return None
        report = returned(chosen, rendered, Report)
        check_suffix(chosen, report)
        return report

    def report_quality(self, chosen: Chosen, quality: Quality, lang: str) -> Report:
        """A reporter plugin's rendering of the quality of training data."""
        report = self._call(chosen, "dyag_report_quality", quality=quality, options=chosen.options, lang=lang)
        if not isinstance(report, Report):
            raise UsageError(f"{chosen} does not render the quality of training data", "use the reporter html")
        return report

    def retriever(self, chosen: Chosen, chunks: Sequence[Chunk], folder: Path, run: Run) -> Retriever:
        """A retriever opened over `chunks`; `folder` is its own place inside the index."""
        found = self._call(chosen, chunks=chunks, folder=folder, options=chosen.options, run=run)
        retriever: Retriever = returned(chosen, found, object, "search")  # type: ignore[assignment]
        return retriever

    def engine(
        self, chosen: Chosen, base_path: str, adapter: Path | None, run: Run, chat_template: str | None = None
    ) -> Engine:
        """A loaded model. UsageError: it needs a chat template (see `dyag_open_engine`), and the plugin takes none."""
        chosen.need_libraries()
        if chat_template is not None and not self._choices.takes(chosen, "chat_template"):
            raise UsageError(
                f"{chosen} takes no chat template, and this base model needs one that is given to it",
                "use --engine transformers",
            )
        loaded = self._call(
            chosen, base_path=base_path, adapter=adapter, options=chosen.options, run=run, chat_template=chat_template
        )
        engine: Engine = returned(chosen, loaded, object, "answer")  # type: ignore[assignment]
        return engine

    def export(self, chosen: Chosen, source: Path, output: Path, run: Run) -> Exported:
        """What an exporter plugin wrote."""
        made = self._call(chosen, source=source, output=output, options=chosen.options, run=run)
        return returned(chosen, made, Exported)

    # -- lifecycle -------------------------------------------------------------------------------------------------

    @contextmanager
    def stage(self, run: Run) -> Iterator[StageResult]:
        """The life of a stage: before, then after or on-error. Put the result into what this yields."""
        self._lifecycle.configure({"stage": run.stage, "seed": run.seed})
        self._lifecycle.tell("dyag_before_stage", stage=run.stage, run=run)
        done = StageResult()
        try:
            yield done
        except BaseException as error:
            self._lifecycle.tell("dyag_on_stage_error", stage=run.stage, run=run, error=error)
            raise
        self._lifecycle.tell("dyag_after_stage", stage=run.stage, run=run, result=done.result)

    def filter_examples(self, examples: Iterable[Example], run: Run) -> Iterable[Example]:
        """Examples after every lifecycle plugin had its say."""
        return self._lifecycle.filter_examples(examples, run)
