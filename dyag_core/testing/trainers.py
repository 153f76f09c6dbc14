"""What a trainer keeps to."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from dyag_core.records import TrainedModel, TrainingEstimate
from dyag_core.testing.contract import FamilyContract
from dyag_core.testing.samples import training_rows, write_documents

if TYPE_CHECKING:
    from dyag_core.plugin.host import Plugins

Train = Callable[..., TrainedModel]

#: Formats that run code when they are read.
_PICKLES = (".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt")


class TrainerContract(FamilyContract):
    """An adapter that loads, and the same one for the same seed, wherever the run was stopped.

    It is tried on 24 rows, one epoch, with a random model of 0.1 million parameters. Give `options` that are quick;
    name another `base_model` where the trainer needs one.
    """

    family = "trainers"
    section: ClassVar[str] = "Trainers"
    #: a folder or a preset's name; None takes the tiny model
    base_model: ClassVar[str | None] = None

    @classmethod
    def train(cls, host: Plugins, base: str, folder: Path, rows: int = 24, **more: Any) -> TrainedModel:
        """Train through a session, as `dyag finetune` does."""
        from dyag_core.session import Session

        plugin = host.objects[0]
        dataset = write_documents(folder.with_name(f"rows-{rows}.jsonl"), training_rows(rows))
        session = Session(folder.parent, plugins=[plugin], seed=3)
        given: dict[str, Any] = {
            "base_model": base,
            "epochs": 1,
            "trainer": cls.name(plugin),
            "options": cls.options,
        } | more
        made: TrainedModel = session.finetune(dataset, output=folder, **given)
        return made

    @pytest.fixture
    def train_in(self, dyag_host: Plugins, dyag_base_model: str) -> Train:
        """`train_in(folder, rows=24, resume="require")`."""
        return partial(self.train, dyag_host, dyag_base_model)

    def test_it_leaves_a_model_with_its_passport(self, dyag_trained: TrainedModel) -> None:
        """`final/` with `dyag.json`, in formats that run no code when they are read."""
        self.wants(
            isinstance(dyag_trained, TrainedModel),
            f"dyag_train returns a TrainedModel, not {type(dyag_trained).__name__}",
        )
        final = dyag_trained.folder
        self.wants(
            final.name == "final" and final.is_dir(), f"TrainedModel.folder is job.output / 'final', not {final}"
        )
        self.wants((final / "dyag.json").is_file(), "final/dyag.json, the passport, is missing")
        pickles = [file.name for file in final.rglob("*") if file.suffix in _PICKLES]
        self.wants(not pickles, f"{', '.join(pickles)} would run code when read: write safetensors")
        self.wants(
            dyag_trained.examples == 24 and dyag_trained.steps > 0, f"24 rows were given; it says {dyag_trained!r}"
        )

    def test_its_model_answers(self, dyag_trained: TrainedModel) -> None:
        """`dyag query-finetuned --model DIR` loads it and checks that the adapter is applied."""
        from dyag_core.session import Session

        answer = Session().query("Which licence does 7zip use?", model=dyag_trained.folder)
        self.wants(answer.completion_tokens > 0, f"the trained model gives no answer: {answer!r}")

    def test_the_same_seed_trains_the_same_model(
        self, train_in: Train, dyag_trained: TrainedModel, tmp_path: Path
    ) -> None:
        """Byte for byte, on a CPU."""
        again = train_in(tmp_path / "again")
        self.wants(
            _weights(again.folder) == _weights(dyag_trained.folder),
            "two trainings with one seed gave different weights",
        )

    def test_starting_anew_forgets_the_old_run(
        self, train_in: Train, dyag_trained: TrainedModel, tmp_path: Path
    ) -> None:
        """`--resume never`: checkpoints that stand in the folder are not used."""
        folder = tmp_path / "run"
        shutil.copytree(dyag_trained.folder.parent, folder)
        again = train_in(folder, resume="never")
        self.wants(
            again.resumed_from_step is None and _weights(again.folder) == _weights(dyag_trained.folder),
            f"with job.resume 'never' it went on from step {again.resumed_from_step} of an older run",
        )

    def test_it_goes_on_where_it_was_stopped(self, train_in: Train, dyag_trained: TrainedModel, tmp_path: Path) -> None:
        """Without `final/`, but with its checkpoints, a run ends in the same model."""
        folder = tmp_path / "run"
        shutil.copytree(dyag_trained.folder.parent, folder)
        before = _weights(folder / "final")
        shutil.rmtree(folder / "final")
        self.wants(_weights(train_in(folder).folder) == before, "the run that went on ended in another model")

    def test_an_estimate_leaves_nothing_behind(
        self, dyag_host: Plugins, dyag_base_model: str, dyag_training_file: Path, tmp_path: Path
    ) -> None:
        """Only where the plugin has the hook `dyag_estimate`."""
        from dyag_core.session import Session

        if "dyag_estimate" not in self.hooks():
            return
        output, plugin = tmp_path / "estimated", dyag_host.objects[0]
        found = Session(tmp_path, plugins=[plugin]).estimate(
            dyag_training_file, base_model=dyag_base_model, epochs=1, output=output,
            trainer=self.name(plugin), options=self.options,
        )  # fmt: skip
        self.wants(
            isinstance(found, TrainingEstimate) and found.examples == 48, f"48 rows were given; it says {found!r}"
        )
        left = list(output.rglob("*")) if output.exists() else []
        self.wants(not left, f"dyag_estimate left files in job.output: {[file.name for file in left]}")


def _weights(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in sorted(folder.rglob("*.safetensors"))}
