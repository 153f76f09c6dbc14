"""The hooks of DYAG. A spec's docstring is its manual.

Families (a plugin is chosen by name, with options checked against its own `Options` model):
`dyag_generate` (with `dyag_explain` and `dyag_estimate_generation`), `dyag_base_model`, `dyag_train` (with
`dyag_estimate`), `dyag_score`, `dyag_report` (with `dyag_report_quality`), `dyag_retrieve`, `dyag_open_engine`,
`dyag_export`.
Lifecycle (every installed `dyag.hooks` plugin takes part):
`dyag_configure`, `dyag_before_stage`, `dyag_after_stage`, `dyag_on_stage_error`, `dyag_filter_examples`.
A lifecycle plugin may also wrap any family's hook: `@hookimpl(wrapper=True)`, see pluggy.

A hook may gain arguments, never lose them: an implementation names only those it needs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dyag_core.markers import hookspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from dyag_core.plugin.protocols import Engine, Retriever
    from dyag_core.plugin.run import Run
    from dyag_core.records import (
        BaseModelPreset,
        Chunk,
        Comparison,
        Document,
        Example,
        Exported,
        GenerationEstimate,
        MetricResult,
        Prediction,
        Quality,
        Report,
        TrainedModel,
        TrainingEstimate,
        TrainingJob,
    )


@hookspec(firstresult=True)
def dyag_generate(documents: Iterable[Document], options: Any, run: Run) -> Iterable[Example] | None:
    """Make training examples from documents. Family `dyag.generators`, since 3.0.

    Fires once a run. Return an iterable (a generator function is best: the stage drains it as it writes).
    `documents` streams, so keep no list of them, and read no further ahead than you must: a document at which this
    raises is rejected, and the hook is called again with those after it. Use `run.random(...)` for chance,
    `run.reject(reason)` for what was made and thrown away. The core filters, deduplicates, splits and writes.
    Where `run.splits`, a further wording of a fact may come with `spare=True`: it is held out to ask what was learnt,
    never trained on. With `--count`, rows are drawn from all that were made, so that they cover the documents; a plugin
    with `dyag_estimate_generation` costs: it is given one chunk at a time, of each document in turn, and stopped.
    None: this plugin makes nothing.

        @hookimpl
        def dyag_generate(documents, options, run):
            for document in documents:
                for fact in facts(document):
                    yield Example(question=..., answer=..., fact=fact, document=document)
    """


@hookspec(firstresult=True)
def dyag_estimate_generation(
    documents: Iterable[Document], count: int | None, options: Any, run: Run
) -> GenerationEstimate | None:
    """Say what `dyag_generate` would ask a model for: requests, tokens, cost. Family `dyag.generators`, since 3.0.

    Fires for `dyag generate-training --estimate`. `count` is the number of rows wanted, None for all. Ask nothing and
    write nothing. None, or no such hook: this generator asks no model, and the user is told so.
    """


@hookspec(firstresult=True)
def dyag_explain(documents: Iterable[Document], options: Any, run: Run) -> Iterable[Example] | None:
    """Make the examples of `dyag_generate` and say how each was made. Family `dyag.generators`, since 3.0.

    Fires for `dyag generate-training --explain`. `Example.meta` then holds "rule" (what made it), "template" (the
    wording before it was filled in) and "where" (the place in the document), all texts. `documents` ends with the one
    to be explained; examples about the others are thrown away. None, or no such hook: this generator can't tell.
    """


@hookspec(firstresult=True)
def dyag_base_model() -> BaseModelPreset | None:
    """Describe a base model. Family `dyag.base_models`, since 3.0.

    Fires when the preset is chosen. `BaseModelPreset` is a plugin by itself: an entry point to an instance is enough.

        phi3 = BaseModelPreset(name="phi3", source="hub:microsoft/Phi-3-mini-4k-instruct", parameters=3.8e9, ...)
    """


@hookspec(firstresult=True)
def dyag_train(job: TrainingJob, options: Any, run: Run) -> TrainedModel | None:
    """Fine-tune `job.base_model` on `job.dataset`. Family `dyag.trainers`, since 3.0.

    Fires once a run, after the stage resolved the base model, locked `job.output` and hashed the inputs.
    Write the adapter or model under `job.output / "final"`, resumable state under `job.output / "checkpoints"`;
    the core adds the passport. None: this trainer declines.
    """


@hookspec(firstresult=True)
def dyag_estimate(job: TrainingJob, options: Any, run: Run) -> TrainingEstimate | None:
    """Say what `dyag_train` would take with the same arguments: memory, disk, time. Family `dyag.trainers`, since 3.0.

    Fires for `dyag finetune --estimate`. Write nothing into `job.output`. None, or no such hook: this trainer can't
    tell, and the user is told so.
    """


@hookspec
def dyag_score(predictions: Sequence[Prediction], options: Any, run: Run) -> MetricResult | None:
    """Score predictions, one number each. Family `dyag.metrics`, since 3.0; results are collected.

    Fires once an arm. `MetricResult.items` has one entry a prediction, in order, None where the metric does not
    apply. The core makes means, intervals and paired tests. None: the metric does not apply to this run.
    Where this raises, each prediction is scored by itself, and those at which it raises again stay unscored.
    The plugin's attribute `dyag_metric`, a `MetricDescription`, says how reports call the metric, when it is scored and
    which way is better; without it the metric goes by its name, is scored when asked for, and more is better.
    A metric that asks a model opens it with `run.plugins` and keeps what it answered in `run.journal(name)`.
    A plugin that imports a library inside this hook lists it as `requires = ("library",)`: where it is missing, a run
    then ends before the first question is asked.
    """


@hookspec
def dyag_report(comparison: Comparison, options: Any, lang: str) -> Report | None:
    """Render a comparison. Family `dyag.reporters`, since 3.0; results are collected, the core writes the files.

    Every number shown must come from `comparison`. `lang` is "en" or "fr". None: nothing to write.
    """


@hookspec
def dyag_report_quality(quality: Quality, options: Any, lang: str) -> Report | None:
    """Render the quality of training data. Family `dyag.reporters`, since 3.0.

    Fires once a report that is asked for; the core writes the file. Every number shown must come from `quality`.
    `lang` is "en" or "fr". None, or no such hook: this reporter renders comparisons only, and the user is told so.
    """


@hookspec(firstresult=True)
def dyag_retrieve(chunks: Sequence[Chunk], folder: Path, options: Any, run: Run) -> Retriever | None:
    """Open a retriever over an index's chunks. Family `dyag.retrievers`, since 3.0.

    Fires when an index is built and when it is opened. `folder` belongs to this plugin inside the index and is
    thrown away when the chunks change: build search structures there if it is empty, else load them.

    A plugin that says `updates = True` may also find structures of other chunks there, when an index is brought up to
    date, and keeps what still holds; it must find what it would find if it had started from nothing.
    `dyag_core.api.digests_of(chunks)` has a number for each chunk, by which it knows those that it has seen.

    `chunks` are read from a file as they are asked for: keep places, not chunks.
    """


@hookspec(firstresult=True)
def dyag_open_engine(
    base_path: str, adapter: Path | None, options: Any, run: Run, chat_template: str | None
) -> Engine | None:
    """Load a model that answers chat prompts. Family `dyag.engines`, since 3.0.

    Fires when a stage needs answers. `base_path` is a folder, or, for a plugin that says `remote = True`, the name
    that a server knows the model by. `adapter` is a PEFT adapter to apply, or None. `chat_template` is a
    template that was given to a base model without one, or None: `dyag_core.api.load_tokenizer` takes it. An engine
    that doesn't name this argument is never asked for such a model.
    An engine must check that the adapter was really applied, and fail if it was not.
    """


@hookspec(firstresult=True)
def dyag_export(source: Path, output: Path, options: Any, run: Run) -> Exported | None:
    """Write what DYAG made in the format of another tool. Family `dyag.exporters`, since 3.0.

    Fires once, for `dyag export SOURCE --format NAME`, after the stage locked `output`. `source` is what the user
    named: an exporter of training data takes a training file, and `dyag_core.api.export_rows` reads and writes it; one
    of models takes the folder of a fine-tuned model, `dyag_core.api.Models.resolve` finds what belongs to it, and
    `output` is a folder, which `dyag_core.api.atomic_folder` makes.
    Raise UsageError where `source` is something else. Nothing may be lost in silence: `run.reject(reason)` what the
    format can't hold. Return the files written; the core adds the manifest. None: this exporter declines.

        @hookimpl
        def dyag_export(source, output, run):
            return export_rows(source, output, run, lambda row: {"q": row.questions[-1], "a": row.messages[-1].content})
    """


@hookspec(historic=True)
def dyag_configure(settings: dict[str, Any]) -> None:
    """Look at the settings of this run before anything happens. Lifecycle, since 3.0.

    Historic: a plugin registered later is called too. `settings` is a copy; changing it changes nothing.
    """


@hookspec
def dyag_before_stage(stage: str, run: Run) -> None:
    """A stage is about to start; its plugins are loaded and its output is locked. Lifecycle, since 3.0."""


@hookspec
def dyag_after_stage(stage: str, run: Run, result: Any) -> None:
    """A stage has finished and written its files; `result` is what the Python API returns. Lifecycle, since 3.0."""


@hookspec
def dyag_on_stage_error(stage: str, run: Run, error: BaseException) -> None:
    """A stage failed or was interrupted; the error is raised after all plugins were told. Lifecycle, since 3.0."""


@hookspec
def dyag_filter_examples(examples: Iterable[Example], run: Run) -> Iterable[Example] | None:
    """Change or drop examples before they are split and written. Lifecycle, since 3.0.

    Plugins are applied one after the other, each to what the one before returned. None: leave them as they are.

        @hookimpl
        def dyag_filter_examples(examples, run):
            return (redact(example) for example in examples)
    """
