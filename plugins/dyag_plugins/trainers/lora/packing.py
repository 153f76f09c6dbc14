"""A batch in one row, its common beginning computed once: exact, and without a single padded token.

Chat examples begin alike (system prompt, template header). A batch is laid out as `prefix, suffix 1, suffix 2, ...`;
in every suffix positions go on from the prefix's end, and each suffix attends to the prefix and to itself. Layers that
work token by token then run on real tokens only, and the vocabulary is scored on trained positions only
(`logits_to_keep`). Attention is the one layer that mixes tokens, so it is the one that is replaced (see
`packed_attention`), through transformers' attention interface
(https://huggingface.co/docs/transformers/attention_interface); the model's own `forward` is used as it is.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

from dyag_core.api import IGNORED
from dyag_plugins.trainers.lora.packed_attention import attend_packed

ATTENTION = "dyag_packed"


def why_not(model: Any) -> str | None:
    """Why `model` can't be trained on packed rows, or None where it can."""
    import torch

    if "logits_to_keep" not in inspect.signature(model.forward).parameters:
        return "it can't score chosen positions alone (no logits_to_keep)"
    if not getattr(model, "_supports_attention_backend", False):
        return "its attention can't be replaced"
    if getattr(model.config, "attn_logit_softcapping", None):
        return "it caps attention scores"
    if torch.cuda.device_count() > 1:
        return "a packed row can't be spread over several GPUs"
    return None


def switch_on(model: Any) -> None:
    """Let `model` attend by the layout of its batches. No mask is built: the layout says it all."""
    from transformers import AttentionInterface, AttentionMaskInterface

    AttentionInterface.register(ATTENTION, attend_packed)
    AttentionMaskInterface.register(ATTENTION, lambda *_, **__: None)
    model.set_attn_implementation(ATTENTION)


def pack(items: Sequence[dict[str, Sequence[int]]]) -> dict[str, Any]:
    """Lay examples (`input_ids` and `labels` of equal length) in one row of L tokens.

    Returns tensors: `input_ids` and `position_ids` (1, L); `keep` (T), the row indices whose logits are trained;
    `labels` and `shift_labels` (T), their targets, already shifted; `lengths` (examples) and `prefix` (), the layout.
    """
    import torch

    prefix = common_prefix(items)
    row = list(items[0]["input_ids"][:prefix])
    positions = list(range(prefix))
    keep: list[int] = []
    targets: list[int] = []
    for item in items:
        ids, labels = item["input_ids"], item["labels"]
        shift = len(row) - prefix
        trained = [i for i in range(1, len(ids)) if labels[i] != IGNORED]
        keep += [shift + i - 1 for i in trained]  # position i - 1 predicts token i
        targets += [labels[i] for i in trained]
        row += ids[prefix:]
        positions += range(prefix, len(ids))
    return {
        # first, because transformers takes the number of examples from the first tensor of a batch
        "lengths": torch.tensor([len(item["input_ids"]) - prefix for item in items]),
        "prefix": torch.tensor(prefix),
        "input_ids": torch.tensor([row]),
        "position_ids": torch.tensor([positions]),
        "keep": torch.tensor(keep),
        "labels": torch.tensor(targets),
        "shift_labels": torch.tensor(targets),
    }


def common_prefix(items: Sequence[dict[str, Sequence[int]]]) -> int:
    """How many first tokens all examples share, none of which predicts a trained one.

    The token before the first trained one stays out: what it has to predict differs from example to example.
    """
    if len(items) == 1:
        return 0
    first = items[0]["input_ids"]
    limit = min(next(i for i, label in enumerate(item["labels"]) if label != IGNORED) - 1 for item in items)
    for i in range(max(0, limit)):
        if any(item["input_ids"][i] != first[i] for item in items):
            return i
    return max(0, limit)
