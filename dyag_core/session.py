"""The Python API. The command line is written on exactly this and has no logic of its own.

from dyag_core import Session

s = Session("work")
data = s.generate("documents.jsonl", method="augmented", count=300, split=True)
model = s.finetune(data.train, base_model="smollm2:135m", epochs=3)
print(s.query("Which licence does 7zip use?", model=model).answer)
runs = s.evaluate(data.test, model=model, index=s.index("documents.jsonl"))
s.compare(runs, reporters=("html", "markdown"))
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from dyag_core.plugin.host import Plugins
from dyag_core.progress import SilentProgress
from dyag_core.records.options import (
    CompareOptions,
    EvaluateOptions,
    ExportOptions,
    FinetuneOptions,
    GenerateOptions,
    IndexOptions,
    IngestOptions,
    QueryOptions,
    ReviewOptions,
    ServeOptions,
    ValidateOptions,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dyag_core.evaluation.conversation import Conversation
    from dyag_core.progress import Progress
    from dyag_core.records import (
        CostOptions,
        Decoding,
        Explanation,
        Exported,
        GenerationEstimate,
        IngestedDocuments,
        Validation,
    )
    from dyag_core.records.answer import Answer
    from dyag_core.records.comparison import ComparisonFiles
    from dyag_core.records.evaluation import EvaluationFiles
    from dyag_core.records.index import Index
    from dyag_core.records.review import Review, Verdict
    from dyag_core.records.training import ResumePolicy, TrainedModel, TrainingEstimate
    from dyag_core.serving.server import Server
    from dyag_core.stages.generate import GeneratedData


@dataclass
class Session:
    """A folder to work in, and every stage as a method.

    The keywords of a method are the options that `dyag_core.records.options` declares, and are checked against them.

    Args:
        folder: outputs that are given no path of their own go here.
        plugins: plugin objects that take part beside the installed ones, chosen by their `name`.
        progress: receives bars and messages; silent by default.
        seed: of every stage; the same seed and inputs give the same files on a CPU.
        lang: "fr" or "en" for what is written for people; None follows the documents.
    """

    folder: str | Path = "."
    plugins: Sequence[Any] = ()
    progress: Progress = field(default_factory=SilentProgress)
    seed: int = 42
    lang: str | None = None

    def ingest(
        self,
        *sources: str | Path,
        output: str | Path | None = None,
        chunk_size: int | None = None,
        chunk_unit: str = "characters",
        base_model: str | None = None,
        overlap: int = 0,
        strict: bool = False,
        fields: Mapping[str, str] | None = None,
        title: str | None = None,
    ) -> IngestedDocuments:
        """Read documents of any kind into one file of chunks. See `dyag ingest --help`."""
        from dyag_core.stages.ingest import ingest

        given = IngestOptions.of(locals())
        return ingest(
            given,
            sources=[Path(source) for source in sources],
            output=self._place(given.output, "documents.jsonl"),
            plugins=self._host(),
            progress=self.progress,
        )

    def generate(
        self,
        documents: str | Path,
        *,
        method: str = "augmented",
        count: int | None = None,
        split: bool | tuple[float, float, float] = False,
        group_by: str | None = None,
        output: str | Path | None = None,
        options: Mapping[str, Any] | None = None,
        system_prompt: str | None = None,
        min_yield: float = 50.0,
        strict: bool = False,
        base_model: str | None = None,
        with_context: bool = False,
        index: str | Path | Index | None = None,
        distractors: int | None = None,
        fields: Mapping[str, str] | None = None,
        title: str | None = None,
    ) -> GeneratedData:
        """Make training data from documents; `split` True means 80/10/10. See `dyag generate-training --help`.

        `group_by` names a metadata field: documents that share its value are all trained on, or all held out.
        `with_context` puts passages of `index` into the questions that are trained on.
        """
        from dyag_core.stages.generate import generate

        given = GenerateOptions.of(locals())
        return generate(
            given,
            source=Path(documents),
            output=self._place(given.output, "training.jsonl"),
            seed=self.seed,
            lang=self.lang,
            plugins=self._host(),
            progress=self.progress,
        )

    def export(
        self,
        source: str | Path,
        *,
        format: str,
        output: str | Path,
        options: Mapping[str, Any] | None = None,
    ) -> Exported:
        """Write what DYAG made in the format of another tool. See `dyag export --help`."""
        from dyag_core.stages.export import export

        given = ExportOptions.of(locals())
        return export(
            given,
            source=Path(source),
            seed=self.seed,
            plugins=self._host(),
            progress=self.progress,
        )

    def estimate_generation(
        self,
        documents: str | Path,
        *,
        method: str = "llm",
        count: int | None = None,
        output: str | Path | None = None,
        options: Mapping[str, Any] | None = None,
        fields: Mapping[str, str] | None = None,
        title: str | None = None,
    ) -> GenerationEstimate:
        """What `generate` with these arguments would ask a model for: requests, tokens, cost. Nothing is written."""
        from dyag_core.stages.estimate_generation import estimate_generation

        given = GenerateOptions.of(locals())
        return estimate_generation(
            given,
            source=Path(documents),
            output=self._place(given.output, "training.jsonl"),
            seed=self.seed,
            lang=self.lang,
            plugins=self._host(),
            progress=self.progress,
        )

    def explain(
        self,
        documents: str | Path,
        document: str,
        *,
        method: str = "augmented",
        options: Mapping[str, Any] | None = None,
        strict: bool = False,
        fields: Mapping[str, str] | None = None,
        title: str | None = None,
    ) -> Explanation:
        """How the questions about one document (its id or its title) are made. Nothing is written."""
        from dyag_core.stages.explain import explain

        given = GenerateOptions.of(locals())
        return explain(
            given,
            source=Path(documents),
            document=document,
            seed=self.seed,
            lang=self.lang,
            plugins=self._host(),
            progress=self.progress,
        )

    def validate(
        self,
        file: str | Path,
        *,
        base_model: str | None = None,
        fix: str | Path | None = None,
        report: str | Path | None = None,
    ) -> Validation:
        """What is wrong with a training file, and its figures; `fix` takes a mended copy, `report` an HTML page."""
        from dyag_core.stages.validate import validate

        given = ValidateOptions.of(locals())
        return validate(
            given,
            path=Path(file),
            seed=self.seed,
            lang=self.lang,
            plugins=self._host(),
            progress=self.progress,
        )

    def review(
        self,
        file: str | Path,
        *,
        documents: str | Path | None = None,
        sample: int = 50,
        verdicts: str | Path | None = None,
        page: str | Path | None = None,
        drop: Verdict | None = None,
        output: str | Path | None = None,
    ) -> Review:
        """Rows by lot beside the passages they were made from, and what the verdicts kept so far come to."""
        from dyag_core.stages.review import review

        given = ReviewOptions.of(locals())
        return review(given, file=Path(file), lang=self.lang, seed=self.seed, progress=self.progress)

    def finetune(
        self,
        dataset: str | Path,
        *,
        base_model: str | None = None,
        chat_template: str | None = None,
        epochs: float = 3,
        output: str | Path | None = None,
        resume: ResumePolicy = "auto",
        trainer: str = "lora",
        options: Mapping[str, Any] | None = None,
        validation: str | Path | None = None,
        from_adapter: str | Path | TrainedModel | None = None,
        replay: str | Path | None = None,
        replay_share: float = 0.2,
        old_test: str | Path | None = None,
    ) -> TrainedModel:
        """Fine-tune a base model, or go on from an older adapter of yours with new data.

        NAME_val.jsonl beside NAME_train.jsonl is used for validation. See `dyag finetune --help`.
        """
        from dyag_core.stages.finetune import finetune

        given = FinetuneOptions.of(locals())
        return finetune(
            given,
            dataset=Path(dataset),
            output=self._place(given.output, "model"),
            seed=self.seed,
            plugins=self._host(),
            progress=self.progress,
        )

    def estimate(
        self,
        dataset: str | Path,
        *,
        base_model: str | None = None,
        chat_template: str | None = None,
        epochs: float = 3,
        output: str | Path | None = None,
        trainer: str = "lora",
        options: Mapping[str, Any] | None = None,
        validation: str | Path | None = None,
        from_adapter: str | Path | TrainedModel | None = None,
        replay: str | Path | None = None,
        replay_share: float = 0.2,
    ) -> TrainingEstimate:
        """What `finetune` with these arguments would take: memory, disk and time. Nothing is written."""
        from dyag_core.stages.finetune import estimate

        given = FinetuneOptions.of(locals())
        return estimate(
            given,
            dataset=Path(dataset),
            output=self._place(given.output, "model"),
            seed=self.seed,
            plugins=self._host(),
            progress=self.progress,
        )

    def index(
        self,
        documents: str | Path,
        *,
        output: str | Path | None = None,
        retriever: str = "bm25",
        options: Mapping[str, Any] | None = None,
        fields: Mapping[str, str] | None = None,
        title: str | None = None,
        update: bool = False,
    ) -> Index:
        """Build a search index over documents; with `update`, go on from the one that stands at `output`."""
        from dyag_core.stages.index import index

        given = IndexOptions.of(locals())
        return index(
            given,
            source=Path(documents),
            output=self._place(given.output, "documents.index"),
            seed=self.seed,
            plugins=self._host(),
            progress=self.progress,
        )

    def query(
        self,
        question: str,
        *,
        model: str | Path | TrainedModel | None = None,
        base_model: str | None = None,
        chat_template: str | None = None,
        index: str | Path | Index | None = None,
        k: int = 3,
        decoding: Decoding | None = None,
        engine: str = "transformers",
        engine_options: Mapping[str, Any] | None = None,
    ) -> Answer:
        """One answer. With `model` the fine-tuned model answers, with `index` it is given what was retrieved."""
        from dyag_core.stages.query import query

        given = QueryOptions.of(locals())
        return query(
            given,
            question=question,
            plugins=self._host(),
            progress=self.progress,
        )

    def conversation(
        self,
        *,
        model: str | Path | TrainedModel | None = None,
        base_model: str | None = None,
        chat_template: str | None = None,
        index: str | Path | Index | None = None,
        k: int = 3,
        decoding: Decoding | None = None,
        engine: str = "transformers",
        engine_options: Mapping[str, Any] | None = None,
    ) -> Conversation:
        """A chat that keeps its history within the model's context. Close it, or use it as a context manager."""
        from dyag_core.evaluation.conversation import Conversation

        given = QueryOptions.of(locals())
        return Conversation(
            given,
            plugins=self._host(),
            progress=self.progress,
        )

    def evaluate(
        self,
        questions: str | Path,
        *,
        arms: Sequence[str] = ("base", "rag", "finetuned", "hybrid"),
        model: str | Path | TrainedModel | None = None,
        base_model: str | None = None,
        chat_template: str | None = None,
        index: str | Path | Index | None = None,
        k: int | Literal["auto"] = 3,
        few_shot: int | Literal["auto"] = "auto",
        validation: str | Path | None = None,
        output: str | Path | None = None,
        metrics: Sequence[str] | None = None,
        metric_options: Mapping[str, Mapping[str, Any]] | None = None,
        decoding: Decoding | None = None,
        engine: str = "transformers",
        engine_options: Mapping[str, Any] | None = None,
        limit: int | None = None,
        repeat: int = 1,
    ) -> EvaluationFiles:
        """Ask every arm the same questions, `repeat` times. `output` is a file for one arm, a prefix for several.

        `metric_options` holds the options of each metric by its name: {"bleu": {"tokenize": "intl"}}. `k` "auto" is
        chosen on the questions of `validation`, from which `few_shot` answered examples come for the base model's arms.
        """
        from dyag_core.stages.evaluate import evaluate

        given = EvaluateOptions.of(locals())
        return evaluate(
            given,
            questions=Path(questions),
            output=self._place(given.output, "results.json" if len(given.arms) == 1 else "results"),
            seed=self.seed,
            plugins=self._host(),
            progress=self.progress,
        )

    def compare(
        self,
        results: EvaluationFiles | Mapping[str, str | Path] | Sequence[str | Path],
        *,
        output: str | Path | None = None,
        reporters: Sequence[str] = ("markdown", "json", "html"),
        reporter_options: Mapping[str, Mapping[str, Any]] | None = None,
        primary: str | None = None,
        metrics: Sequence[str] = (),
        metric_options: Mapping[str, Mapping[str, Any]] | None = None,
        votes: str | Path | None = None,
        force: bool = False,
        cost: CostOptions | None = None,
    ) -> ComparisonFiles:
        """Compare result files of the same questions, pair by pair, and write the reports.

        `primary` is the metric that decides; by default the one that says so of itself.
        `metrics` are scored from the answers where the files don't hold them; with `metric_options` in any case.
        `metric_options` and `reporter_options` hold options by plugin: {"bleu": {"tokenize": "intl"}}.
        `cost` holds what the files can't know: prices, how often the documents change, how many queries a month.
        """
        from dyag_core.records.evaluation import EvaluationFiles
        from dyag_core.stages.compare import compare

        files = results.files if isinstance(results, EvaluationFiles) else results
        named = {arm: Path(file) for arm, file in files.items()} if hasattr(files, "items") else list(map(Path, files))
        given = CompareOptions.of(locals())
        return compare(
            given,
            results=named,
            output=self._place(given.output, "comparison"),
            seed=self.seed,
            lang=self.lang,
            plugins=self._host(),
            progress=self.progress,
        )

    def serve(
        self,
        folder: str | Path | None = None,
        *,
        model: str | Path | TrainedModel | None = None,
        base_model: str | None = None,
        chat_template: str | None = None,
        index: str | Path | Index | None = None,
        arms: Sequence[str] | None = None,
        k: int | None = None,
        engine: str = "transformers",
        engine_options: Mapping[str, Any] | None = None,
        decoding: Decoding | None = None,
        host: str = "127.0.0.1",
        port: int = 8765,
        token_file: str | Path | None = None,
        allow_host: Sequence[str] | None = None,
        report: str | Path | None = None,
        votes: str | Path | None = None,
        queue: int = 64,
        timeout: float = 120.0,
        watch: bool = False,
        keep: str | Path | None = None,
        log_content: bool = False,
    ) -> Server:
        """Answer over HTTP: an OpenAI-compatible API and a page. `folder` is what `dyag quickstart` made.

        The server answers in the background as long as it is open: use it as a context manager, `wait()` in it to
        serve until somebody ends it. See `dyag serve --help`.
        """
        from dyag_core.stages.serve import serve

        given = ServeOptions.of(locals())
        return serve(
            given,
            folder=Path(folder) if folder is not None else None,
            seed=self.seed,
            plugins=self._host(),
            progress=self.progress,
        )

    def _host(self) -> Plugins:
        return Plugins(objects=self.plugins, warn=lambda line: self.progress.message(f"warning: {line}"))

    def _place(self, output: str | Path | None, default: str) -> Path:
        return Path(output) if output is not None else Path(self.folder) / default
