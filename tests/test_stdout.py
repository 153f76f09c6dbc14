"""stdout carries a command's result and nothing else, whatever the plugins of the run print."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

NOISY = """
import sys
from dyag_core import Example, MetricResult, Report, hookimpl

print("noise: imported")

class Generator:
    @hookimpl
    def dyag_generate(self, documents):
        print("noise: generator starts")
        for document in documents:
            print("noise: document")
            yield Example(question=f"Which licence has {document.title}?", answer="MIT", document=document)

class Metric:
    @hookimpl
    def dyag_score(self, predictions):
        sys.stdout.write("noise: metric\\n")
        return MetricResult(name="noisy", items=[1.0 for _ in predictions])

class Hook:
    @hookimpl
    def dyag_after_stage(self, stage):
        print("noise: hook after", stage)
"""
POINTS = """
[dyag.generators]
noisy = acme_noisy:Generator
[dyag.metrics]
noisy = acme_noisy:Metric
[dyag.hooks]
noisy = acme_noisy:Hook
"""


@pytest.fixture
def dyag(tmp_path: Path):
    """Commands in a process of their own, in a folder with one document, beside plugins that print."""
    site = tmp_path / "site"
    info = site / "acme_noisy-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-noisy\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(POINTS)
    (site / "acme_noisy.py").write_text(NOISY)
    (tmp_path / "d.jsonl").write_text('{"id": "a", "content": "# Ada\\n\\n- Licence: MIT\\n"}\n', encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(site), os.environ.get("PYTHONPATH", "")])}

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "dyag_core.cli", *arguments]
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, encoding="utf-8", timeout=120
        )
        assert done.returncode == 0, done.stderr
        return done

    return run


def test_what_a_generator_and_a_hook_print_does_not_mix_with_the_json(dyag) -> None:
    done = dyag("generate-training", "d.jsonl", "--method", "noisy", "--lang", "en", "--output", "o.jsonl", "--json")
    assert json.loads(done.stdout)["written"] == 1
    for noise in ("imported", "generator starts", "document", "hook after generate"):
        assert f"noise: {noise}" in done.stderr


def test_what_a_metric_prints_does_not_mix_with_the_table(dyag, tmp_path: Path) -> None:
    for arm in "ab":
        item = {"id": "1", "question": "q", "expected_answer": "x", "generated_answer": "x", "exact_match": True}
        (tmp_path / f"{arm}.json").write_text(f'{{"metadata": {{}}, "metrics": {{}}, "results": [{json.dumps(item)}]}}')
    command = ["compare-models", "--results", "a=a.json", "--results", "b=b.json", "--output", "c", "--force"]
    done = dyag(*command, "--metric", "noisy", "--lang", "en")
    assert "noise: metric" in done.stderr
    assert "noise" not in done.stdout.replace("noisy", "")
    assert json.loads(dyag(*command, "--metric", "noisy", "--lang", "en", "--json").stdout)["arms"]


@pytest.mark.skipif(os.name == "nt", reason="a shell that closes a stream")
def test_a_stdout_that_is_closed_loses_nothing(tmp_path: Path) -> None:
    (tmp_path / "d.jsonl").write_text('{"id": "a", "content": "# Ada\\n\\n- Licence: MIT\\n"}\n', encoding="utf-8")
    command = f'"{sys.executable}" -m dyag_core.cli generate-training d.jsonl --lang en --output o.jsonl --json >&-'
    done = subprocess.run(["sh", "-c", command], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert (done.returncode, "Traceback" in done.stderr) == (0, False)
    assert (tmp_path / "o.jsonl").stat().st_size
