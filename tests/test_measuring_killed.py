"""evaluate and compare-models that are killed anywhere: nothing is asked twice, no file is half there."""

from __future__ import annotations

import json
import os
import signal
import time

import pytest

from dyag_core.artifacts import read_json

QUESTIONS = 40
KILLED = (-signal.SIGKILL, -signal.SIGXFSZ)
ARMS = ("base", "rag")


class Job:
    """One `dyag evaluate` command on a tiny model, typed as often as needed."""

    def __init__(self, dyag, folder, model):
        self.dyag, self.log, self.out = dyag, folder / "log", folder / "out"
        names = [f"Tool{n}" for n in range(QUESTIONS)]
        documents = [{"id": name, "name": name, "content": f"{name} has the licence MIT."} for name in names]
        asked = [
            {"id": name, "question": f"Which licence has {name}?", "expected_answer": "MIT", "document": name}
            for name in names
        ]
        for file, rows in (("documents", documents), ("questions", asked)):
            (folder / f"{file}.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
        index = folder / "index"
        if not index.exists():
            assert dyag(self.log, "index-rag", folder / "documents.jsonl", "--output", index) == 0
        self.command = ["evaluate", folder / "questions.jsonl", "--arms", ",".join(ARMS), "--base-model", model]
        self.command += ["--index", index, "--output", self.out / "r", "--max-new-tokens", "6"]
        self.command += ["-o", "batch_size=4", "-o", "device=cpu"]

    def run(self, **order):
        return self.dyag(self.log, *self.command, **order)

    @property
    def answered(self):
        """Key -> reply of every whole line in the journals; a key stands there once."""
        found = {}
        for journal in self.out.glob(".*.journal.jsonl"):
            for line in journal.read_bytes().split(b"\n")[:-1]:
                row = json.loads(line)
                assert row["key"] not in found, "asked twice"
                found[row["key"]] = row["value"]
        return found

    @property
    def results(self):
        return {arm: read_json(self.out / f"r_{arm}.json") for arm in ARMS}

    @property
    def said(self):
        return (self.log / "stderr").read_text("utf-8")


@pytest.fixture(scope="module")
def whole(dyag, tmp_path_factory, tiny_model):
    """The results of a run that nobody killed, and how long its journals grew."""
    job = Job(dyag, tmp_path_factory.mktemp("whole"), tiny_model)
    assert job.run(kill={"before": "os.remove", "path": "*.journal.jsonl"}) == -signal.SIGKILL, job.said
    assert len(job.answered) == len(ARMS) * QUESTIONS
    sizes = {arm: (job.out / f".r_{arm}.json.journal.jsonl").stat().st_size for arm in ARMS}
    assert job.run() == 0, job.said
    return job.results, sizes


def assert_same(job, whole, kept):
    """The results are those of the unkilled run, and what was answered before the kills was not asked again."""
    times = [item["time_seconds"] for arm in ARMS for item in job.results[arm]["results"]]
    assert all(reply["seconds"] + reply["retrieval_seconds"] in times for reply in kept.values())
    for arm, results in job.results.items():
        assert results["metrics"]["total_questions"] == QUESTIONS
        assert all(summary["n"] in (0, QUESTIONS) for summary in results["metrics"]["summaries"].values())
        assert without_times(results) == without_times(whole[arm])
    assert {path.name for path in job.out.iterdir() if not path.name.endswith(".lock")} == {
        *(f"r_{arm}.json" for arm in ARMS),
        "r.manifest.json",
    }


def without_times(value):
    if isinstance(value, dict):
        return {key: without_times(part) for key, part in value.items() if "seconds" not in key}
    return [without_times(part) for part in value] if isinstance(value, list) else value


@pytest.mark.parametrize("kills", [5, pytest.param(50, marks=pytest.mark.slow)])
def test_evaluate_killed_inside_its_journals(dyag, whole, tmp_path, tiny_model, kills):
    """Killed after N bytes, run again, killed further on: so many times in each arm's journal."""
    results, sizes = whole
    job = Job(dyag, tmp_path, tiny_model)
    kept = {}
    for arm in ARMS:
        for place in range(1, kills + 1):
            end = sizes[arm] * place // (kills + 1)
            assert job.run(kill={"write": f"*/.r_{arm}.json.journal.jsonl", "bytes": end}) in KILLED, job.said
            now = job.answered
            assert kept.items() <= now.items(), "an answer that was kept is gone"
            kept = now
    assert job.run() == 0, job.said
    assert_same(job, results, kept)


@pytest.mark.parametrize("file", ["r_base.json", "r_rag.json", "r.manifest.json"])
@pytest.mark.parametrize("place", ["write", "rename"])
def test_evaluate_killed_while_it_writes_its_files(dyag, whole, tmp_path, tiny_model, file, place):
    job = Job(dyag, tmp_path, tiny_model)
    inside = {"write": f"*/.{file}.*.tmp", "bytes": 200}
    kill = inside if place == "write" else {"before": "os.rename", "path": f"*/{file}"}
    assert job.run(kill=kill) in KILLED, job.said
    assert not (job.out / file).exists()
    kept = job.answered
    assert len(kept) == len(ARMS) * QUESTIONS
    assert job.run() == 0, job.said
    assert_same(job, whole[0], kept)


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_evaluate_interrupted(dyag, whole, tmp_path, tiny_model, sent, code):
    job = Job(dyag, tmp_path, tiny_model)
    slow = [*job.command, "-o", "batch_size=1", "--max-new-tokens", "300"]
    pid = dyag.start(job.log, *slow)
    dyag.until(lambda: len(job.answered) > 1)
    began = time.monotonic()
    os.kill(pid, sent)
    assert dyag.wait(pid) == code, job.said
    assert time.monotonic() - began < 5
    assert 1 < len(job.answered) < len(ARMS) * QUESTIONS
    assert "Traceback" not in job.said
    assert not list(job.out.glob("r_*.json"))


@pytest.fixture(scope="module")
def compared(dyag, whole, tmp_path_factory):
    """A folder with the results of two arms, of two pairs that differ, and the reports of both."""
    folder = tmp_path_factory.mktemp("compare")
    reports = {}
    for name, right in (("old", 10), ("new", 30)):
        for arm, results in whole[0].items():
            changed = json.loads(json.dumps(results))
            for place, item in enumerate(changed["results"]):
                score = float(place < (right if arm == "rag" else 5))
                item["metrics"] = dict.fromkeys(item["metrics"], score) | {"answer_length": 2.0}
            (folder / f"{name}_{arm}.json").write_text(json.dumps(changed), encoding="utf-8")
        out = folder / f"reports-{name}"
        assert dyag(folder / "log", *compare(folder, name, out)) == 0, (folder / "log" / "stderr").read_text("utf-8")
        reports[name] = {path.name: path.read_bytes() for path in visible(out)}
    return folder, reports


def compare(folder, name, out):
    results = [part for arm in ARMS for part in ("--results", f"{arm}={folder / f'{name}_{arm}.json'}")]
    return ["compare-models", *results, "--output", out / "c", "--format", "all", "--lang", "en"]


def visible(folder):
    return [path for path in folder.iterdir() if not path.name.startswith(".") and not path.name.endswith(".lock")]


@pytest.mark.parametrize("file", ["c.md", "c.json", "c.html", "c.manifest.json"])
@pytest.mark.parametrize("place", ["write", "rename"])
def test_compare_killed_leaves_each_file_old_or_new(dyag, compared, tmp_path, file, place):
    folder, reports = compared
    out = folder / f"out-{place}-{file}"  # beside the whole reports: manifests name their inputs from where they are
    out.mkdir()
    for name, content in reports["old"].items():
        (out / name).write_bytes(content)
    inside = {"write": f"*/.{file}.*.tmp", "bytes": 200}
    kill = inside if place == "write" else {"before": "os.rename", "path": f"*/{file}"}
    assert dyag(tmp_path / "log", *compare(folder, "new", out), kill=kill) in KILLED
    for path in visible(out):
        assert path.read_bytes() in (reports["old"][path.name], reports["new"][path.name]), f"{path.name} is half there"
    assert (out / file).read_bytes() == reports["old"][file]
    assert dyag(tmp_path / "log", *compare(folder, "new", out)) == 0
    assert {path.name: path.read_bytes() for path in visible(out)} == reports["new"]
    assert not [path for path in out.iterdir() if path.name.endswith(".tmp")]
