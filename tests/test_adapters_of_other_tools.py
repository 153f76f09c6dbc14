"""An adapter as PEFT, Unsloth or TRL write it, without a passport: asked, evaluated, gone on with, and warned of."""

from __future__ import annotations

import json

import pytest

from dyag_core.cli.root import main

SYSTEM = "Réponds brièvement."


@pytest.fixture
def typed(capsys):
    """A `dyag` command: its exit code, stdout and stderr."""

    def run(*arguments):
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments])
        said = capsys.readouterr()
        return ended.value.code, said.out, said.err

    return run


@pytest.fixture
def plain(tiny_model, tmp_path):
    """`plain(base, **config)`: a folder that holds what `save_pretrained` of PEFT leaves, with weights that matter."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    def made(base=None, **config):
        torch.manual_seed(1)
        lora = LoraConfig(**{"r": 4, "target_modules": ["q_proj", "v_proj"], "task_type": "CAUSAL_LM"} | config)
        model = get_peft_model(AutoModelForCausalLM.from_pretrained(tiny_model), lora)
        for name, weight in model.named_parameters():
            if "lora_B" in name:
                torch.nn.init.normal_(weight, std=0.5)
        folder = tmp_path / "plain"
        model.save_pretrained(folder)
        told = json.loads((folder / "adapter_config.json").read_text("utf-8"))
        told["base_model_name_or_path"] = None if base is None else str(base)
        (folder / "adapter_config.json").write_text(json.dumps(told), encoding="utf-8")
        return folder

    return made


@pytest.fixture
def rows(tmp_path):
    """Twelve training rows."""
    file = tmp_path / "new_train.jsonl"
    turns = [
        [
            {"role": "system", "content": SYSTEM},
            {"role": "user", "content": f"Quelle est la licence de a{number} ?"},
            {"role": "assistant", "content": "LGPL"},
        ]
        for number in range(12)
    ]
    file.write_text("\n".join(json.dumps({"messages": messages}) for messages in turns), encoding="utf-8")
    return file


def test_it_is_asked_on_the_base_that_its_configuration_names(plain, tiny_model, typed):
    code, out, err = typed("query-finetuned", "Hi", "--model", plain(tiny_model), "--max-new-tokens", 4, "--json")
    assert code == 0
    assert json.loads(out)["arm"] == "finetuned"
    assert err.count("has no passport (dyag.json), another tool made it") == 1
    assert "adapter_config.json says" in err


def test_it_is_evaluated_on_the_base_that_the_user_names(plain, tiny_model, typed, tmp_path):
    (tmp_path / "q.jsonl").write_text('{"question": "Quelle licence ?", "expected_answer": "MIT"}\n', encoding="utf-8")
    model = plain("/nowhere/on/this/machine")
    said = ("evaluate-finetuned", tmp_path / "q.jsonl", "--model", model, "--output", tmp_path / "r.json")
    code, _, err = typed(*said)
    assert code == 2
    assert "/nowhere/on/this/machine" in err
    assert "--base-model NAME" in err
    code, _, err = typed(*said, "--base-model", tiny_model)
    assert code == 0
    assert "as you say" in err
    written = json.loads((tmp_path / "r.json").read_text("utf-8"))
    assert written["metadata"]["model"]["name"] == "plain"
    assert len(written["metadata"]["model"]["sha256"]) == 64
    assert "training" not in written["metadata"]


def test_without_a_name_the_base_is_asked_for(plain, typed):
    code, _, err = typed("query-finetuned", "Hi", "--model", plain())
    assert code == 2
    assert "names no base model" in err
    assert "--base-model NAME" in err


def test_another_model_is_told_by_its_tensors(plain, make_model, typed):
    other = make_model("other", hidden_size=128)
    code, _, err = typed("query-finetuned", "Hi", "--model", plain(), "--base-model", other)
    assert code == 1
    assert "adapter not applied" in err


@pytest.mark.parametrize("targets", [["q_proj", "v_proj"], r".*self_attn\.(q_proj|v_proj)"])
def test_it_is_gone_on_with_in_its_own_shape(plain, tiny_model, typed, rows, tmp_path, targets):
    parent = plain(tiny_model, target_modules=targets)
    out = tmp_path / "out"
    code, _, err = typed(
        *("finetune", "--dataset", rows, "--output", out, "--from-adapter", parent, "--epochs", 1),
        *("-o", "threads=1", "-o", "batch_size=4"),
    )
    assert code == 0, err
    assert "has no passport" in err
    passport = json.loads((out / "final" / "dyag.json").read_text("utf-8"))
    assert passport["options"]["rank"] == 4
    assert sorted(passport["options"]["targets"]) == ["q_proj", "v_proj"]
    assert list(passport["parent"]) == ["adapter_sha256"]


def test_a_run_of_dyags_own_that_was_not_finished_is_no_foreign_adapter(plain, tiny_model, typed, tmp_path):
    folder = plain(tiny_model)
    (tmp_path / "run.json").write_text("{}", encoding="utf-8")
    code, _, err = typed("query-finetuned", "Hi", "--model", folder)
    assert code == 2
    assert "its training was not finished by DYAG" in err


def test_an_answer_that_fills_the_context_names_the_context(plain, tiny_model, typed):
    """More --max-new-tokens would change nothing."""
    code, out, err = typed(
        *("query-finetuned", "Hi", "--model", plain(tiny_model), "--max-new-tokens", 20000, "--json"),
    )
    assert code == 0
    answer = json.loads(out)
    total = answer["prompt_tokens"] + answer["completion_tokens"]
    assert answer["truncated"]
    assert f"cut at the model's context of {total} tokens" in err
    assert "--max-new-tokens" not in err
