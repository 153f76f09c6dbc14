"""DYAG 2.0's own table again: a few examples, one epoch, models of real shapes; DYAG against plain TRL.

    python benchmarks/shapes.py                                 # 10 examples, Qwen2.5-1.5B and TinyLlama-1.1B
    python benchmarks/shapes.py --examples 2000 --nf4           # on a GPU
    python benchmarks/shapes.py --quick                         # shrunken shapes, to try the script

Weights are random: speed needs no trained ones. They are in bf16 on disk, and in memory where the machine computes in
it. Each contender has a process of its own, one after the other;
`training` is the time of all steps, `whole` that of the process from its first import to its end. TRL runs in each of
its three ways (see train.py); on a processor whose bf16 products are slow, where the others would take hours, in
float32 alone.
"""

from __future__ import annotations

import argparse
import math
import tempfile
import time
from pathlib import Path
from typing import Any

from chats import ASIDES, SYSTEM, write_chats
from contenders import Order
from turns import TRL, Contender, gemm_peak, machine, machine_table, ways_worth_running

#: The published configurations (config.json of Qwen/Qwen2.5-1.5B-Instruct and TinyLlama/TinyLlama-1.1B-Chat-v1.0).
SHAPES: dict[str, dict[str, Any]] = {
    "Qwen2.5-1.5B": {
        "model_type": "qwen2",
        "vocab_size": 151936,
        "hidden_size": 1536,
        "intermediate_size": 8960,
        "num_hidden_layers": 28,
        "num_attention_heads": 12,
        "num_key_value_heads": 2,
        "rope_theta": 1000000.0,
        "rms_norm_eps": 1e-6,
        "tie_word_embeddings": True,
    },
    "TinyLlama-1.1B": {
        "model_type": "llama",
        "vocab_size": 32000,
        "hidden_size": 2048,
        "intermediate_size": 5632,
        "num_hidden_layers": 22,
        "num_attention_heads": 32,
        "num_key_value_heads": 4,
        "tie_word_embeddings": False,
    },
}
SHRUNKEN = {
    "vocab_size": 1024,
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
}
CONTROL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
CHATML = (
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\\n' + m['content'] + '<|im_end|>\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)


def build(name: str, folder: Path, quick: bool) -> Any:
    """A model of that shape with random bf16 weights, saved under `folder` with a tokenizer, which is returned."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    tokenizer = learn_tokenizer()
    control = {
        "bos_token_id": None,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
        "max_position_embeddings": 2048,
    }
    shape = SHAPES[name] | (SHRUNKEN if quick else {}) | control
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model(**shape), dtype=torch.bfloat16)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return tokenizer


def learn_tokenizer() -> Any:
    """A ChatML tokenizer learnt from the benchmark's own sentences."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    learner = trainers.BpeTrainer(
        vocab_size=1000,
        special_tokens=list(CONTROL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator([SYSTEM, *ASIDES], learner)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, model_max_length=2048, pad_token=CONTROL[0], eos_token=CONTROL[2]
    )
    fast.chat_template = CHATML
    return fast


def run(order: Order) -> dict[str, float]:
    """Train in a process of its own; seconds and peak memory."""
    began = time.perf_counter()
    with Contender(order) as contender:
        contender.turn()
    whole = time.perf_counter() - began
    end = {key: value for key, value in contender.end.items() if key != "steps"}
    return {
        "training_seconds": sum(contender.end["steps"]),
        "whole_seconds": whole,
        "first_loss": contender.losses[0],
        "last_loss": contender.losses[-1],
        **end,
    }


def compare(name: str, arguments: argparse.Namespace, work: Path) -> dict[str, Any]:
    """All contenders on one shape."""
    folder, data = work / name, work / f"{name}.jsonl"
    measured = write_chats(data, build(name, folder, arguments.quick), arguments.examples, 22, 80)
    steps = math.ceil(arguments.examples / arguments.batch)
    contenders = {}
    for who in ("dyag", *arguments.trl):
        order = Order(
            who, str(folder), str(data), str(work), steps, 0, arguments.batch, 2e-4, arguments.nf4, epochs=1.0
        )
        contenders[who] = run(order)
        print(f"{name} {who}: {contenders[who]}", flush=True)
    best = min(arguments.trl, key=lambda who: contenders[who]["training_seconds"])
    ratio = contenders[best]["training_seconds"] / contenders["dyag"]["training_seconds"]
    return measured | {"contenders": contenders, "best_trl": best, "ratio": ratio}


def markdown(result: dict[str, Any]) -> str:
    """The result as tables."""
    fast_bf16 = len(ways_worth_running(result["gemm_peak_gflops"])) > 1
    kind = "NF4" if result["nf4"] else "bf16" if fast_bf16 else "float32"
    lines = [f"# One epoch on models of real shapes, random weights, {kind} base", "", machine_table(result["machine"])]
    for name, figures in result["shapes"].items():
        gpu = any("peak_gpu_memory_mb" in run for run in figures["contenders"].values())
        lines += [
            "",
            f"## {name}{' (shrunken)' if result['quick'] else ''}: {figures['examples']} examples, "
            f"{figures['mean_tokens']} tokens each",
            "",
            f"| | training, s | whole process, s | peak memory, MB |{' GPU, MB |' if gpu else ''}",
            f"|---|---|---|---|{'---|' if gpu else ''}",
        ]
        for who, run in figures["contenders"].items():
            card = f" {run['peak_gpu_memory_mb']:.0f} |" if gpu else ""
            lines.append(
                f"| {who} | {run['training_seconds']:.1f} | {run['whole_seconds']:.1f} | {run['peak_memory_mb']:.0f} |"
                + card
            )
        lines += ["", f"DYAG trains {figures['ratio']:.2f} times as fast as {figures['best_trl']}."]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Run, print, write."""
    from dyag_core.artifacts import atomic_text, to_json

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shapes", nargs="+", choices=SHAPES, default=list(SHAPES))
    parser.add_argument("--trl", nargs="+", choices=TRL, help="TRL contenders")
    parser.add_argument("--examples", type=int, default=10)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--nf4", action="store_true", help="frozen weights in 4 bits, for both (needs dyag[nf4])")
    parser.add_argument("--quick", action="store_true", help="shrunken shapes")
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results"))
    arguments = parser.parse_args()
    peak = gemm_peak()
    arguments.trl = arguments.trl or ways_worth_running(peak)
    shapes = {}
    for name in arguments.shapes:
        with tempfile.TemporaryDirectory() as work:  # a model of gigabytes goes before the next one comes
            shapes[name] = compare(name, arguments, Path(work))
    settings = {key: getattr(arguments, key) for key in ("examples", "batch", "nf4", "quick")}
    result = {"machine": machine(), "gemm_peak_gflops": peak, **settings, "shapes": shapes}
    arguments.output.mkdir(parents=True, exist_ok=True)
    name = "shapes_nf4" if arguments.nf4 else "shapes"
    atomic_text(arguments.output / f"{name}.json", to_json(result, indent=1) + "\n")
    atomic_text(arguments.output / f"{name}.md", markdown(result))
    print(markdown(result))


if __name__ == "__main__":
    main()
