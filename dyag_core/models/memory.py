"""How much memory training takes, from a model's shape: an estimate before anything is loaded.

With P parameters, of which L stand in linear layers, a LoRA of A parameters, and a batch laid out as N examples of at
most S own tokens behind C shared ones, R tokens in all, T of them trained:

    weights      P x b                      b = 4 bytes in float32, 2 in bfloat16; with NF4 the L of them take 0.52
    adapter      4A                         always float32
    gradients    4A
    optimizer    8A                         Adam's two moments
    merged       4 x the largest layer      float32 only: W + s B A, summed for each product and let go again
    activations  layers x (R x (4h + q + 4m) x b + attention) + norms and low-rank inputs, see `activations`
    logits       3 x T x vocabulary x 4     logits, their log-softmax and its gradient, at trained positions alone
    working      the largest layer's gradients, twice; with NF4 its dequantised weight as well
    runtime      Python and the libraries, or the context on a GPU

(h: hidden width, q: heads x head width, m: MLP width.) Without packing R is N x the longest example.
"""

from __future__ import annotations

import json
import math
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from dyag_core.records import MemoryEstimate, ModelShape

#: Bytes a parameter: 4 bits, one byte of scale a block of 64 and the scales' own scales (Dettmers et al. 2023).
NF4_BYTES = 0.52
BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}
#: Python with torch, transformers, TRL and PEFT loaded, and a GPU's context with its libraries; megabytes.
RUNTIME_MB = {"cpu": 780, "cuda": 600, "mps": 400}


@dataclass(frozen=True)
class Weights:
    """A model's parameters: (name, outputs, inputs) of each linear layer, and how many stand elsewhere."""

    linears: tuple[tuple[str, int, int], ...]
    other: int

    @property
    def linear(self) -> int:
        """Parameters in linear layers."""
        return sum(outputs * inputs for _, outputs, inputs in self.linears)

    def adapter(self, rank: int, targets: str | Collection[str]) -> int:
        """Parameters of a LoRA of this rank on `targets` ("all-linear", or the last parts of layer names)."""
        every = isinstance(targets, str)
        return sum(
            rank * (outputs + inputs)
            for name, outputs, inputs in self.linears
            if every or any(name == target or name.endswith(f".{target}") for target in targets)
        )


@dataclass(frozen=True)
class Batch:
    """How a batch lies in memory: `examples` of at most `longest` own tokens after `prefix` shared ones.

    `tokens` is what the layers compute on, `trained` the positions that are scored. `packed` says that attention is
    DYAG's, which keeps its weights for the backward pass; the libraries' kernels compute them again.
    """

    examples: int
    longest: int
    tokens: int
    trained: int
    prefix: int = 0
    packed: bool = True


def weights_of(folder: Path) -> Weights:
    """A model's parameters as the headers of its safetensors files list them; nothing is loaded.

    Raises:
        FileNotFoundError: there is no safetensors file.
    """
    linears: list[tuple[str, int, int]] = []
    other = 0
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise FileNotFoundError(f"{folder}: no safetensors file")
    for file in files:
        with file.open("rb") as handle:
            header = json.loads(handle.read(int.from_bytes(handle.read(8), "little")))
        for name, tensor in header.items():
            shape = tensor.get("shape", [])
            parts = name.split(".")
            if len(shape) == 2 and parts[-1] == "weight" and "embed" not in name and parts[-2] != "lm_head":
                linears.append((name.removesuffix(".weight"), shape[0], shape[1]))
            elif name != "__metadata__":
                other += math.prod(shape)
    return Weights(tuple(linears), other)


def weights_from(shape: ModelShape) -> Weights:
    """A model's parameters as its shape implies them, where it isn't on this machine."""
    embeddings = shape.vocabulary * shape.hidden * (1 if shape.tied else 2)
    return Weights(tuple(shape.linears()), embeddings + (2 * shape.layers + 1) * shape.hidden)


def estimate_memory(
    shape: ModelShape,
    weights: Weights,
    batch: Batch,
    *,
    device: str,
    dtype: str,
    nf4: bool = False,
    rank: int = 16,
    targets: str | Collection[str] = "all-linear",
    merged: bool = True,
) -> MemoryEstimate:
    """Peak memory of training, in bytes by what takes them. The formula stands at the top of this module.

    Args:
        shape: the model's sizes.
        weights: its parameters.
        batch: the largest batch.
        device: cpu, cuda or mps.
        dtype: of the frozen weights and of the computation.
        nf4: linear layers in 4 bits.
        rank: of the LoRA.
        targets: what it adapts.
        merged: LoRA layers run as one product (float32 without dropout and DoRA).
    """
    size = BYTES[dtype]
    adapter = weights.adapter(rank, targets)
    merged = merged and dtype == "float32" and not nf4
    largest = max((outputs * inputs for _, outputs, inputs in weights.linears), default=0)
    widest = max(shape.intermediate, shape.hidden)
    return MemoryEstimate(
        device=device,
        dtype=dtype,
        quantization="nf4" if nf4 else "none",
        weights=round(weights.linear * (NF4_BYTES if nf4 else size) + weights.other * size),
        adapter=4 * adapter,
        gradients=4 * adapter,
        optimizer=8 * adapter,
        merged=4 * largest if merged else 0,
        activations=activations(shape, batch, size, merged=merged, rank=rank),
        logits=3 * 4 * batch.trained * shape.vocabulary,
        working=2 * 3 * batch.tokens * widest * size + (largest * size if nf4 else 0),
        runtime=RUNTIME_MB[device] * 10**6,
    )


def activations(shape: ModelShape, batch: Batch, size: int, *, merged: bool, rank: int) -> int:
    """Bytes that the forward pass keeps for the backward pass.

    A token keeps, in each layer: both norms' inputs and outputs (4h), attention's output (q), and in the MLP the gate
    before and after its activation, the other half and their product (4m). Attention keeps queries, keys and values,
    and, where it is DYAG's own, its weights in float32. In half precision norms work in float32 (2h of 4 bytes in
    place of `size`), and every LoRA layer that isn't merged keeps its input and its low-rank product.
    """
    hidden, query, keys = shape.hidden, shape.heads * shape.head, shape.key_value_heads * shape.head
    rows, span = batch.examples * batch.longest, batch.prefix + batch.longest
    token = (4 * hidden + query + 4 * shape.intermediate) * size
    if size < 4:
        token += 2 * hidden * (4 - size)
    if not merged:
        token += (5 * hidden + query + shape.intermediate + 7 * rank) * size
    attention = (rows * query + 2 * batch.examples * span * keys) * size
    if batch.packed:
        cells = batch.examples * batch.longest * span + batch.prefix**2
        attention += shape.heads * cells * (4 if size == 4 else 4 + size)
    return shape.layers * (batch.tokens * token + attention)
