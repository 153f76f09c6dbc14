"""DYAG's trainer and a plain TRL script, each in a process of its own that stops where it is told to.

`python contenders.py ORDER`, where ORDER is a JSON object (see `Order`). The process waits for a line on stdin before
it begins and again after every block of steps, so that whoever holds the other end lets contenders run turn about. It
answers each line with one JSON line on stdout: `{"seconds", "losses"}` of the block; the last one has "end" too, with
peak memory and the seconds that all steps took.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TextIO

RANK, ALPHA, WARMUP, SEED = 16, 32, 0.05, 42


@dataclass(frozen=True)
class Order:
    """What to train, and as whom.

    Args:
        contender: "dyag", "trl-fp32" (everything in float32), "trl-amp" (float32 weights, bf16 autocast) or "trl-bf16"
            (frozen weights in bf16 too).
        model: anything `--base-model` takes.
        data: chats, one JSON object a line.
        work: a folder for what is written.
        steps: updates in all.
        block: updates between two stops; 0 never stops.
        batch: examples a step.
        learning_rate: peak rate; linear schedule.
        nf4: frozen weights in 4 bits.
        epochs: passes over the data that `steps` make; where it is 0, of whole batches only.
        options: more options for DYAG's trainer.
    """

    contender: str
    model: str
    data: str
    work: str
    steps: int
    block: int
    batch: int
    learning_rate: float
    nf4: bool = False
    epochs: float = 0
    options: dict[str, Any] = field(default_factory=dict)

    def arguments(self) -> list[str]:
        """The command that runs it."""
        return [sys.executable, __file__, json.dumps(asdict(self))]


class Baton:
    """Counts steps, and hands over after each block of them. It is DYAG's progress, too."""

    def __init__(self, out: TextIO, block: int, steps: int) -> None:
        self._out, self._block, self._steps = out, block, steps
        self._losses: list[float] = []
        self.seconds: list[float] = []
        self._wait()

    @contextlib.contextmanager
    def task(self, description: str, total: float | None = None) -> Iterator[Baton]:
        """DYAG's `Progress`."""
        self.begin()
        yield self

    def message(self, text: str) -> None:
        """DYAG's `Progress`: notes go to stderr."""
        print(text, file=sys.stderr)

    def advance(self, steps: float = 1, **shown: Any) -> None:
        """A step is done (DYAG's `Task`); tasks without a loss are something else."""
        if "loss" in shown:
            self.step(shown["loss"])

    def begin(self) -> None:
        """What was done up to here was loading: the first step begins now."""
        if not self.seconds:
            self._began = time.perf_counter()

    def step(self, loss: float) -> None:
        """A step is done, with this loss."""
        now = time.perf_counter()
        self.seconds.append(now - self._began)
        self._losses.append(loss)
        done = len(self.seconds)
        if self._block and done % self._block == 0 and done < self._steps:
            self._say({})
            self._wait()
        else:
            self._began = now

    def end(self, peak: dict[str, float]) -> None:
        """Everything is done."""
        self._say({"end": {"steps": self.seconds, **peak}})

    def _say(self, more: dict[str, Any]) -> None:
        count = len(self._losses)
        self._out.write(json.dumps({"seconds": sum(self.seconds[-count:]), "losses": self._losses} | more) + "\n")
        self._out.flush()
        self._losses = []

    def _wait(self) -> None:
        if not sys.stdin.readline():
            raise SystemExit(1)
        self._began = time.perf_counter()


def train_dyag(order: Order, baton: Baton) -> None:
    """The stage behind `dyag finetune`, with trainer `lora`."""
    from dyag_core.plugin.host import Plugins
    from dyag_core.records.options import FinetuneOptions
    from dyag_core.stages.finetune import finetune

    examples = sum(1 for line in Path(order.data).read_text(encoding="utf-8").split("\n") if line)
    options = {
        "rank": RANK,
        "alpha": ALPHA,
        "learning_rate": order.learning_rate,
        "batch_size": order.batch,
        "warmup": WARMUP,
        "save_every": order.steps + 1,
        **({"quantization": "nf4"} if order.nf4 else {}),
        **order.options,
    }
    epochs = order.epochs or order.steps * order.batch / examples
    finetune(
        FinetuneOptions(base_model=order.model, epochs=epochs, resume="never", options=options),
        dataset=Path(order.data),
        output=Path(order.work) / order.contender,
        seed=SEED,
        plugins=Plugins(),
        progress=baton,
    )


def train_trl(order: Order, baton: Baton) -> None:
    """What one would write with TRL: the same token ids, in the same batches, with the same LoRA and schedule."""
    import math

    import torch
    import transformers
    import trl
    from datasets import Dataset
    from peft import LoraConfig

    from dyag_core.models.sources import load_tokenizer, locate
    from dyag_core.plugin.host import Plugins

    preset = Plugins().base_model(order.model)
    path = locate(preset)
    tokenizer = load_tokenizer(path, preset.context_length)
    targets = preset.lora_targets if isinstance(preset.lora_targets, str) else list(preset.lora_targets)
    cuda = torch.cuda.is_available()
    dtype = torch.bfloat16 if order.contender == "trl-bf16" else torch.float32
    model = transformers.AutoModelForCausalLM.from_pretrained(
        path, dtype=dtype, attn_implementation=best_attention(), **({"quantization_config": nf4()} if order.nf4 else {})
    )
    model.config.use_cache = False

    class Turns(transformers.TrainerCallback):  # type: ignore[misc]
        def on_train_begin(self, *_: Any, **__: Any) -> None:
            baton.begin()

        def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any], **_: Any) -> None:
            if "loss" in logs:
                baton.step(logs["loss"])

    trainer = trl.SFTTrainer(
        model=model,
        args=trl.SFTConfig(
            output_dir=str(Path(order.work) / order.contender),
            max_steps=order.steps,
            per_device_train_batch_size=order.batch,
            learning_rate=order.learning_rate,
            lr_scheduler_type="linear",
            warmup_steps=math.ceil(WARMUP * order.steps),
            weight_decay=0.0,
            seed=SEED,
            use_cpu=not cuda,
            bf16=order.contender != "trl-fp32",
            gradient_checkpointing=False,
            completion_only_loss=True,
            max_length=None,
            train_sampling_strategy="sequential",
            dataloader_pin_memory=cuda,
            logging_steps=1,
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
        ),
        train_dataset=Dataset.from_list(in_order(order, tokenizer)),
        processing_class=tokenizer,
        peft_config=LoraConfig(r=RANK, lora_alpha=ALPHA, target_modules=targets, task_type="CAUSAL_LM"),
        callbacks=[Turns()],
    )
    trainer.remove_callback(transformers.PrinterCallback)
    trainer.train()


def encoded(order: Order, tokenizer: Any) -> list[Any]:
    """The examples as DYAG reads them: token ids, and labels where an answer is."""
    from dyag_core.chat.conversations import read_conversations
    from dyag_core.chat.template import training_ids

    return [training_ids(tokenizer, row.messages) for row in read_conversations(Path(order.data))]


def order_of(order: Order, lengths: list[int]) -> list[int]:
    """The examples' numbers as DYAG takes them, epoch after epoch, to the last step."""
    from dyag_plugins.trainers.lora.encoding import LikeLengths

    sampler = LikeLengths(lengths, order.batch, SEED)
    numbers: list[int] = []
    epoch = 0
    while len(numbers) < order.steps * order.batch:
        sampler.set_epoch(epoch)
        numbers += sampler
        epoch += 1
    return numbers[: order.steps * order.batch]


def in_order(order: Order, tokenizer: Any) -> list[dict[str, list[int]]]:
    """TRL's rows: `input_ids` with the mask of what is trained."""
    items = encoded(order, tokenizer)
    rows = [
        {"input_ids": list(item.input_ids), "completion_mask": [int(label != -100) for label in item.labels]}
        for item in items
    ]
    return [rows[number] for number in order_of(order, [len(item.input_ids) for item in items])]


def best_attention() -> str:
    """The fastest attention kernel that transformers supports on this machine."""
    import torch
    from transformers.utils import is_flash_attn_2_available

    return "flash_attention_2" if torch.cuda.is_available() and is_flash_attn_2_available() else "sdpa"


def nf4() -> Any:
    """4-bit weights as the QLoRA paper has them (https://arxiv.org/abs/2305.14314)."""
    import torch
    from transformers import BitsAndBytesConfig

    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
    )


def peak() -> dict[str, float]:
    """Most memory this process has held, in MB."""
    import torch

    unit = 1 if sys.platform == "darwin" else 1024  # macOS counts bytes, Linux kilobytes
    held = {"peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20}
    if torch.cuda.is_available():
        held["peak_gpu_memory_mb"] = torch.cuda.max_memory_allocated() / 2**20
    return held


def main() -> None:
    """Run the order on the command line. Whatever libraries print goes to stderr."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    order = Order(**json.loads(sys.argv[1]))
    baton = Baton(out, order.block, order.steps)
    (train_dyag if order.contender == "dyag" else train_trl)(order, baton)
    baton.end(peak())


if __name__ == "__main__":
    main()
