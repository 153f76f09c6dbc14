"""Trainers that each break one check; the good one breaks none. They hand out an adapter that was trained before."""

from __future__ import annotations

import itertools
import os
import shutil

from dyag_core import (
    TrainedModel,
    hookimpl,
)
from dyag_core.records import TrainingEstimate
from dyag_core.testing import (
    TrainerContract,
)

count = itertools.count()


class Trainer:
    """Hands out an adapter."""

    dyag_api = 1

    def write(self, job, final):
        shutil.copytree(os.environ["DYAG_TEST_ADAPTER"], final, dirs_exist_ok=True)

    def noise(self, job, final):
        (final / "noise.safetensors").write_text(str(next(count)))

    @hookimpl
    def dyag_train(self, job):
        final = job.output / "final"
        self.write(job, final)
        (job.output / "checkpoints").mkdir(exist_ok=True)
        return TrainedModel(folder=final, examples=24, steps=3, epochs=1.0, seconds=0.1)


class TestGoodTrainer(TrainerContract):
    plugin = Trainer


class TestPickles(TrainerContract):
    breaks, says = "test_it_leaves_a_model_with_its_passport", "training_args.bin would run code"

    class plugin(Trainer):
        def write(self, job, final):
            super().write(job, final)
            (final / "training_args.bin").write_bytes(b"")


class TestCountsNothing(TrainerContract):
    breaks, says = "test_it_leaves_a_model_with_its_passport", "24 rows were given"

    class plugin(Trainer):
        @hookimpl
        def dyag_train(self, job):
            self.write(job, job.output / "final")
            return TrainedModel(folder=job.output / "final", examples=0, steps=0, epochs=0, seconds=0)


class TestNoWeights(TrainerContract):
    breaks, raises = "test_its_model_answers", "adapter"

    class plugin(Trainer):
        def write(self, job, final):
            final.mkdir()


class TestAnotherModelEachTime(TrainerContract):
    breaks, says = "test_the_same_seed_trains_the_same_model", "different weights"

    class plugin(Trainer):
        def write(self, job, final):
            super().write(job, final)
            self.noise(job, final)


class TestAlwaysGoesOn(TrainerContract):
    breaks, says = "test_starting_anew_forgets_the_old_run", "went on from step 3"

    class plugin(Trainer):
        @hookimpl
        def dyag_train(self, job):
            self.write(job, job.output / "final")
            before = 3 if (job.output / "checkpoints").exists() else None
            (job.output / "checkpoints").mkdir(exist_ok=True)
            return TrainedModel(
                folder=job.output / "final", examples=24, steps=3, epochs=1, seconds=1, resumed_from_step=before
            )


class TestGoesOnToAnotherModel(TrainerContract):
    breaks, says = "test_it_goes_on_where_it_was_stopped", "ended in another model"

    class plugin(Trainer):
        def write(self, job, final):
            super().write(job, final)
            if (job.output / "checkpoints").exists():
                self.noise(job, final)


class TestEstimatesByTraining(TrainerContract):
    breaks, says = "test_an_estimate_leaves_nothing_behind", "left files in job.output"

    class plugin(Trainer):
        @hookimpl
        def dyag_estimate(self, job):
            self.write(job, job.output / "final")
            numbers = dict.fromkeys(TrainingEstimate.model_fields, 48) | {"memory": None}
            texts = dict.fromkeys(("base_model", "device", "dtype", "quantization"), "x")
            return TrainingEstimate(**(numbers | texts))
