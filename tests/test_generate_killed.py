"""generate-training that is killed anywhere: the same command again makes the same bytes; nothing is half there."""

from __future__ import annotations

import os
import random
import signal
from pathlib import Path

import pytest

SAMPLE = Path(__file__).parent.parent / "examples" / "dyag_samples" / "catalogue.fr.jsonl"
#: Every file of a run, in the order in which they get their names.
FILES = (
    "x.jsonl",
    "x_train.jsonl",
    "x_val.jsonl",
    "x_test.jsonl",
    "x.rejects.jsonl",
    "x.manifest.json",
    "x.report.html",
)
METHODS = ("rule", "augmented")


class Job:
    """One `dyag generate-training` command, typed as often as needed."""

    def __init__(self, dyag, folder, method):
        self.dyag, self.out, self.log = dyag, folder / "out", folder / "log"
        source = folder / "documents.jsonl"
        source.write_text(SAMPLE.read_text("utf-8") + "{no json}\n", "utf-8")
        self.command = ["generate-training", source, "--method", method, "--split", "--output", self.out / "x.jsonl"]

    def run(self, **order):
        return self.dyag(self.log, *self.command, **order)

    @property
    def files(self):
        """What the folder shows, locks left out."""
        return {path.name: path.read_bytes() for path in self.out.iterdir() if not path.name.endswith(".lock")}

    @property
    def said(self):
        return (self.log / "stderr").read_text("utf-8")


@pytest.fixture(scope="module")
def whole(dyag, tmp_path_factory):
    """The files of the runs that nobody killed, by method."""
    made = {}
    for method in METHODS:
        job = Job(dyag, tmp_path_factory.mktemp(method), method)
        assert job.run() == 0, job.said
        assert set(job.files) == set(FILES)
        made[method] = job.files
    return made


def assert_recovers(job, whole):
    """What is there is whole; after one more run everything is, and nothing else."""
    for name, content in job.files.items():
        if not name.startswith("."):
            assert content == whole[name], f"{name} was half there"
    assert job.run() == 0, job.said
    assert job.files == whole


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("file", FILES)
def test_killed_inside_a_write(dyag, whole, tmp_path, method, file):
    job = Job(dyag, tmp_path, method)
    assert job.run(kill={"write": f"*/.{file}.*", "bytes": 100}) in (-signal.SIGKILL, -signal.SIGXFSZ), job.said
    assert_recovers(job, whole[method])


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("file", FILES)
def test_killed_before_a_rename(dyag, whole, tmp_path, method, file):
    job = Job(dyag, tmp_path, method)
    assert job.run(kill={"before": "os.rename", "path": f"*/{file}"}) == -signal.SIGKILL, job.said
    assert file not in job.files
    assert_recovers(job, whole[method])


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("seed", [*range(2), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(2, 60))])
def test_killed_at_some_moment(dyag, whole, tmp_path, method, seed):
    job = Job(dyag, tmp_path, method)
    pid = dyag.start(job.log, *job.command)
    chance = random.Random(seed)
    dyag.until(job.out.exists)
    end = chance.random() * 0.4
    dyag.until(lambda: _spent(pid) >= end)
    os.killpg(pid, signal.SIGKILL)
    assert dyag.wait(pid) in (0, -signal.SIGKILL)
    assert_recovers(job, whole[method])


def _spent(pid):
    """Seconds of processor time that a process has used; infinite once it has ended."""
    fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rsplit(")", 1)[1].split()
    ended = fields[0] == "Z"
    return float("inf") if ended else (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
