"""How plugins are called: a fresh pluggy manager that holds only what this run chose, plus the lifecycle hooks.

Every hook has a typed method here, so that stages never touch `pm.hook` and every failure names the plugin behind it.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pluggy

from dyag_core import hookspecs, options, registry
from dyag_core.errors import DyagError, PluginError, UsageError
from dyag_core.lifecycle import Lifecycle
from dyag_core.markers import PROJECT
from dyag_core.records import BaseModelPreset, GenerationEstimate, Report, TrainingEstimate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from pydantic import BaseModel

    from dyag_core.protocols import Engine, Retriever
    from dyag_core.records import (
        Chunk,
        Comparison,
        Document,
        Example,
        Exported,
        MetricResult,
        Prediction,
        Quality,
        TrainedModel,
        TrainingJob,
    )
    from dyag_core.run import Run

#: The newest plugin API this core speaks; a plugin says the one it was written for as `dyag_api = 1`.
API_VERSION = 1


@dataclass(frozen=True, eq=False)
class Chosen:
    """A plugin of this run with its validated options."""

    family: str
    name: str
    plugin: Any
    options: BaseModel
    distribution: str
    version: str

    @property
    def remote(self) -> bool:
        """Whether this engine asks a server, which has the weights."""
        return bool(getattr(self.plugin, "remote", False))

    def need_libraries(self) -> None:
        """PluginError, with the pip command, where a library is missing that the plugin lists as `requires`."""
        registry.need_libraries(str(self), self.plugin)

    def __str__(self) -> str:
        return f"{self.family.rstrip('s').replace('_', ' ')} {self.name!r} ({self.distribution} {self.version})"


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
    """

    objects: Sequence[Any] = ()
    warn: Callable[[str], None] = lambda _line: None
    _chosen: dict[tuple[str, str, str], Chosen] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._pm = pluggy.PluginManager(PROJECT)
        self._pm.add_hookspecs(hookspecs)
        self._lifecycle = Lifecycle(self._pm, self.objects, self.warn)

    # -- choosing ------------------------------------------------------------------------------------------------

    def choose(self, family: str, name: str, raw_options: Mapping[str, Any] | None = None) -> Chosen:
        """Load the plugin that `name` means and check its signature and options.

        Raises:
            UsageError: unknown or ambiguous name, unknown or unfit option. PluginError: it can't be loaded.
        """
        plugin, entry = self._find(family, name)
        where = f"{family} {entry.name if entry else name}"
        validated = options.validate(options.options_model(plugin), raw_options or {}, where)
        chosen = Chosen(
            family=family,
            name=registry.normalise_name(entry.name if entry else name),
            plugin=plugin,
            options=validated,
            distribution=entry.distribution if entry else "(object)",
            version=entry.version if entry else "0",
        )
        self._register(chosen)
        self._chosen[family, chosen.name, validated.model_dump_json()] = chosen
        return chosen

    def used(self) -> list[dict[str, Any]]:
        """Family, name, distribution, version and options of every plugin of this run, for manifests."""
        chosen = [
            {
                "family": c.family,
                "name": c.name,
                "distribution": c.distribution,
                "version": c.version,
                "options": c.options.model_dump(mode="json"),
            }
            for c in self._chosen.values()
        ]
        hooks = [
            {"family": registry.LIFECYCLE, "name": e.name, "distribution": e.distribution, "version": e.version}
            for e in self._lifecycle.entries
        ]
        return chosen + hooks

    def _find(self, family: str, name: str) -> tuple[Any, registry.Entry | None]:
        hook = registry.FAMILY_HOOKS[family]
        wanted = registry.normalise_name(name)
        for candidate in self.objects:
            own_name = getattr(candidate, "name", None) or type(candidate).__name__
            if registry.normalise_name(str(own_name)) == wanted and hasattr(candidate, hook):
                return candidate, None
        entry = registry.find(family, name)
        chosen_before = self._pm.get_plugin(f"{family}:{entry.distribution}/{registry.normalise_name(entry.name)}")
        if chosen_before is not None:  # one instance a run: a second one would not be the one that is registered
            return chosen_before, entry
        return registry.instance(entry), entry

    def _register(self, chosen: Chosen) -> None:
        hook = registry.FAMILY_HOOKS[chosen.family]
        api = getattr(chosen.plugin, "dyag_api", API_VERSION)
        if api > API_VERSION:
            raise PluginError(
                f"{chosen} was written for plugin API {api}, this DYAG speaks {API_VERSION}", "pip install -U dyag"
            )
        registered_as = f"{chosen.family}:{chosen.distribution}/{chosen.name}"
        if self._pm.has_plugin(registered_as) or self._pm.is_registered(chosen.plugin):
            return
        try:
            self._pm.register(chosen.plugin, registered_as)
            self._pm.check_pending()
        except (pluggy.PluginValidationError, ValueError) as error:
            raise PluginError(f"{chosen} does not fit the hooks: {error}", "compare it with docs/hooks.md") from error
        implementations = getattr(self._pm.hook, hook).get_hookimpls()
        if not any(implementation.plugin is chosen.plugin for implementation in implementations):
            raise PluginError(f"{chosen} does not implement {hook}", f"mark its function {hook} with @hookimpl")

    # -- calling one chosen plugin ---------------------------------------------------------------------------------

    def _call(self, chosen: Chosen, hook: str | None = None, **arguments: Any) -> Any:
        """Call one plugin's family hook (or `hook`) through pluggy, with the lifecycle plugins' wrappers around it."""
        taking_part = {id(chosen.plugin), *map(id, self._lifecycle.plugins.values())}
        others = [plugin for plugin in self._pm.get_plugins() if id(plugin) not in taking_part]
        caller = self._pm.subset_hook_caller(hook or registry.FAMILY_HOOKS[chosen.family], others)
        try:
            result = caller(**arguments)
        except Exception as error:  # whatever a plugin raises is reported under its name
            raise self._named(chosen, error) from error
        return (result[0] if result else None) if isinstance(result, list) else result

    @staticmethod
    def _named(chosen: Chosen, error: Exception) -> Exception:
        if isinstance(error, DyagError):
            return error
        if isinstance(error, ModuleNotFoundError):
            return registry.missing_library(str(chosen), error)
        if isinstance(error, MemoryError | OSError):
            return error  # the machine's fault, told apart by the command line
        return PluginError(
            f"{chosen} failed: {type(error).__name__}: {error}", "run again with --traceback for details"
        )

    def _returned(self, chosen: Chosen, result: Any) -> Any:
        if result is None:
            raise PluginError(f"{chosen} returned nothing", "it declined this run; choose another")
        return result

    def generate(self, chosen: Chosen, documents: Iterable[Document], run: Run) -> Iterator[Example]:
        """Examples of a generator plugin. Drained under this method's guard, so errors inside it carry its name."""
        examples = self._returned(chosen, self._call(chosen, documents=documents, options=chosen.options, run=run))
        try:
            yield from examples
        except Exception as error:
            raise self._named(chosen, error) from error

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
            raise UsageError(f"{chosen} can't say how its questions are made", "explain --method rule or augmented")
        try:
            yield from examples
        except Exception as error:
            raise self._named(chosen, error) from error

    def base_model(self, spec: str, *, remote: bool = False) -> BaseModelPreset:
        """The preset that `spec` means: a preset's name, `hub:ORG/NAME` (or `ORG/NAME`), or a folder.

        For a `remote` engine it is the name that the server knows the model by.
        """
        if remote:
            return BaseModelPreset.on_server(spec)
        folder = Path(spec.removeprefix("folder:")).expanduser()
        if (folder / "config.json").is_file():
            return BaseModelPreset.from_folder(folder)
        qualified = any(entry.qualified == spec for entry in registry.entries("base_models"))
        looks_like_hub = spec.count("/") == 1 and not spec.startswith((".", "/", "~"))
        if spec.startswith("hub:") or (looks_like_hub and not qualified):
            return BaseModelPreset.from_hub(spec.removeprefix("hub:"))
        if folder.is_dir():
            raise UsageError(f"{spec}: this folder holds no model (no config.json)")
        chosen = self.choose("base_models", spec)
        preset = self._returned(chosen, self._call(chosen))
        if not isinstance(preset, BaseModelPreset):
            raise PluginError(f"{chosen} returned {type(preset).__name__}, not a BaseModelPreset")
        return preset

    def train(self, chosen: Chosen, job: TrainingJob, run: Run) -> TrainedModel:
        """Let a trainer plugin do `job`."""
        trained: TrainedModel = self._returned(chosen, self._call(chosen, job=job, options=chosen.options, run=run))
        return trained

    def estimate(self, chosen: Chosen, job: TrainingJob, run: Run) -> TrainingEstimate:
        """What a trainer plugin would take for `job`."""
        found = self._call(chosen, "dyag_estimate", job=job, options=chosen.options, run=run)
        if not isinstance(found, TrainingEstimate):
            raise UsageError(f"{chosen} can't say what training takes", "leave out --estimate")
        return found

    def score(self, chosen: Chosen, predictions: Sequence[Prediction]) -> MetricResult | None:
        """Scores of a metric plugin; None where it doesn't apply. One item a prediction is asserted."""
        result: MetricResult | None = self._call(chosen, predictions=predictions, options=chosen.options)
        if result is not None and len(result.items) != len(predictions):
            raise PluginError(f"{chosen} returned {len(result.items)} scores for {len(predictions)} predictions")
        return result

    def report(self, chosen: Chosen, comparison: Comparison, lang: str) -> Report:
        """A reporter plugin's rendering."""
        report: Report = self._returned(
            chosen, self._call(chosen, comparison=comparison, options=chosen.options, lang=lang)
        )
        return report

    def report_quality(self, chosen: Chosen, quality: Quality, lang: str) -> Report:
        """A reporter plugin's rendering of the quality of training data."""
        report = self._call(chosen, "dyag_report_quality", quality=quality, options=chosen.options, lang=lang)
        if not isinstance(report, Report):
            raise UsageError(f"{chosen} does not render the quality of training data", "use the reporter html")
        return report

    def retriever(self, chosen: Chosen, chunks: Sequence[Chunk], folder: Path, run: Run) -> Retriever:
        """A retriever opened over `chunks`; `folder` is its own place inside the index."""
        retriever: Retriever = self._returned(
            chosen, self._call(chosen, chunks=chunks, folder=folder, options=chosen.options, run=run)
        )
        return retriever

    def engine(self, chosen: Chosen, base_path: str, adapter: Path | None, run: Run) -> Engine:
        """A loaded model."""
        engine: Engine = self._returned(
            chosen, self._call(chosen, base_path=base_path, adapter=adapter, options=chosen.options, run=run)
        )
        return engine

    def export(self, chosen: Chosen, source: Path, output: Path, run: Run) -> Exported:
        """What an exporter plugin wrote."""
        made: Exported = self._returned(
            chosen, self._call(chosen, source=source, output=output, options=chosen.options, run=run)
        )
        return made

    # -- lifecycle -------------------------------------------------------------------------------------------------

    @contextmanager
    def stage(self, run: Run) -> Iterator[StageResult]:
        """The life of a stage: before, then after or on-error. Put the result into what this yields."""
        self._pm.hook.dyag_configure.call_historic(kwargs={"settings": {"stage": run.stage, "seed": run.seed}})
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
