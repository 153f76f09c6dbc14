"""Estimated against measured memory of training, each size in a process of its own.

    python benchmarks/memory.py                     # three sizes, float32
    python benchmarks/memory.py 20m 60m --dtype bfloat16

Models have random weights (memory doesn't care). Prints one line a size: estimate, peak resident memory, their ratio.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

SHAPES = {
    "20m": {"hidden_size": 384, "intermediate_size": 1024, "num_hidden_layers": 8, "heads": (6, 3), "vocab": 16000},
    "60m": {"hidden_size": 512, "intermediate_size": 1536, "num_hidden_layers": 16, "heads": (8, 4), "vocab": 16000},
    "smollm2": {
        "hidden_size": 576,
        "intermediate_size": 1536,
        "num_hidden_layers": 30,
        "heads": (9, 3),
        "vocab": 49152,
    },
}
TEMPLATE = (
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\\n' + m['content'] + '<|im_end|>\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)


def build(name: str, folder: Path) -> None:
    """A random Llama of that shape with a byte-level ChatML tokenizer."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    learner = trainers.BpeTrainer(
        vocab_size=300, special_tokens=special, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()
    )
    tokenizer.train_from_iterator(["a"], learner)
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token=special[2], pad_token=special[0])
    fast.chat_template = TEMPLATE
    fast.save_pretrained(folder)
    shape = dict(SHAPES[name])
    heads, key_value_heads = shape.pop("heads")
    config = LlamaConfig(
        vocab_size=shape.pop("vocab"),
        num_attention_heads=heads,
        num_key_value_heads=key_value_heads,
        max_position_embeddings=2048,
        tie_word_embeddings=True,
        eos_token_id=2,
        pad_token_id=0,
        bos_token_id=None,
        **shape,
    )
    LlamaForCausalLM(config).save_pretrained(folder)


def chats(path: Path, answer: int) -> None:
    """Forty chats of one length: memory at its peak from the first step on."""
    system = {"role": "system", "content": "Answer briefly. If you do not know, say so."}
    with path.open("w", encoding="utf-8") as handle:
        for i in range(40):
            user = {"role": "user", "content": f"What is the licence of application number {i:04}?"}
            row = {"messages": [system, user, {"role": "assistant", "content": "x" * answer}]}
            handle.write(json.dumps(row) + "\n")


def measure(model: Path, data: Path, options: dict[str, str]) -> dict[str, float]:
    """Estimate and peak, in bytes, of this very process."""
    from dyag_core import Session

    found = Session(data.parent).estimate(data, base_model=str(model), options=options)
    assert found.memory is not None
    return {"estimate": found.memory.total, "measured": found.memory_measured or 0, **found.memory.parts()}


def main() -> None:
    """Build in one process, measure in another, for every size."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sizes", nargs="*", default=list(SHAPES))
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--quantization", default="none")
    parser.add_argument("--batch-size", default="8")
    parser.add_argument("--answer", type=int, default=60, help="letters, one token each")
    parser.add_argument("--step", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    options = {key: getattr(arguments, key) for key in ("dtype", "quantization", "batch_size")}
    if arguments.step:
        step, folder = arguments.step
        where = Path(folder)
        if step == "measure":
            print(json.dumps(measure(where / "model", where / "chats.jsonl", options)))
        else:
            build(step, where / "model")
            chats(where / "chats.jsonl", arguments.answer)
        return
    for name in arguments.sizes:
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, __file__, *(f"--{k.replace('_', '-')}={v}" for k, v in options.items())]
            command.append(f"--answer={arguments.answer}")
            subprocess.run([*command, "--step", name, folder], check=True, capture_output=True)
            done = subprocess.run([*command, "--step", "measure", folder], check=True, stdout=subprocess.PIPE)
            found = json.loads(done.stdout)
        ratio = found["estimate"] / found["measured"]
        print(
            f"{name}: estimate {found['estimate'] / 1e6:.0f} MB, measured {found['measured'] / 1e6:.0f} MB: {ratio:.2f}"
        )
        print("   " + ", ".join(f"{k} {v / 1e6:.0f}" for k, v in found.items() if k not in ("estimate", "measured")))


if __name__ == "__main__":
    main()
