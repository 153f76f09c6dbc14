"""What a lifecycle plugin keeps to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from dyag_core.plugin.host import Plugins
from dyag_core.plugin.lifecycle import HOOKS
from dyag_core.records import Example, TrainedModel
from dyag_core.testing.contract import HookedContract
from dyag_core.testing.samples import ODD_TEXTS, document_rows, results_file, training_rows, write_documents

if TYPE_CHECKING:
    from dyag_core.plugin.run import Run

_MANY = 400


class HookContract(HookedContract):
    """An onlooker at every stage that disturbs none of them.

    `streams = False` for a filter that must see every example before it lets the first one through.
    """

    section: ClassVar[str] = "Lifecycle hooks"
    streams: ClassVar[bool] = True

    @pytest.fixture
    def warnings(self) -> list[str]:
        """What the host said about plugins that failed."""
        return []

    @pytest.fixture
    def host(self, warnings: list[str]) -> Plugins:
        """A host that the plugin looks on at."""
        return Plugins(objects=[self.instance()], warn=warnings.append)

    @pytest.fixture
    def run_of(self, host: Plugins, tmp_path: Path) -> Callable[[str], Run]:
        """A run of a stage."""
        from dyag_core.plugin.run import Run

        return lambda stage: Run(stage=stage, folder=tmp_path, plugins=host)

    def undisturbed(self, warnings: list[str]) -> None:
        """A hook that raises costs its user a warning in every command."""
        self.wants(not warnings, f"a hook raised: {'; '.join(warnings)}")

    def test_it_has_a_lifecycle_hook(self) -> None:
        """One of the five; family hooks belong in their own entry-point groups."""
        self.wants(set(HOOKS) & set(self.hooks()), f"a plugin of dyag.hooks implements one of {', '.join(HOOKS)}")

    def test_it_looks_on_at_real_stages(self, warnings: list[str], tmp_path: Path) -> None:
        """Ingest, generate, index, export and compare, each with its real result."""
        from dyag_core.session import Session

        progress = _Lines(warnings)
        session = Session(tmp_path, plugins=[self.instance()], progress=progress, lang="en")
        source = write_documents(tmp_path / "catalogue.jsonl", document_rows())
        session.ingest(source, output=tmp_path / "ingested.jsonl")
        data = session.generate(source, method="rule", split=True, min_yield=0)
        self.wants(data.written, "with this plugin looking on, no training row was written")
        session.index(source)
        session.export(data.output, format="openai", output=tmp_path / "openai.jsonl")
        files = {
            arm: results_file(tmp_path / f"{arm}.json", arm, (i % nth == 0 for i in range(40)))
            for arm, nth in {"base": 3, "rag": 2}.items()
        }
        session.compare(files, reporters=("json",))
        self.undisturbed(warnings)

    def test_it_looks_on_at_training_and_asking(
        self, host: Plugins, run_of: Callable[[str], Run], warnings: list[str], tmp_path: Path
    ) -> None:
        """Stages that need a model, told of with results of their kind."""
        from dyag_core.records.answer import Answer
        from dyag_core.records.evaluation import EvaluationFiles

        results: dict[str, Any] = {
            "finetune": TrainedModel(folder=tmp_path / "final", examples=8, steps=2, epochs=1.0, seconds=0.5),
            "query": Answer(question="Which?", answer="MIT", arm="base", base_model="tiny"),
            "evaluate": EvaluationFiles(files={}, evaluations={}),
        }
        for stage, result in results.items():
            with host.stage(run_of(stage)) as done:
                done.result = result
        self.undisturbed(warnings)

    def test_it_looks_on_at_errors(self, host: Plugins, run_of: Callable[[str], Run], warnings: list[str]) -> None:
        """An error, an interruption and an exit go on as they came."""
        for error in (ValueError("<oops> 😀"), KeyboardInterrupt(), SystemExit(143)):
            with pytest.raises(type(error)), host.stage(run_of("generate")):
                raise error
        self.undisturbed(warnings)

    def test_its_filter_gives_examples(self, host: Plugins, run_of: Callable[[str], Run]) -> None:
        """What comes out is an iterable of examples; odd ones are no reason to fail."""
        odd = [Example(question=f"What is {text}", answer=text or "?", document="d") for text in ODD_TEXTS]
        for example in host.filter_examples(iter(odd), run_of("generate")):
            self.wants(isinstance(example, Example), f"the filter gave {type(example).__name__}, not Example")
        self.wants(
            list(host.filter_examples(iter([]), run_of("generate"))) == [], "the filter made examples of nothing"
        )

    def test_its_filter_passes_examples_on_as_they_come(self, host: Plugins, run_of: Callable[[str], Run]) -> None:
        """A hundred thousand examples must not stand in memory."""
        if not self.streams or "dyag_filter_examples" not in self.hooks():
            return
        read = 0

        def examples() -> Iterator[Example]:
            nonlocal read
            for row in training_rows(_MANY):
                read += 1
                question, answer = (turn["content"] for turn in row["messages"][-2:])
                yield Example(question=question, answer=answer, document=row["meta"]["document"])

        next(iter(host.filter_examples(examples(), run_of("generate"))), None)
        self.wants(
            read < _MANY, f"all {_MANY} examples were read before the first came out: return a generator, not a list"
        )


class _Lines:
    """The progress of a session that keeps what is said about failing hooks."""

    def __init__(self, warnings: list[str]) -> None:
        from dyag_core.progress import SilentProgress

        self._warnings = warnings
        self.task = SilentProgress().task

    def message(self, text: str) -> None:
        """One line for the user."""
        if text.startswith("warning: hook plugin"):
            self._warnings.append(text)
