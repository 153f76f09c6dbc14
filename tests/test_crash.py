"""Fine-tuning that is killed anywhere: the same command again ends as if nothing had happened.

`make test` runs the kills that differ most, `make crash` all of them.
"""

from __future__ import annotations

import json
import os
import pickle
import random
import shutil
import signal
import time

import pytest

from dyag_core.artifacts import file_sha256, read_json
from dyag_core.plugin.host import Plugins
from dyag_core.plugin.run import Run

EPOCHS, STEPS, SAVE_EVERY = 2, 10, 2
OPTIONS = ("batch_size=4", f"save_every={SAVE_EVERY}", "learning_rate=5e-3", "threads=1", "device=cpu")
CHECKPOINT_FILES = (
    "adapter_model.safetensors",
    "adapter_config.json",
    "optimizer.pt",
    "scheduler.pt",
    "rng_state.pth",
    "trainer_state.json",
)
MARKER = "dyag-checkpoint.json"


class Job:
    """One `dyag finetune` command, typed as often as needed."""

    def __init__(self, dyag, folder, model):
        self.dyag, self.out, self.log = dyag, folder / "out", folder / "log"
        folder.mkdir(parents=True, exist_ok=True)
        rows(folder / "data_train.jsonl", 18)
        rows(folder / "data_val.jsonl", 4)
        self.command = ["finetune", "--dataset", folder / "data_train.jsonl", "--output", self.out]
        self.command += ["--base-model", model, "--epochs", EPOCHS]
        self.command += [part for option in OPTIONS for part in ("-o", option)]

    def run(self, **order):
        return self.dyag(self.log, *self.command, **order)

    def start(self, log=None, **order):
        (self.log / "steps").unlink(missing_ok=True)
        return self.dyag.start(log or self.log, *self.command, **order)

    @property
    def steps(self):
        """Optimiser steps that the last command has done."""
        path = self.log / "steps"
        return path.stat().st_size if path.exists() else 0

    @property
    def said(self):
        return (self.log / "stderr").read_text(encoding="utf-8")

    def finish(self, whole, done=0, redone=SAVE_EVERY):
        """Run the command to its end; `done` steps were done before, at most `redone` of them are done again."""
        assert self.run() == 0, self.said
        assert STEPS <= done + self.steps <= STEPS + redone
        assert_same(self.out, whole.out)


def rows(path, count):
    answers = [(f"Quelle est la licence de {'x' * (i % 7)}{i} ?", f"LGPL-{i % 5}.0") for i in range(count)]
    chats = [
        [
            {"role": "system", "content": "Réponds brièvement."},
            {"role": "user", "content": question},
            {"role": "assistant", "content": answer},
        ]
        for question, answer in answers
    ]
    path.write_text("".join(json.dumps({"messages": chat}) + "\n" for chat in chats), "utf-8")


def files(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def assert_same(out, whole):
    """`out` holds what the run holds that nobody killed: adapter, loss log, and not a file more."""
    import torch
    from safetensors.torch import load_file

    assert files(out) == files(whole)
    one, other = (load_file(folder / "final" / "adapter_model.safetensors") for folder in (out, whole))
    assert one.keys() == other.keys()  # one LoRA layer and not two
    for name, tensor in one.items():
        assert torch.allclose(tensor, other[name], rtol=0, atol=1e-6), name
    logs = [read_json(folder / "training_log.json") for folder in (out, whole)]
    assert len(logs[0]) == STEPS + EPOCHS
    assert [row | {"seconds": 0} for row in logs[0]] == [row | {"seconds": 0} for row in logs[1]]
    for name in ("adapter_config.json", "trained_questions.txt", "tokenizer.json"):
        assert file_sha256(out / "final" / name) == file_sha256(whole / "final" / name)


@pytest.fixture(scope="module")
def whole(dyag, tiny_model, tmp_path_factory):
    """The run that nobody killed."""
    job = Job(dyag, tmp_path_factory.mktemp("whole"), tiny_model)
    assert job.run() == 0, job.said
    assert job.steps == STEPS
    return job


@pytest.fixture(scope="module")
def stopped(dyag, tiny_model, tmp_path_factory):
    """A run that was killed after checkpoint 4."""
    job = Job(dyag, tmp_path_factory.mktemp("stopped"), tiny_model)
    assert job.run(kill={"write": "*checkpoint-6/optimizer.pt", "bytes": 100}) < 0
    shutil.rmtree(job.out / "checkpoints" / "checkpoint-6")
    assert {path.name for path in job.out.glob("checkpoints/checkpoint-*")} == {"checkpoint-2", "checkpoint-4"}
    return job


@pytest.fixture
def job(dyag, tiny_model, tmp_path):
    return Job(dyag, tmp_path, tiny_model)


def copy_of(stopped, job):
    shutil.copytree(stopped.out, job.out)
    return job.out / "checkpoints"


def inside(pattern, size=100, nth=1):
    return {"write": pattern, "bytes": size, "nth": nth}


def before(event, pattern, nth=1):
    return {"before": event, "path": pattern, "nth": nth}


#: Where the process is killed. Steps 5 and 10 end epochs: validation, perhaps a new best; every second step is saved.
KILLS = {
    **{f"checkpoint {name}": inside(f"*checkpoint-4/{name}") for name in CHECKPOINT_FILES},
    "marker": inside(f"*checkpoint-4/.{MARKER}.*"),
    "rotation, new marker there": before("os.remove", f"*checkpoint-2/{MARKER}"),
    "rotation, old one half gone": before("os.remove", "optimizer.pt"),
    "best": inside("*/.best.partial/adapter_model.safetensors", nth=2),
    "last checkpoint": inside("*checkpoint-10/trainer_state.json"),
    "final adapter": inside("*/.final.partial/adapter_model.safetensors"),
    "passport": inside("*/final/.dyag.json.*"),
    "trained questions": inside("*/final/.trained_questions.txt.*"),
    "manifest": inside("*/out/.manifest.json.*"),
}
MORE_KILLS = {
    **{f"checkpoint {name}, empty": inside(f"*checkpoint-6/{name}", 0) for name in CHECKPOINT_FILES},
    **{f"checkpoint {name}, longer": inside(f"*checkpoint-2/{name}", 700) for name in CHECKPOINT_FILES[:5]},
    "tokenizer": inside("*checkpoint-4/tokenizer_config.json"),
    "adapter config, second write": inside("*checkpoint-4/.adapter_config.json.*"),
    "marker, empty": inside(f"*checkpoint-6/.{MARKER}.*", 0),
    "marker before its rename": before("os.rename", f"*checkpoint-4/{MARKER}"),
    "marker after its rename": before("open", "*checkpoint-4", nth=1),
    "rotation, marker gone": before("shutil.rmtree", "*checkpoint-2"),
    "rotation, folder empty": before("os.rmdir", "*checkpoint-2"),
    "rotation, at the end": before("os.remove", f"*checkpoint-6/{MARKER}"),
    "best, the first": inside("*/.best.partial/adapter_model.safetensors"),
    "best, old one gone": before("os.rename", "*checkpoints/best", nth=2),
    "best, the first before its rename": before("os.rename", "*checkpoints/best"),
    "numerics": inside("*/checkpoints/.numerics.json.*", 0),
    "run.json": inside("*/out/.run.json.*", 0),
    "final, before its rename": before("os.rename", "*/out/final"),
    "final tokenizer": inside("*/.final.partial/tokenizer_config.json"),
    "final config": inside("*/.final.partial/.adapter_config.json.*"),
    "loss log": inside("*/out/.training_log.json.*"),
    "curve": inside("*/out/.training_curve.svg.*"),
    "manifest before its rename": before("os.rename", "*/out/manifest.json"),
}
SLOW_KILLS = [pytest.param(kill, id=name, marks=pytest.mark.slow) for name, kill in MORE_KILLS.items()]


@pytest.mark.parametrize("kill", [*(pytest.param(kill, id=name) for name, kill in KILLS.items()), *SLOW_KILLS])
def test_killed_in_the_middle_of_a_write(job, whole, kill):
    assert job.run(kill=kill) in (-signal.SIGKILL, -signal.SIGXFSZ), job.said
    assert not (job.out / "manifest.json").exists()
    job.finish(whole, done=job.steps)


def test_killed_again_and_again(job, whole):
    """Each command gets two or three steps further before its whole process group is killed from outside."""
    done = kills = 0
    while done < STEPS - 3:
        pid = job.start(slow_step=[3, 60])
        job.dyag.until(lambda: job.steps == 3)
        os.killpg(pid, signal.SIGKILL)
        assert job.dyag.wait(pid) == -signal.SIGKILL
        kills += 1
        done = max(int(path.parent.name.split("-")[1]) for path in job.out.glob(f"checkpoints/checkpoint-*/{MARKER}"))
        assert done >= kills * 2
    job.finish(whole, done)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(15))
def test_killed_at_any_time(job, whole, seed):
    chance = random.Random(seed)
    step, delay = chance.randrange(STEPS), chance.random() * 0.1
    pid = job.start()
    job.dyag.until(lambda: job.steps >= step)
    time.sleep(delay)
    os.killpg(pid, signal.SIGKILL)
    code, done = job.dyag.wait(pid), job.steps
    if code == 0:  # faster than the signal: nothing is left to do
        done = STEPS
    assert job.run() == 0
    assert job.steps + done <= STEPS + SAVE_EVERY
    assert_same(job.out, whole.out)


def damage(file, how):
    data = bytearray(file.read_bytes())
    if how == "missing":
        file.unlink()
    elif how == "bit":
        data[len(data) // 2] ^= 1
        file.write_bytes(data)
    else:
        file.write_bytes(data[: {"empty": 0, "half": len(data) // 2, "one byte short": len(data) - 1}[how]])


@pytest.mark.parametrize("how", ["missing", "empty", "half", "one byte short", "bit"])
@pytest.mark.parametrize("name", [*CHECKPOINT_FILES, MARKER])
def test_damage_is_named_and_the_one_before_is_used(stopped, tmp_path, name, how, heard):
    from dyag_plugins.trainers.lora.checkpoints import Checkpoints

    folder = tmp_path / "checkpoints"
    shutil.copytree(stopped.out / "checkpoints", folder)
    damage(folder / "checkpoint-4" / name, how)
    run = Run(stage="finetune", folder=tmp_path, plugins=Plugins(), progress=heard)
    checkpoints = Checkpoints(folder, read_json(stopped.out / "run.json"), keep=2)
    assert checkpoints.newest(run) == folder / "checkpoint-2"
    assert len(heard.lines) == 1
    assert heard.lines[0].startswith("warning: checkpoint-4 is not used: ")
    assert name == MARKER or name in heard.lines[0]
    assert (folder / "broken-checkpoint-4").is_dir()


@pytest.mark.parametrize(("name", "how"), [("adapter_model.safetensors", "bit"), ("trainer_state.json", "half")])
def test_a_run_goes_on_behind_a_damaged_checkpoint(job, stopped, whole, name, how):
    damage(copy_of(stopped, job) / "checkpoint-4" / name, how)
    job.finish(whole, done=4)
    assert f"checkpoint-4 is not used: {name} is damaged" in job.said
    assert "going on from checkpoint-2" in job.said


def test_without_a_whole_checkpoint_nothing_restarts_silently(job, stopped, whole):
    folder = copy_of(stopped, job)
    for name in ("checkpoint-2", "checkpoint-4"):
        damage(folder / name / "optimizer.pt", "bit")
    job.finish(whole, done=4, redone=4)
    assert "checkpoint-4 is not used" in job.said
    assert "checkpoint-2 is not used" in job.said


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_asked_to_stop_once(job, whole, number, code):
    pid = job.start(slow_step=[3, 0.3])
    job.dyag.until(lambda: job.steps == 3)
    began = time.monotonic()
    os.killpg(pid, number)
    assert job.dyag.wait(pid) == code
    assert time.monotonic() - began < 5
    assert "Traceback" not in job.said
    assert (job.out / "checkpoints" / "checkpoint-3" / MARKER).is_file()
    job.finish(whole, done=3, redone=0)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_asked_to_stop_twice(job, whole, number, code):
    pid = job.start(slow_step=[3, "computing"])
    job.dyag.until(lambda: job.steps == 3)
    os.killpg(pid, number)
    time.sleep(0.2)
    began = time.monotonic()
    os.killpg(pid, number)
    assert job.dyag.wait(pid) == code
    assert time.monotonic() - began < 1
    assert "Traceback" not in job.said
    job.finish(whole, done=3)


def test_two_processes_one_output(job, whole):
    first = job.start(slow_step=[3, 60])
    job.dyag.until(lambda: job.steps == 3)
    began = time.monotonic()
    second = job.start(job.log.with_name("second"))
    assert job.dyag.wait(second) == 6
    assert time.monotonic() - began < 2
    assert f"PID {first}" in (job.log.with_name("second") / "stderr").read_text(encoding="utf-8")
    os.killpg(first, signal.SIGKILL)
    assert job.dyag.wait(first) == -signal.SIGKILL
    job.finish(whole, done=3)


class Canary:
    """Makes a folder when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.makedirs, (str(self.path), 0o777, True)


def plant(file, canary, form):
    import torch

    if form == "pickle":
        file.write_bytes(pickle.dumps(Canary(canary)))
    else:
        torch.save({"state": Canary(canary), "python": Canary(canary)}, file)


def seal_again(checkpoint):
    """What an attacker would do: the marker says that the planted files are the right ones."""
    marker = json.loads((checkpoint / MARKER).read_text(encoding="utf-8"))
    present = [path for path in checkpoint.iterdir() if path.name != MARKER]
    marker["files"] = {path.name: [path.stat().st_size, file_sha256(path)] for path in present}
    (checkpoint / MARKER).write_text(json.dumps(marker), encoding="utf-8")


def test_the_canary_sings_when_it_is_unpickled(tmp_path):
    import torch

    for form, load in (("pickle", lambda file: pickle.loads(file.read_bytes())), ("torch", torch.load)):
        plant(tmp_path / form, tmp_path / f"canary {form}", form)
        load(tmp_path / form, **({"weights_only": False} if form == "torch" else {}))
        assert (tmp_path / f"canary {form}").is_dir()


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("optimizer.pt", "torch"),
        ("rng_state.pth", "torch"),
        ("scheduler.pt", "pickle"),
        ("training_args.bin", "pickle"),
        pytest.param("optimizer.pt", "pickle", marks=pytest.mark.slow),
        pytest.param("rng_state.pth", "pickle", marks=pytest.mark.slow),
        pytest.param("scheduler.pt", "torch", marks=pytest.mark.slow),
        pytest.param("training_args.bin", "torch", marks=pytest.mark.slow),
    ],
)
def test_no_pickle_in_a_checkpoint_is_run(job, stopped, tmp_path, name, form):
    checkpoint = copy_of(stopped, job) / "checkpoint-4"
    plant(checkpoint / name, tmp_path / "canary", form)
    seal_again(checkpoint)
    code = job.run()
    assert not (tmp_path / "canary").exists()
    assert (code == 0) == (name == "training_args.bin"), job.said  # nothing reads that one
    assert "Traceback" not in job.said


def test_no_pickle_among_adapters_or_bases_is_run(job, whole, dyag, tmp_path, tiny_model):
    final = tmp_path / "out" / "final"
    shutil.copytree(whole.out / "final", final)
    plant(final / "adapter_model.bin", tmp_path / "canary", "torch")
    ask = ["query-finetuned", "Quelle est la licence ?", "--model", final, "--max-new-tokens", 2]
    ask += ["--base-model", tiny_model]
    assert dyag(job.log, *ask) == 0, job.said
    (final / "adapter_model.safetensors").unlink()
    assert dyag(job.log, *ask) == 2
    assert "pickle" in job.said
    base = tmp_path / "base"
    shutil.copytree(tiny_model, base)
    (base / "model.safetensors").unlink()
    plant(base / "pytorch_model.bin", tmp_path / "canary", "torch")
    other = Job(dyag, tmp_path / "other", base)
    assert other.run() not in (0, 70)
    assert not (tmp_path / "canary").exists()
