"""Packed rows and merged LoRA layers give the loss and the gradients of one example after the other."""

import random
from typing import Any

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from dyag_plugins.trainers.lora import fused_linear, packed_attention, packing  # noqa: E402

SIZES = {
    "vocab_size": 97,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 256,
    "pad_token_id": 0,
    "eos_token_id": 1,
    "bos_token_id": 2,
}
FAMILIES = {
    "llama": ("LlamaConfig", {}),
    "qwen2": ("Qwen2Config", {}),
    "phi3": ("Phi3Config", {}),
    "mistral": ("MistralConfig", {"sliding_window": 7}),
    "qwen3": ("Qwen3Config", {"head_dim": 8}),
    "gemma3": ("Gemma3TextConfig", {"head_dim": 8, "sliding_window": 6}),
}


def tiny(family: str, rank: int = 4) -> Any:
    """A random LoRA model of the family, with B not at its zero start, so that every gradient is tested."""
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(0)
    name, more = FAMILIES[family]
    config = getattr(transformers, name)(**SIZES, **more)
    model = transformers.AutoModelForCausalLM.from_config(config, attn_implementation="eager")
    lora = LoraConfig(r=rank, lora_alpha=8, target_modules="all-linear", init_lora_weights=False)
    return get_peft_model(model, lora).train()


def chats(prefix: int, lengths: list[int], seed: int = 1) -> list[dict[str, list[int]]]:
    chance = random.Random(seed)
    shared = [chance.randrange(3, 97) for _ in range(prefix)]
    items = []
    for length in lengths:
        ids = shared + [chance.randrange(3, 97) for _ in range(length)]
        start = prefix + length // 2
        items.append({"input_ids": ids, "labels": [-100] * start + ids[start:]})
    return items


def one_by_one(model: Any, items: list[dict[str, list[int]]]) -> tuple[float, Any]:
    total, count = 0.0, 0
    for item in items:
        logits = model(input_ids=torch.tensor([item["input_ids"]])).logits[0, :-1]
        targets = torch.tensor(item["labels"][1:])
        total = total + torch.nn.functional.cross_entropy(logits, targets, reduction="sum", ignore_index=-100)
        count += int((targets != -100).sum())
    return backward(model, total / count)


def packed(model: Any, items: list[dict[str, list[int]]]) -> tuple[float, Any]:
    batch = packing.pack(items)
    layout = packed_attention.Layout(int(batch["prefix"]), tuple(batch["lengths"].tolist()))
    logits = model(
        input_ids=batch["input_ids"],
        position_ids=batch["position_ids"],
        logits_to_keep=batch["keep"],
        use_cache=False,
        layout=layout,
    ).logits[0]
    return backward(model, torch.nn.functional.cross_entropy(logits, batch["shift_labels"]))


def backward(model: Any, loss: Any) -> tuple[float, Any]:
    model.zero_grad()
    loss.backward()
    return loss.item(), torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])


def assert_equal(found: tuple[float, Any], expected: tuple[float, Any]) -> None:
    assert found[0] == pytest.approx(expected[0], rel=1e-5)
    assert float((found[1] - expected[1]).norm() / expected[1].norm()) < 1e-5


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("shape", [(9, [5, 9, 14, 6]), (0, [7, 4, 12]), (20, [4]), (3, [30, 2, 2])], ids=str)
def test_packed_loss_and_gradients_are_those_of_single_examples(family: str, shape: tuple[int, list[int]]) -> None:
    model, items = tiny(family), chats(*shape)
    assert packing.why_not(model.get_base_model()) is None
    expected = one_by_one(model, items)
    packing.switch_on(model.get_base_model())
    assert_equal(packed(model, items), expected)


@pytest.mark.parametrize("family", ["llama", "qwen2", "phi3"])
def test_merged_layers_give_the_same_loss_and_gradients(family: str) -> None:
    model, items = tiny(family), chats(9, [5, 9, 14, 6])
    expected = one_by_one(model, items)
    layers = sum("lora_A" in name for name, _ in model.named_parameters())
    assert fused_linear.merge_forward(model) == layers
    assert_equal(one_by_one(model, items), expected)
    packing.switch_on(model.get_base_model())
    assert_equal(packed(model, items), expected)


def test_the_prefix_never_holds_a_position_that_predicts_a_trained_token() -> None:
    items = [{"input_ids": [5, 6, 7, 8, answer], "labels": [-100] * 4 + [answer]} for answer in (9, 10, 9)]
    assert packing.common_prefix(items) == 3
    batch = packing.pack(items)
    assert batch["input_ids"].tolist() == [[5, 6, 7, 8, 9, 8, 10, 8, 9]]
    assert batch["position_ids"].tolist() == [[0, 1, 2, 3, 4, 3, 4, 3, 4]]
    assert batch["keep"].tolist() == [3, 5, 7]
    assert batch["shift_labels"].tolist() == [9, 10, 9]


def test_a_model_whose_attention_cannot_be_replaced_is_named() -> None:
    model = transformers.GPT2LMHeadModel(transformers.GPT2Config(n_layer=1, n_head=2, n_embd=8, vocab_size=20))
    model._supports_attention_backend = False
    assert "attention" in str(packing.why_not(model))
