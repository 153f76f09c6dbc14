"""A program's own plugin objects in every family, and the example that shows how."""

from __future__ import annotations

import collections.abc
import json
import runpy
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from dyag_core import (
    BaseModelPreset,
    Chunk,
    Comparison,
    Decoding,
    Document,
    Example,
    Exported,
    Hit,
    Message,
    MetricResult,
    Prediction,
    Reply,
    Report,
    Run,
    Session,
    TrainedModel,
    TrainingJob,
    hookimpl,
)
from dyag_core.artifacts import write_jsonl


class Generator:
    name = "mine"

    class Options(BaseModel, extra="forbid"):
        """What `options` of the method may hold."""

        ending: str = "?"

    @hookimpl
    def dyag_generate(self, documents: Iterable[Document], options: Options) -> Iterator[Example]:
        for document in documents:
            for n, chunk in enumerate(document.chunks):
                question = f"What does part {n} of {document.title} say{options.ending}"
                yield Example(question=question, answer=chunk.text, document=document, chunk=chunk)


class Trainer:
    name = "mine"

    @hookimpl
    def dyag_train(self, job: TrainingJob, run: Run) -> TrainedModel:
        final = job.output / "final"
        final.mkdir(parents=True)
        (final / "adapter_config.json").write_text("{}")
        (final / "adapter_model.safetensors").write_bytes(b"")
        with run.progress.task("my training", total=2) as task:
            task.advance(2, loss=0.5)
        return TrainedModel(folder=final, examples=3, steps=2, epochs=job.epochs, seconds=0.1)


class Retriever:
    name = "mine"

    @hookimpl
    def dyag_retrieve(self, chunks: Sequence[Chunk]) -> Retriever:
        self.chunks = chunks
        return self

    def search(self, queries: Sequence[str], k: int) -> list[list[Hit]]:
        return [[Hit(chunk=self.chunks[0], score=1.0)] for _ in queries]


class Engine:
    name = "mine"
    remote = True
    context_length = 4000

    @hookimpl
    def dyag_open_engine(self, base_path: str) -> Engine:
        return self

    def answer(self, prompts: Sequence[Sequence[Message]], decoding: Decoding) -> Iterator[tuple[int, Reply]]:
        for n, prompt in enumerate(prompts):
            yield n, Reply(text="red" if "red" in prompt[-1].content else "unknown")

    def stream(self, prompt: Sequence[Message], decoding: Decoding) -> collections.abc.Generator[str, None, Reply]:
        ((_, reply),) = self.answer([prompt], decoding)
        yield reply.text
        return reply

    def count_tokens(self, prompt: Sequence[Message]) -> int:
        return 1

    def close(self) -> None: ...


class Metric:
    name = "mine"

    @hookimpl
    def dyag_score(self, predictions: Sequence[Prediction]) -> MetricResult:
        return MetricResult(name="mine", items=[float(p.answer == "red") for p in predictions])


class Reporter:
    name = "mine"

    @hookimpl
    def dyag_report(self, comparison: Comparison) -> Report:
        return Report(suffix=".txt", text=" ".join(arm.name for arm in comparison.arms))


class Exporter:
    name = "mine"

    @hookimpl
    def dyag_export(self, source: Path, output: Path) -> Exported:
        output.write_text(source.read_text("utf-8").upper(), encoding="utf-8")
        return Exported(files=(output,), rows=1)


@pytest.fixture
def session(tmp_path: Path, tiny_model: Path) -> Session:
    preset = replace(BaseModelPreset.from_folder(tiny_model), name="mine")
    plugins = [Generator(), preset, Trainer(), Retriever(), Engine(), Metric(), Reporter(), Exporter()]
    return Session(tmp_path, plugins=plugins, lang="en")


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    path = tmp_path / "documents.jsonl"
    write_jsonl(
        path, [{"id": f"d{n}", "content": f"The colour of number {n} is red.", "title": f"D{n}"} for n in range(3)]
    )
    return path


def named_mine(manifest: Path | None, family: str) -> bool:
    assert manifest is not None
    used = json.loads(manifest.read_text("utf-8"))["plugins"]
    return {(family, "mine", "(object)")} <= {(p["family"], p["name"], p["distribution"]) for p in used}


def test_a_generator_a_base_model_a_trainer_and_an_exporter(session: Session, documents: Path) -> None:
    data = session.generate(documents, method="mine", options={"ending": " of it?"})
    row = json.loads(data.output.read_text("utf-8").split("\n")[0])
    assert row["messages"][-2]["content"] == "What does part 0 of D0 say of it?"
    assert named_mine(data.manifest, "generators")
    model = session.finetune(data.output, trainer="mine", base_model="mine")
    assert (model.steps, model.folder.name) == (2, "final")
    assert json.loads((model.folder / "dyag.json").read_text("utf-8"))
    assert named_mine(model.folder.parent / "manifest.json", "trainers")
    made = session.export(data.output, format="mine", output=Path(session.folder) / "x.txt")
    assert "D0" in made.files[0].read_text("utf-8")
    assert named_mine(made.manifest, "exporters")


def test_a_retriever_an_engine_a_metric_and_a_reporter(session: Session, documents: Path, tmp_path: Path) -> None:
    questions = tmp_path / "questions.jsonl"
    write_jsonl(questions, [{"question": f"What colour is number {n}?", "expected_answer": "red"} for n in range(3)])
    index = session.index(documents, retriever="mine")
    arms = ("base", "rag")
    runs = session.evaluate(questions, arms=arms, base_model="x", index=index, engine="mine", metrics=["mine"])
    means = {arm: evaluation.metrics["summaries"]["mine"]["mean"] for arm, evaluation in runs.evaluations.items()}
    assert means == {"base": 0.0, "rag": 100.0}
    assert session.query("What colour is number 1?", base_model="x", index=index, engine="mine").answer == "red"
    compared = session.compare(runs, reporters=("mine",))
    assert compared.files["mine"].read_text("utf-8") == "base rag"
    assert named_mine(compared.files["manifest"], "reporters")
    assert named_mine(tmp_path / "results.manifest.json", "engines")
    assert named_mine(tmp_path / "results.manifest.json", "metrics")
    assert named_mine(tmp_path / "results.manifest.json", "retrievers")


def test_the_example_of_a_session_goes_the_whole_way(
    tmp_path: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = {"BASE_MODEL": str(tiny_model), "COUNT": "40", "EPOCHS": "1", "FOLDER": str(tmp_path), "TOKENS": "2"}
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    example = Path(__file__).parent.parent / "examples" / "session.py"
    left: dict[str, Any] = runpy.run_path(str(example))
    assert left["compared"].files["html"].exists()
    assert all("numbers" in e.metrics["summaries"] for e in left["runs"].evaluations.values())
    printed = capsys.readouterr().out
    assert "-> generating, 40 steps" in printed
    assert "hybrid {'success'" in printed
    assert left["compared"].comparison.recommendations[0].text["fr"] in printed
