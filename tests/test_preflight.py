"""Before training: room in memory and on disk, time by measured steps; numerics, trackers and clear ends."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from dyag_core.artifacts import read_json
from dyag_core.errors import GateError, ResourceError, UsageError
from dyag_core.models.memory import Batch, estimate_memory, weights_from, weights_of
from dyag_core.plugin.host import Plugins
from dyag_core.records import ModelShape
from dyag_core.records.options import FinetuneOptions
from dyag_core.stages.finetune import estimate, finetune
from dyag_core.training.passport import read_passport

OPTIONS = {"batch_size": 4, "save_every": 2, "learning_rate": 5e-3, "threads": 1}
QWEN = ModelShape(
    hidden=1536, intermediate=8960, layers=28, heads=12, key_value_heads=2, head=128, vocabulary=151936, tied=True
)


def write(path, count):
    rows = [
        {
            "messages": [
                {"role": "user", "content": f"Quelle est la licence de {'x' * (i % 7)}{i} ?"},
                {"role": "assistant", "content": f"LGPL-{i % 5}.0"},
            ]
        }
        for i in range(count)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


@pytest.fixture
def dataset(tmp_path):
    return write(tmp_path / "data_train.jsonl", 18)


@pytest.fixture
def train(tiny_model, dataset, tmp_path):
    def call(output="out", *, run=finetune, data=dataset, options=None, progress=None, **more):
        arguments = {"base_model": str(tiny_model), "epochs": 2} | more
        given = FinetuneOptions(options=OPTIONS | (options or {}), **arguments)
        return run(given, dataset=data, output=tmp_path / output, plugins=Plugins(), progress=progress)

    return call


def test_weights_are_counted_from_headers_and_from_shapes_alike(tiny_model):
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(tiny_model)
    found = weights_of(tiny_model)
    assert found.linear + found.other == sum(p.numel() for p in model.parameters())
    shape = ModelShape.from_config(read_json(tiny_model / "config.json"))
    implied = weights_from(shape)
    assert (implied.linear, implied.other) == (found.linear, found.other)
    assert implied.adapter(16, "all-linear") == found.adapter(16, "all-linear")
    assert found.adapter(4, ["q_proj"]) == 2 * 4 * (64 + 64)


def test_the_estimate_follows_its_formula():
    weights = weights_from(QWEN)
    assert weights.linear + weights.other == pytest.approx(1.54e9, rel=0.01)
    batch = Batch(examples=8, longest=128, tokens=1024, trained=256)

    def total(**more):
        return estimate_memory(QWEN, weights, batch, **({"device": "cuda", "dtype": "bfloat16"} | more))

    half, full, nf4 = total(), total(dtype="float32"), total(nf4=True)
    assert half.weights == 2 * (weights.linear + weights.other)
    assert full.weights == 2 * half.weights
    assert full.merged == 4 * QWEN.hidden * QWEN.intermediate
    assert half.merged == 0
    assert nf4.weights == pytest.approx(0.52 * weights.linear + 2 * weights.other, rel=1e-6)
    assert half.optimizer == 8 * weights.adapter(16, "all-linear")
    assert half.logits == 3 * 4 * 256 * QWEN.vocabulary
    assert sum(half.parts().values()) == half.total
    assert nf4.total < half.total < full.total


def test_an_estimate_says_what_it_takes_and_leaves_nothing_behind(train, tmp_path, dataset):
    before = sorted(tmp_path.rglob("*"))
    found = train(run=estimate)
    assert sorted(tmp_path.rglob("*")) == before
    assert found.steps == 10
    assert found.examples == 18
    assert found.measured_steps == 5
    assert found.seconds == pytest.approx(found.seconds_a_step * 10, abs=0.1)
    assert found.memory.total > found.memory.runtime > 0
    assert found.disk_needed > 10**6


def test_measured_steps_go_from_short_batches_to_long_ones_after_the_longest():
    from dyag_core.chat.template import TrainingIds
    from dyag_plugins.trainers.lora.encoding import Encoded
    from dyag_plugins.trainers.lora.timing import MEASURED, representative_order

    items = [TrainingIds([1] * n, [1] * n) for n in range(5, 105)]
    order = representative_order(Encoded(Path("x"), 512, items), 4, 2, seed=1)
    assert len(order) == (1 + MEASURED) * 2 * 4
    tokens = [sum(len(items[i].input_ids) for i in order[start : start + 4]) for start in range(0, len(order), 4)]
    assert tokens[0] == max(tokens)
    assert tokens[2:] == sorted(tokens[2:])
    mean = sum(tokens[2:]) / len(tokens[2:])
    assert mean == pytest.approx(4 * sum(len(item.input_ids) for item in items) / 100, rel=0.1)


def test_no_room_in_memory_stops_before_loading_with_what_to_change(train, tmp_path, monkeypatch):
    from dyag_plugins.trainers.lora import preflight

    monkeypatch.setattr(preflight, "memory_room", lambda device: 10**6)
    with pytest.raises(ResourceError, match=r"training needs about \d+ MB of memory on cpu, 1 MB are there") as caught:
        train()
    assert "--quantization nf4" in caught.value.hint
    assert not (tmp_path / "out" / "checkpoints").exists()
    assert train(options={"preflight": False}, epochs=1, output="anyway").steps == 5


def test_memory_that_is_tight_is_a_warning(train, tmp_path, monkeypatch, heard):
    from dyag_plugins.trainers.lora import preflight

    monkeypatch.setattr(preflight, "memory_room", lambda device: 750 * 10**6)
    assert train(progress=heard, epochs=1).steps == 5
    assert any("it may not fit" in line for line in heard.lines)


def test_no_room_on_disk_stops_before_loading(train, monkeypatch):
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=1000))
    with pytest.raises(ResourceError, match=r"need about \d+ MB on disk, 0 MB are free") as caught:
        train()
    assert caught.value.exit_code == 5


def test_the_time_of_the_whole_is_said_after_five_steps(train, heard):
    train(progress=heard)
    said = [line for line in heard.lines if line.startswith("about ")]
    assert len(said) == 1
    assert said[0].endswith("for 10 steps")


def losses(folder):
    return [row["loss"] for row in read_json(folder / "training_log.json")]


def optimizer_dtypes(folder):
    import torch

    state = torch.load(folder / "checkpoints" / "checkpoint-10" / "optimizer.pt", weights_only=True)["state"]
    return {tensor.dtype for entry in state.values() for key, tensor in entry.items() if key.startswith("exp_avg")}


def adapter_dtypes(folder):
    from safetensors.torch import load_file

    return {tensor.dtype for tensor in load_file(folder / "final" / "adapter_model.safetensors").values()}


def test_bfloat16_keeps_the_adapter_and_its_optimizer_in_float32(train, tmp_path):
    import torch

    train("full", options={"dtype": "float32"})
    trained = train("half", options={"dtype": "bfloat16"})
    assert trained.resolved["dtype"] == "bfloat16"
    assert adapter_dtypes(tmp_path / "half") == {torch.float32}
    assert optimizer_dtypes(tmp_path / "half") == {torch.float32}
    assert losses(tmp_path / "half") == pytest.approx(losses(tmp_path / "full"), rel=0.05)
    assert losses(tmp_path / "half") != losses(tmp_path / "full")


def test_a_cpu_trains_in_bfloat16_only_where_it_computes_in_it(tmp_path, monkeypatch):
    from dyag_core.models import hardware
    from dyag_plugins.trainers.lora.device import choose_dtype

    info = tmp_path / "cpuinfo"
    monkeypatch.setattr(hardware, "_CPUINFO", info)
    for flags, dtype in (("fpu avx512_bf16", "bfloat16"), ("fpu amx_bf16", "bfloat16"), ("fpu avx512f", "float32")):
        info.write_text(f"processor : 0\nflags\t\t: {flags}\n", "utf-8")
        assert choose_dtype("auto", "cpu") == dtype
    assert choose_dtype("float32", "cpu") == "float32"


def test_a_container_s_limit_counts(tmp_path, monkeypatch):
    from dyag_core.models import hardware

    monkeypatch.setattr(hardware, "_CGROUP", tmp_path)
    whole = hardware.available_memory()
    (tmp_path / "memory.max").write_text("2000000\n")
    (tmp_path / "memory.current").write_text("1500000\n")
    (tmp_path / "memory.stat").write_text("anon 5\ninactive_file 400000\n")
    assert hardware.available_memory() == 900000
    (tmp_path / "memory.max").write_text("max\n")
    assert hardware.available_memory() == pytest.approx(whole, rel=0.5)


@pytest.mark.parametrize("variant", ["rslora", "dora"])
def test_lora_variants_train_and_answer(train, tmp_path, tiny_model, variant):
    trained = train(options={variant: True})
    config = read_json(trained.folder / "adapter_config.json")
    assert config[f"use_{variant}"]
    assert trained.final_loss < trained.first_loss
    answer(tiny_model, trained.folder)


def answer(base, folder):
    """One reply from the adapter on its unquantised base; the engine checks that it is in."""
    from dyag_core.plugin.run import Run
    from dyag_core.records import Decoding, Message

    plugins = Plugins()
    run = Run(stage="query", folder=folder, plugins=plugins)
    engine = plugins.engine(plugins.choose("engines", "transformers"), str(base), folder, run)
    prompt = [Message(role="user", content="Quelle est la licence de 3 ?")]
    [(_, reply)] = engine.answer([prompt], Decoding(max_new_tokens=4))
    engine.close()
    assert reply.error is None
    return reply


def test_nf4_trains_on_the_cpu_and_answers_on_the_whole_base(train, make_model, tmp_path):
    import torch

    pytest.importorskip("bitsandbytes")
    base = make_model("wide", hidden_size=128, intermediate_size=256)
    trained = train(base_model=str(base), options={"quantization": "nf4"})
    assert trained.resolved["quantization"] == "nf4"
    assert read_passport(trained.folder).options["quantization"] == "nf4"
    assert trained.final_loss < trained.first_loss
    assert adapter_dtypes(tmp_path / "out") == {torch.float32}
    assert optimizer_dtypes(tmp_path / "out") == {torch.float32}
    answer(base, trained.folder)


def test_nf4_without_bitsandbytes_says_what_to_install(train, monkeypatch):
    import importlib.util

    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *a: None if name == "bitsandbytes" else found(name, *a)
    )
    with pytest.raises(UsageError, match="bitsandbytes") as caught:
        train(options={"quantization": "nf4"})
    assert 'pip install "dyag[nf4]"' in caught.value.hint


def test_auto_takes_nf4_only_where_the_rest_would_not_fit(tiny_model, dataset, monkeypatch, tmp_path):
    from dyag_core.records import BaseModelPreset, TrainingJob
    from dyag_plugins.trainers.lora import preflight, quantization
    from dyag_plugins.trainers.lora.device import Numerics

    preset = BaseModelPreset.from_folder(tiny_model)
    job = TrainingJob(
        dataset=dataset,
        validation=None,
        output=tmp_path / "out",
        base_model=preset,
        base_path=str(tiny_model),
        epochs=1,
        resume="auto",
        seed=1,
        fingerprint={},
    )
    plan = preflight.Plan(Numerics("cpu", "float32", "auto"), 4, "all-linear", Batch(2, 9, 18, 4), True, 2)
    monkeypatch.setattr(quantization, "is_there", lambda device: True)
    for room, chosen in ((10**12, "none"), (10**6, "nf4")):
        monkeypatch.setattr(preflight, "memory_room", lambda device, room=room: room)
        numerics, found = preflight.look(job, plan)
        assert numerics.quantization == chosen
        assert found.memory.quantization == chosen
    monkeypatch.setattr(quantization, "is_there", lambda device: False)
    assert preflight.look(job, plan)[0].quantization == "none"


def test_a_missing_tracker_is_one_line_with_the_command(train, monkeypatch):
    import importlib.util

    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *a: None if name == "trackio" else found(name, *a))
    with pytest.raises(UsageError, match="trackio") as caught:
        train(options={"report_to": "trackio"})
    assert caught.value.hint == "pip install trackio"
    with pytest.raises(UsageError, match="report_to"):
        train(options={"report_to": "wandb"})


def test_tensorboard_gets_the_loss(train, tmp_path):
    pytest.importorskip("tensorboard")
    train(options={"report_to": "tensorboard"}, epochs=1)
    assert list((tmp_path / "out" / "checkpoints").rglob("events.out.tfevents.*"))


def test_options_that_change_no_result_do_not_stop_a_resumption(train, heard):
    train()
    train(options={"keep_checkpoints": 5, "preflight": False}, progress=heard)
    assert any("is complete" in line for line in heard.lines)


def test_all_examples_too_long(train):
    with pytest.raises(GateError, match="no example is left: all are longer than 8 tokens"):
        train(options={"max_length": 8, "on_overflow": "drop"})


def test_a_learning_rate_that_explodes_ends_clearly(train):
    from dyag_core.errors import DyagError

    with pytest.raises(DyagError, match="the loss became") as caught:
        train(options={"learning_rate": 1e30, "schedule": "constant", "warmup": 0}, epochs=8)
    assert "learning_rate" in caught.value.hint


def test_a_full_disk_leaves_the_last_checkpoint_whole(train, tmp_path, dataset, tiny_model):
    """The kernel refuses files above a size: torch and safetensors each say it in their own way."""
    whole = train("whole")
    script = (
        "import json, resource, signal, sys; from pathlib import Path;"
        "from dyag_core.errors import DyagError; from dyag_core.plugin.host import Plugins;"
        "from dyag_core.records.options import FinetuneOptions; from dyag_core.stages.finetune import finetune;"
        "from dyag_plugins.trainers.lora.checkpoints import Checkpoints; seal = Checkpoints.seal\n"
        "limit = int(sys.argv[5])\n"
        "def seal_and_fill(self, *a):\n"
        "    seal(self, *a)\n"
        "    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))\n"
        "Checkpoints.seal = seal_and_fill\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "try: finetune(FinetuneOptions(base_model=sys.argv[3], epochs=2, options=json.loads(sys.argv[4])),"
        "dataset=Path(sys.argv[1]), output=Path(sys.argv[2]), plugins=Plugins())\n"
        "except DyagError as error: print(error.message, error.hint); sys.exit(error.exit_code)\n"
    )
    for limit in (1000, 60_000):  # the adapter does not fit; the adapter does, its optimizer does not
        out = tmp_path / f"full {limit}"
        command = [
            sys.executable,
            "-c",
            script,
            str(dataset),
            str(out),
            str(tiny_model),
            json.dumps(OPTIONS),
            str(limit),
        ]
        done = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"})
        assert done.returncode == 5, done.stderr[-2000:]
        assert "no room to write" in done.stdout
        resumed = train(out.name)
        assert resumed.resumed_from_step == 2
        assert resumed.final_loss == pytest.approx(whole.final_loss, abs=1e-6)


def test_real_out_of_memory_texts_are_understood():
    from dyag_plugins.trainers.lora.device import memory_errors

    texts = (
        "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 7.79 GiB.",
        "MPS backend out of memory (MPS allocated: 8.00 GB, other allocations: 1.00 GB, max allowed: 9.07 GB).",
        "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to "
        "allocate 34359738368 bytes. Error code 12 (Cannot allocate memory)",
    )
    for text in texts:
        with pytest.raises(ResourceError, match="out of memory"), memory_errors():
            raise RuntimeError(text)


def test_doctor_says_what_can_be_trained():
    from dyag_core.doctor import examine

    found = {finding.name: finding for finding in examine()}
    for name in ("qwen2.5-1.5b", "llama3.1-8b", "smollm2-135m"):
        line = next(f.found for n, f in found.items() if n.startswith("train ") and n.replace(":", "-").endswith(name))
        assert all(kind in line for kind in ("fp32", "bf16", "nf4"))
        assert any(verdict in line for verdict in ("fits", "does not fit", "unknown"))


def test_the_estimate_command_prints_one_table_or_one_json_document(dataset, tiny_model, tmp_path):
    from click.testing import CliRunner

    from dyag_core.cli.finetune import command

    call = ["--dataset", str(dataset), "--output", str(tmp_path / "out"), "--base-model", str(tiny_model), "--estimate"]
    text = CliRunner().invoke(command, [*call, "-o", "threads=1"], catch_exceptions=False)
    assert "memory: estimate" in text.stdout
    assert "the whole run" in text.stdout
    document = CliRunner().invoke(command, [*call, "--json", "-o", "threads=1"], catch_exceptions=False)
    assert json.loads(document.stdout)["steps"] == 9
    assert not (tmp_path / "out").exists()
