"""Fine-tuning on a tiny model: exact, resumable, refused where it would go wrong."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from dyag_core.artifacts import read_json
from dyag_core.chat.template import IGNORED, TrainingIds
from dyag_core.errors import DyagError, GateError, LockedError, UsageError
from dyag_core.plugin.host import Plugins
from dyag_core.plugin.run import Run
from dyag_core.records.options import FinetuneOptions
from dyag_core.stages.finetune import finetune
from dyag_core.training.passport import read_passport, resolve_base

OPTIONS = {"batch_size": 4, "save_every": 2, "learning_rate": 5e-3, "threads": 1}


def rows(count, stratum=None):
    return [
        {
            "messages": [
                {"role": "system", "content": "Réponds brièvement."},
                {"role": "user", "content": f"Quelle est la licence de {'x' * (i % 7)}{i} ?"},
                {"role": "assistant", "content": f"LGPL-{i % 5}.0"},
            ],
            "meta": {"stratum": stratum},
        }
        for i in range(count)
    ]


def contradicting_rows():
    """Validation rows that the model gets worse at, the longer it trains."""
    contradiction = rows(4, "recall")
    for row in contradiction:
        row["messages"][2]["content"] = "xylophone"
    return contradiction


def write(path, data):
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in data), "utf-8")
    return path


@pytest.fixture
def dataset(tmp_path):
    return write(tmp_path / "data_train.jsonl", rows(18))


@pytest.fixture
def train(tiny_model, dataset, tmp_path):
    def call(output="out", *, data=dataset, options=None, progress=None, **more):
        arguments = {"base_model": str(tiny_model), "epochs": 2} | more
        given = FinetuneOptions(options=OPTIONS | (options or {}), **arguments)
        return finetune(given, dataset=data, output=tmp_path / output, plugins=Plugins(), progress=progress)

    return call


@pytest.fixture(scope="module")
def whole(tiny_model, tmp_path_factory):
    """The folder of the run that nobody stopped, and its result."""
    folder = tmp_path_factory.mktemp("whole")
    data = write(folder / "data_train.jsonl", rows(18))
    output = folder / "out"
    given = FinetuneOptions(base_model=str(tiny_model), epochs=2, options=OPTIONS)
    trained = finetune(given, dataset=data, output=output, plugins=Plugins())
    return output, trained


def adapter(folder):
    from safetensors.torch import load_file

    return load_file(folder / "final" / "adapter_model.safetensors")


def log(folder):
    """The loss log without times."""
    return [{key: row[key] for key in row if key != "seconds"} for row in read_json(folder / "training_log.json")]


def assert_same_run(one, other):
    import torch

    first, second = adapter(one), adapter(other)
    assert first.keys() == second.keys()
    for name, tensor in first.items():
        assert torch.allclose(tensor, second[name], atol=1e-6), name
    assert log(one) == log(other)


def test_training_leaves_an_adapter_its_passport_and_its_curve(train, tmp_path, tiny_model, heard):
    trained = train(progress=heard)
    out = tmp_path / "out"
    assert trained.folder == out / "final"
    assert trained.steps == 10
    assert trained.final_loss < trained.first_loss
    assert any("⟦LGPL-0.0<|im_end|>⟧" in line for line in heard.lines)
    left = {path.name for path in trained.folder.iterdir()}
    assert {"adapter_model.safetensors", "adapter_config.json", "tokenizer.json", "dyag.json"} <= left
    assert "README.md" not in left
    passport = read_passport(out)
    assert passport == read_passport(out / "final")
    assert passport.system_prompt == "Réponds brièvement."
    assert passport.lang == "fr"
    assert passport.data["train"]["rows"] == 18
    assert passport.options["learning_rate"] == 5e-3
    assert len((trained.folder / "trained_questions.txt").read_text("utf-8").split()) == 18
    assert [row["step"] for row in log(out)] == list(range(1, 11))
    assert (out / "training_curve.svg").read_text("utf-8").startswith("<svg")
    for path in out.rglob("*"):
        if path.is_file():
            assert str(tmp_path).encode() not in path.read_bytes(), f"{path} holds an absolute path"
            assert str(tiny_model).encode() not in path.read_bytes(), f"{path} holds an absolute path"


def test_the_adapter_loads_with_plain_peft_and_changes_the_model(train, tiny_model):
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    trained = train()
    ids = torch.arange(10).unsqueeze(0)
    base = AutoModelForCausalLM.from_pretrained(tiny_model)
    with torch.inference_mode():
        before = base(input_ids=ids).logits
        after = PeftModel.from_pretrained(base, trained.folder)(input_ids=ids).logits
    assert not torch.allclose(before, after)


def test_our_loss_is_the_library_s_own(tiny_model, dataset):
    """Logits at trained positions alone give the loss and the gradients of the whole."""
    import torch
    from torch.nn.functional import cross_entropy
    from transformers import AutoModelForCausalLM

    from dyag_core.models.sources import load_tokenizer
    from dyag_plugins.trainers.lora import encoding
    from dyag_plugins.trainers.lora.sft_trainer import trainer_class

    tokenizer = load_tokenizer(str(tiny_model))
    encoded = encoding.encode(dataset, tokenizer, 512, "error")
    batch = encoding.collate(
        [{"input_ids": item.input_ids, "labels": item.labels} for item in encoded.items[:5]], tokenizer.pad_token_id
    )
    losses, gradients = [], []
    for ours in (True, False):
        model = AutoModelForCausalLM.from_pretrained(tiny_model)
        if ours:
            loss = trainer_class().compute_loss(None, model, dict(batch))
        else:
            logits = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits
            loss = cross_entropy(logits[:, :-1].flatten(0, 1), batch["labels"][:, 1:].flatten())
        loss.backward()
        losses.append(loss.item())
        gradients.append(model.model.layers[0].self_attn.q_proj.weight.grad)
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    assert torch.allclose(*gradients, rtol=1e-4, atol=1e-7)


def test_padding_is_masked_and_carries_no_loss():
    from dyag_plugins.trainers.lora.encoding import collate

    short, long = TrainingIds([5, 6], [IGNORED, 6]), TrainingIds([5, 6, 7, 8], [IGNORED, IGNORED, 7, 8])
    batch = collate([{"input_ids": i.input_ids, "labels": i.labels} for i in (short, long)], pad=6)
    assert batch["input_ids"].tolist() == [[5, 6, 6, 6], [5, 6, 7, 8]]
    assert batch["attention_mask"].tolist() == [[1, 1, 0, 0], [1, 1, 1, 1]]
    assert batch["labels"].tolist() == [[IGNORED, 6, IGNORED, IGNORED], [IGNORED, IGNORED, 7, 8]]


def test_batches_hold_like_lengths_and_every_example_once():
    from dyag_plugins.trainers.lora.encoding import LikeLengths

    lengths = [10 + (i * 37) % 90 for i in range(100)]
    order = LikeLengths(lengths, 8, seed=1)
    first = list(order)
    assert sorted(first) == list(range(100))
    assert first == list(LikeLengths(lengths, 8, seed=1))
    order.set_epoch(1)
    assert list(order) != first

    def padding(indices):
        batches = [[lengths[i] for i in indices[start : start + 8]] for start in range(0, 100, 8)]
        return sum(max(batch) * len(batch) - sum(batch) for batch in batches)

    assert padding(first) < padding(range(100)) / 3


def test_packed_and_padded_training_go_the_same_way(train, tmp_path):
    logs = []
    for packing in (True, False):
        train(f"packing {packing}", options={"packing": packing})
        rows = json.loads((tmp_path / f"packing {packing}" / "training_log.json").read_text(encoding="utf-8"))
        logs.append([row["loss"] for row in (rows["log"] if isinstance(rows, dict) else rows) if "loss" in row])
    assert logs[0] == pytest.approx(logs[1], rel=1e-3)
    assert len(logs[0]) > 5


@pytest.mark.parametrize("stop_at", [1, 3, 7])
def test_a_stopped_run_goes_on_to_the_same_adapter(train, whole, tmp_path, monkeypatch, stop_at):
    with monkeypatch.context() as patched:
        _interrupt_at(patched, stop_at)
        with pytest.raises(KeyboardInterrupt):
            train("stopped")
    assert not (tmp_path / "stopped" / "final").exists()
    resumed = train("stopped")
    assert resumed.resumed_from_step == stop_at
    assert resumed.steps == whole[1].steps
    assert_same_run(whole[0], tmp_path / "stopped")


def test_a_stopped_run_with_validation_keeps_the_same_best_adapter(train, dataset, tmp_path, monkeypatch):
    write(tmp_path / "data_val.jsonl", contradicting_rows())
    options = {"learning_rate": 0.05, "patience": 0}
    train("whole", options=options, epochs=2)
    with monkeypatch.context() as patched:
        _interrupt_at(patched, 4)
        with pytest.raises(KeyboardInterrupt):
            train("stopped", options=options, epochs=2)
    assert not (tmp_path / "stopped" / "checkpoints" / "best").exists()  # no epoch was over
    assert train("stopped", options=options, epochs=2).resumed_from_step == 4
    assert_same_run(tmp_path / "whole", tmp_path / "stopped")


def test_a_damaged_best_adapter_is_named_and_never_loaded(tiny_model, tmp_path, heard):
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    from dyag_plugins.trainers.lora.adapter import put_best, save_best

    model = get_peft_model(AutoModelForCausalLM.from_pretrained(tiny_model), LoraConfig(task_type="CAUSAL_LM"))
    trained = [weight for weight in model.parameters() if weight.requires_grad]
    save_best(model, tmp_path / "best")
    with torch.no_grad():
        for weight in trained:
            weight += 1
    last = [weight.clone() for weight in trained]
    weights = tmp_path / "best" / "adapter_model.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-3] + bytes([whole[-3] ^ 1]) + whole[-2:])
    run = Run(stage="finetune", folder=tmp_path, plugins=Plugins(), progress=heard)
    put_best(model, tmp_path / "best", run)
    assert any("best" in line and "damaged" in line for line in heard.lines)
    assert all(torch.equal(one, other) for one, other in zip(trained, last, strict=True))
    weights.write_bytes(whole)
    put_best(model, tmp_path / "best", run)
    assert not any(torch.equal(one, other) for one, other in zip(trained, last, strict=True))


def test_sigkill_in_the_middle_of_an_epoch_loses_nothing(train, tmp_path, dataset, tiny_model):
    train("whole", epochs=4)
    script = (
        "import sys, json; from pathlib import Path; from dyag_core.plugin.host import Plugins;"
        "from dyag_core.records.options import FinetuneOptions; from dyag_core.stages.finetune import finetune;"
        "finetune(FinetuneOptions(base_model=sys.argv[3], epochs=4, options=json.loads(sys.argv[4])),"
        "dataset=Path(sys.argv[1]), output=Path(sys.argv[2]), plugins=Plugins())"
    )
    out = tmp_path / "killed"
    command = [sys.executable, "-c", script, str(dataset), str(out), str(tiny_model), json.dumps(OPTIONS)]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, env=os.environ | {"OMP_NUM_THREADS": "1"})
    deadline = time.monotonic() + 90
    while not list(out.glob("checkpoints/checkpoint-*/dyag-checkpoint.json")) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.kill()
    process.wait()
    if (out / "final" / "dyag.json").exists():
        pytest.skip("the machine was faster than the signal")
    resumed = train("killed", epochs=4)
    assert resumed.resumed_from_step
    assert_same_run(tmp_path / "whole", out)


def test_sigterm_saves_and_leaves_with_143(train, tmp_path, monkeypatch):
    with monkeypatch.context() as patched:
        _interrupt_at(patched, 3, signal.SIGTERM)
        with pytest.raises(SystemExit) as caught:
            train("out")
    assert caught.value.code == 143
    assert (tmp_path / "out" / "checkpoints" / "checkpoint-3" / "dyag-checkpoint.json").is_file()
    assert train("out").resumed_from_step == 3


@pytest.mark.parametrize("damage", ["half", "missing", "bit", "marker"])
def test_a_damaged_checkpoint_is_named_and_the_one_before_is_used(train, whole, tmp_path, monkeypatch, damage, heard):
    with monkeypatch.context() as patched:
        _interrupt_at(patched, 4)
        with pytest.raises(KeyboardInterrupt):
            train("hurt")
    newest = tmp_path / "hurt" / "checkpoints" / "checkpoint-4"
    weights = newest / "optimizer.pt"
    if damage == "half":
        weights.write_bytes(weights.read_bytes()[: weights.stat().st_size // 2])
    elif damage == "missing":
        weights.unlink()
    elif damage == "bit":
        data = bytearray(weights.read_bytes())
        data[len(data) // 2] ^= 1
        weights.write_bytes(data)
    else:
        (newest / "dyag-checkpoint.json").unlink()
    assert train("hurt", progress=heard).resumed_from_step == 2
    assert any("checkpoint-4 is not used" in line for line in heard.lines)
    assert_same_run(whole[0], tmp_path / "hurt")


def test_a_run_of_one_step_trains(train, tmp_path):
    """A warm-up that begins at 0 would waste it: rate 0, and an adapter that changes nothing."""
    result = train(data=write(tmp_path / "one.jsonl", rows(1)), epochs=1)
    assert result.steps == 1
    assert [row["lr"] for row in log(result.folder.parent)] == [pytest.approx(5e-3)]
    longer = train(
        "more", data=write(tmp_path / "more.jsonl", rows(3)), epochs=1, options={"warmup": 0.6, "batch_size": 1}
    )
    rates = [row["lr"] for row in log(longer.folder.parent) if "lr" in row]
    assert rates == sorted(rates[:2]) + rates[2:]
    assert rates[0] > 0


def test_two_checkpoints_are_kept(train, tmp_path):
    train()
    kept = sorted(path.name for path in (tmp_path / "out" / "checkpoints").glob("checkpoint-*"))
    assert kept == ["checkpoint-10", "checkpoint-8"]


def test_a_complete_run_does_nothing_again(train, tmp_path, heard):
    train()
    before = (tmp_path / "out" / "final" / "adapter_model.safetensors").stat().st_mtime_ns
    again = train(progress=heard)
    assert again.steps == 10
    assert (tmp_path / "out" / "final" / "adapter_model.safetensors").stat().st_mtime_ns == before
    assert any("complete" in line for line in heard.lines)
    (tmp_path / "out" / "final" / "adapter_model.safetensors").write_bytes(b"torn")
    train()
    assert adapter(tmp_path / "out")


def test_changed_options_data_or_base_are_refused_with_the_differences(train, tmp_path, make_model):
    train()
    with pytest.raises(LockedError, match=r"options\.rank: 16 before, 4 now"):
        train(options={"rank": 4})
    with pytest.raises(LockedError, match=r"dataset: \w+\.\.\. before, \w+\.\.\. now"):
        train(data=write(tmp_path / "more.jsonl", rows(19)))
    with pytest.raises(LockedError, match="base_config"):
        train(base_model=str(make_model("other", num_hidden_layers=1)))
    assert LockedError.exit_code == 6
    assert train(options={"rank": 4}, resume="never").steps == 10


def test_resume_require_needs_something_to_resume(train):
    with pytest.raises(LockedError, match="no run to go on with"):
        train("fresh", resume="require")


def test_validation_beside_the_data_picks_the_best_adapter_and_stops_early(train, dataset, tmp_path):
    contradiction = rows(4, "recall")  # the better the training data is learnt, the worse this is answered
    for row in contradiction:
        row["messages"][2]["content"] = "xylophone"
    write(tmp_path / "data_val.jsonl", contradiction + rows(2, "unseen"))
    trained = train(options={"learning_rate": 0.05, "patience": 1}, epochs=8)
    losses = [row["validation_loss"] for row in log(tmp_path / "out") if "validation_loss" in row]
    assert trained.validation_loss == min(losses)
    assert losses[-1] > min(losses)
    assert trained.epochs < 8
    from safetensors.torch import load_file

    best = load_file(tmp_path / "out" / "checkpoints" / "best" / "adapter_model.safetensors")
    assert all((adapter(tmp_path / "out")[name] == tensor).all() for name, tensor in best.items())


def test_overflow_is_an_error_with_line_numbers_and_always_counted(train, tmp_path):
    data = rows(6)
    data[2]["messages"][1]["content"] = "licence ? " * 60
    path = write(tmp_path / "long.jsonl", data)
    with pytest.raises(GateError, match=r"1 examples are longer than 100 tokens \(lines 3\)"):
        train(data=path, options={"max_length": 100})
    dropped = train("dropped", data=path, options={"max_length": 100, "on_overflow": "drop"})
    assert dropped.examples == 5
    assert dropped.label_statistics["overflow"] == {"dropped": 1}
    data[2]["messages"][1]["content"], data[2]["messages"][2]["content"] = "licence ?", "LGPL " * 60
    path = write(tmp_path / "long_answer.jsonl", data)
    cut = train("cut", data=path, options={"max_length": 100, "on_overflow": "truncate"})
    assert cut.examples == 6
    assert cut.label_statistics["overflow"] == {"truncated": 1}
    assert cut.label_statistics["tokens_an_example"]["max"] == 100


def test_a_template_that_never_ends_its_turn_is_refused(train, tmp_path, tiny_model):
    import shutil

    base = tmp_path / "endless"
    shutil.copytree(tiny_model, base)
    (base / "chat_template.jinja").write_text("{% for m in messages %}{{ m['content'] }} {% endfor %}", "utf-8")
    with pytest.raises(GateError, match=r"line 1: 1 answers, but only 0 end-of-turn tokens"):
        train(base_model=str(base))


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("{broken", "line 2: not JSON"),
        ('{"messages": [{"role": "user", "content": "a"}]}', "line 2: a question"),
        ('{"messages": [{"role": "assistant", "content": "a"}, {"role": "user", "content": "b"}]}', "line 2: the last"),
        ('{"question": "a"}', "line 2: none of the known shapes"),
        ('{"prompt": "a", "completion": " "}', "line 2: an answer is empty"),
        ('{"messages": [{"role": "tool", "content": "a"}]}', "line 2: "),
    ],
)
def test_bad_lines_are_named(train, tmp_path, line, why):
    good = json.dumps(rows(1)[0])
    path = tmp_path / "bad.jsonl"
    path.write_text(f"{good}\n{line}\n{good}\n", "utf-8")
    with pytest.raises(UsageError, match=why):
        train(data=path)


def test_the_three_shapes_give_the_same_chat(tmp_path):
    from dyag_core.chat.conversations import read_conversations
    from dyag_core.chat.prompts import SYSTEM

    question, answer = "Quelle est la licence de 7zip et de la base ?", "LGPL"
    chat = [{"role": "system", "content": SYSTEM["fr"]}, {"role": "user", "content": question}]
    reply = {"role": "assistant", "content": answer}
    path = write(
        tmp_path / "shapes.jsonl",
        [
            {"messages": [*chat, reply]},
            {"prompt": chat, "completion": [reply]},
            {"question": question, "expected_answer": answer},
        ],
    )
    first, *others = read_conversations(path)
    assert all(other.messages == first.messages for other in others)


def test_empty_and_single(train, tmp_path):
    with pytest.raises(UsageError, match="holds no training example"):
        train(data=write(tmp_path / "none.jsonl", []))
    assert train("one", data=write(tmp_path / "one.jsonl", rows(1)), epochs=1).steps == 1


def test_a_loss_that_is_not_a_number_ends_the_run_clearly(train, tmp_path, tiny_model):
    import shutil

    from safetensors.torch import load_file, save_file

    base = tmp_path / "nan"
    shutil.copytree(tiny_model, base)
    weights = load_file(base / "model.safetensors")
    weights["model.norm.weight"][0] = float("nan")
    save_file(weights, base / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(DyagError, match="the loss became nan at step 1") as caught:
        train(base_model=str(base))
    assert "learning_rate" in caught.value.hint


def test_out_of_memory_says_what_to_change():
    from dyag_core.errors import ResourceError
    from dyag_plugins.trainers.lora.device import memory_errors

    with pytest.raises(ResourceError, match="out of memory") as caught, memory_errors():
        raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes")
    assert all(word in caught.value.hint for word in ("batch_size", "max_length", "base-model"))
    with pytest.raises(RuntimeError, match="shape"), memory_errors():
        raise RuntimeError("shape mismatch")


def test_the_passport_leads_to_the_base_and_refuses_another(train, tmp_path, tiny_model, make_model):
    train()
    passport = read_passport(tmp_path / "out")
    preset, path = resolve_base(passport, Plugins())
    assert os.path.samefile(path, tiny_model)
    assert preset.name == passport.base_model
    other = make_model("other", num_hidden_layers=1)
    with pytest.raises(UsageError, match=r"trained on 'tiny-llama'.*'other'"):
        resolve_base(passport, Plugins(), str(other))
    gone = passport.model_copy(update={"base_source": f"folder:{tmp_path / 'gone'}"})
    with pytest.raises(UsageError, match="is not at"):
        resolve_base(gone, Plugins())
    assert resolve_base(gone, Plugins(), str(tiny_model))[1] == str(tiny_model)


def test_no_model_there(tmp_path):
    with pytest.raises(UsageError, match="holds no fine-tuned model"):
        read_passport(tmp_path)


@pytest.mark.parametrize("config_class", ["Qwen2Config", "Phi3Config"])
def test_other_families_train(train, make_model, config_class):
    trained = train(base_model=str(make_model(config_class, config_class=config_class)), epochs=1)
    assert trained.steps == 5
    assert trained.final_loss > 0


def _interrupt_at(patched, step, number=signal.SIGINT):
    """Send this process a signal while it is in training step `step`."""
    from dyag_plugins.trainers.lora import packing

    calls = iter(range(1, 10_000))
    pack = packing.pack

    def pack_and_signal(items):
        if next(calls) == step + 1:  # the loader is one batch ahead of the step
            os.kill(os.getpid(), number)
        return pack(items)

    patched.setattr(packing, "pack", pack_and_signal)
