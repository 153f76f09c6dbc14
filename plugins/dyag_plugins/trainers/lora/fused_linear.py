"""LoRA's linear layers as one matrix product each way.

PEFT computes `x W' + s (x A') B'`: beside the base product two thin ones and sums over the layer's whole width, and as
many again backwards. While the weight is a plain float one, `W + s B A` costs `out * in * rank` multiplications, once
forwards and once backwards, however many tokens there are; with it the forward pass is one product, and so is the
gradient of the input. A and B get the gradients that PEFT gives them. Equal up to rounding.
"""

from __future__ import annotations

import functools
from typing import Any


def merge_forward(model: Any) -> int:
    """Give every plain LoRA layer of `model` the merged forward pass; returns how many took it.

    A layer takes it if its weights and LoRA's have one dtype of full precision (in bf16 the sum would round small
    updates away), no dropout stands in between, and it is no variant such as DoRA.
    """
    import torch
    from peft.tuners.lora import Linear

    function = _function()
    taken = 0
    for module in model.modules():
        if type(module) is not Linear or module.active_adapters != ["default"] or module.lora_variant:
            continue
        a, b, base = module.lora_A["default"], module.lora_B["default"], module.base_layer
        plain = isinstance(module.lora_dropout["default"], torch.nn.Identity) and not module.lora_bias["default"]
        if plain and {a.weight.dtype, b.weight.dtype, base.weight.dtype} == {torch.float32}:
            module.forward = functools.partial(_forward, function, module, module.forward)
            taken += 1
    return taken


def _forward(function: Any, module: Any, usual: Any, x: Any, *args: Any, **kwargs: Any) -> Any:
    if module.disable_adapters or module.merged:
        return usual(x, *args, **kwargs)
    base = module.base_layer
    a, b = module.lora_A["default"].weight, module.lora_B["default"].weight
    return function.apply(x, base.weight, base.bias, a, b, module.scaling["default"])


@functools.cache
def _function() -> Any:
    import torch

    class MergedLinear(torch.autograd.Function):
        """`x (W + s B A)' + bias` for x (..., in), W (out, in), A (rank, in), B (out, rank)."""

        @staticmethod
        def forward(ctx: Any, x: Any, weight: Any, bias: Any, a: Any, b: Any, scaling: float) -> Any:
            ctx.save_for_backward(x, weight, a, b)
            ctx.scaling = scaling
            return torch.nn.functional.linear(x, torch.addmm(weight, b, a, alpha=scaling), bias)

        @staticmethod
        def backward(ctx: Any, grad: Any) -> Any:
            x, weight, a, b = ctx.saved_tensors
            rows, grads = x.reshape(-1, x.shape[-1]), grad.reshape(-1, grad.shape[-1])
            # Summed again rather than kept: all layers' sums would take as much room as the whole model.
            grad_x = grad @ torch.addmm(weight, b, a, alpha=ctx.scaling) if ctx.needs_input_grad[0] else None
            grad_a = ((grads @ b) * ctx.scaling).t() @ rows
            grad_b = grads.t() @ ((rows @ a.t()) * ctx.scaling)
            return grad_x, None, None, grad_a, grad_b, None

    return MergedLinear
