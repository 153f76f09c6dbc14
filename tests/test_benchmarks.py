"""The benchmarks run from end to end on tiny models, and compare like with like."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"


def bench(script, output, *arguments):
    command = [sys.executable, str(BENCHMARKS / script), "--output", str(output), *map(str, arguments)]
    quiet = {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(command, env=os.environ | quiet, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.mark.slow
def test_train_compares_dyag_and_trl_on_the_same_batches(tiny_model, tmp_path):
    arguments = ["--model", tiny_model, "--data", "shared", "--trl", "trl-fp32", "--steps", 6, "--block", 2]
    said = bench("train.py", tmp_path / "out", *arguments)
    result = json.loads((tmp_path / "out" / "train.json").read_text("utf-8"))
    figures = result["data"]["shared"]
    assert figures["shared_tokens"] == pytest.approx(102, abs=8)
    ours, theirs = (figures["contenders"][who]["losses"] for who in ("dyag", "trl-fp32"))
    assert ours == pytest.approx(theirs, rel=1e-3)
    assert len(ours) == 6
    assert figures["same_loss"]
    assert figures["ratio"]["min"] <= figures["ratio"]["median"] <= figures["ratio"]["max"]
    assert figures["contenders"]["dyag"]["peak_memory_mb"] > 100
    assert 0 < figures["contenders"]["dyag"]["share_of_peak"] < 1
    table = (tmp_path / "out" / "train.md").read_text("utf-8")
    assert table in said
    for secret in (str(tmp_path), str(tiny_model), os.uname().nodename):
        assert secret not in table + json.dumps(result)


@pytest.mark.slow
def test_shapes_trains_an_epoch_of_each_shape(tmp_path):
    bench("shapes.py", tmp_path / "out", "--quick", "--shapes", "Qwen2.5-1.5B", "--trl", "trl-fp32")
    result = json.loads((tmp_path / "out" / "shapes.json").read_text("utf-8"))
    runs = result["shapes"]["Qwen2.5-1.5B"]["contenders"]
    assert set(runs) == {"dyag", "trl-fp32"}
    assert runs["dyag"]["last_loss"] == pytest.approx(runs["trl-fp32"]["last_loss"], rel=0.01)
    assert 0 < runs["dyag"]["training_seconds"] < runs["dyag"]["whole_seconds"]


@pytest.mark.slow
def test_evaluate_asks_everybody_the_same(tiny_model, tmp_path):
    arguments = ["--base-model", tiny_model, "--block", 5, "--chats", 2, "--max-new-tokens", 6, "--quantization", "f16"]
    said = bench("evaluate.py", tmp_path / "out", *arguments)
    result = json.loads((tmp_path / "out" / "evaluate.json").read_text("utf-8"))
    assert result["questions"] == 20
    for part in ("evaluating", "chat"):
        assert set(result[part]) == {"plain loop", "transformers", "llamacpp"}
        assert all(run["ratio"]["min"] <= run["ratio"]["max"] for run in result[part].values())
    assert result["evaluating"]["transformers"]["same_answers"] == 1
    assert result["evaluating"]["llamacpp"]["same_answers"] >= 0.95
    assert all(run["first_token_seconds"]["min"] > 0 for run in result["chat"].values())
    table = (tmp_path / "out" / "evaluate.md").read_text("utf-8")
    assert table in said
    for secret in (str(tmp_path), str(tiny_model), os.uname().nodename):
        assert secret not in table + json.dumps(result)


@pytest.mark.slow
def test_scale_builds_asks_and_updates_each_size(tmp_path):
    said = bench("scale.py", tmp_path / "out", "--sizes", 300, 900)
    runs = json.loads((tmp_path / "out" / "scale.json").read_text("utf-8"))
    assert [run["chunks"] for run in runs] == [300, 900]
    assert all(run[step] > 0 for run in runs for step in ("index", "open", "first", "question", "update", "size_mb"))
    assert (tmp_path / "out" / "scale.md").read_text("utf-8") in said
    assert "exponent of growth" in said
    assert (tmp_path / "out" / "scale.svg").read_text("utf-8").startswith("<?xml")
