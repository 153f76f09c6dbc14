"""DYAG's `lora` trainer against a plain TRL script, turn about in one run.

    python benchmarks/train.py                          # smollm2:135m, both data sets
    python benchmarks/train.py --data short --steps 60 --output results

Same examples in the same batches, same LoRA (r=16, alpha=32, all linear layers), learning rate and schedule, loss on
answers only, no gradient checkpointing. Each contender has a process of its own and runs some steps while the others
hold still; their first block, in which they load and warm up, is left out. TRL runs in float32, under bf16 autocast,
and with frozen weights in bf16; the fastest of them counts, and one that is half as fast leaves early. On a processor
whose bf16 products are slow it runs in float32 alone. On a GPU it gets flash attention where that is installed.

Useful FLOP/s: the products that a batch needs at least (frozen weights forwards and to the inputs' gradients backwards:
4 a weight and token, the shared beginning once a batch, the vocabulary at trained positions only; attention and LoRA
left out) over the time taken. Share of peak: that over the fastest square matrix product of this machine.

Prints a table and writes train.json and train.md into --output.
"""

from __future__ import annotations

import argparse
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from chats import write_chats
from contenders import Order, encoded, order_of
from turns import TRL, Contender, gemm_peak, machine, machine_table, shown, spread, ways_worth_running

#: name: tokens of an example on average, tokens that all share
DATA = {"short": (80, 22), "shared": (155, 102)}
EXAMPLES = 128
MEMORY = ("peak_memory_mb", "peak_gpu_memory_mb")


def race(name: str, arguments: argparse.Namespace, peak: dict[str, float], work: Path) -> dict[str, Any]:
    """Train on one data set, everybody in turn."""
    from dyag_core.models.sources import load_tokenizer, locate
    from dyag_core.plugin.host import Plugins

    preset = Plugins().base_model(arguments.model)
    path = locate(preset)
    tokenizer = load_tokenizer(path, preset.context_length)
    mean, shared = DATA[name]
    data = work / f"{name}.jsonl"
    measured = write_chats(data, tokenizer, EXAMPLES, shared, mean)
    print(f"{name}: {measured}", flush=True)
    rate = arguments.learning_rate or preset.learning_rate
    orders = [
        Order(who, arguments.model, str(data), str(work), arguments.steps, arguments.block, arguments.batch, rate)
        for who in ("dyag", *arguments.trl)
    ]
    with ExitStack() as stack:
        runners = [stack.enter_context(Contender(order)) for order in orders]
        while not runners[0].end:
            for runner in runners:
                if not runner.left:
                    block = runner.turn()
                    print(f"  {runner.name:8} {len(block['losses'])} steps in {block['seconds']:.1f} s", flush=True)
            if len(runners[0].blocks) == 3:
                drop_hopeless(runners[1:], arguments.batch)
    work_done = useful_flops(orders[0], tokenizer, path)
    return measured | outcome(runners, arguments.batch, work_done, peak)


def drop_hopeless(runners: list[Contender], batch: int) -> None:
    """A way to run TRL that is twice as slow as another one leaves: a CPU without bf16 units would take hours."""
    rates = {runner: max(runner.rates(batch)) for runner in runners}
    for runner, rate in rates.items():
        if 2 * rate < max(rates.values()):
            print(f"  {runner.name:8} leaves: less than half as fast as the fastest TRL", flush=True)
            runner.leave()


def outcome(runners: list[Contender], batch: int, flops: float, peak: dict[str, float]) -> dict[str, Any]:
    """What the blocks say. `flops` are needed for one step, on average; `peak` is the machine's, in GFLOP/s."""
    contenders = {}
    for runner in runners:
        rates = spread(runner.rates(batch))
        useful = rates["median"] / batch * flops / 1e9
        contenders[runner.name] = {
            "examples_per_second": rates,
            "useful_gflops": useful,
            "share_of_peak": useful / max(peak.values()),
            **{key: value for key, value in runner.end.items() if key != "steps"},
            "left_early": runner.left,
            "losses": runner.losses,
        }
    dyag, *others = runners
    best = max(
        (runner for runner in others if not runner.left), key=lambda runner: spread(runner.rates(batch))["median"]
    )
    paired = [ours / theirs for ours, theirs in zip(dyag.rates(batch), best.rates(batch), strict=True)]
    tail = max(1, len(dyag.losses) // 5)
    final = {runner.name: sum(runner.losses[-tail:]) / tail for runner in (dyag, best)}
    difference = abs(final[dyag.name] / final[best.name] - 1)
    return {
        "gemm_peak_gflops": peak,
        "contenders": contenders,
        "best_trl": best.name,
        "ratio": spread(paired),
        "final_loss": final,
        "final_loss_difference": difference,
        "same_loss": difference <= 0.01,
    }


def useful_flops(order: Order, tokenizer: Any, path: str) -> float:
    """Floating-point operations that a step needs at least, on average over the run."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(path))
    linear = [module for module in model.modules() if isinstance(module, torch.nn.Linear)]
    head = model.get_output_embeddings().weight.numel()
    body = sum(module.weight.numel() for module in linear) - head
    items = encoded(order, tokenizer)
    numbers = order_of(order, [len(item.input_ids) for item in items])
    total = 0
    for start in range(0, len(numbers), order.batch):
        batch = [items[number] for number in numbers[start : start + order.batch]]
        columns = zip(*(item.input_ids for item in batch), strict=False)
        shared = next((i for i, column in enumerate(columns) if len(set(column)) > 1), 0)
        tokens = shared + sum(len(item.input_ids) - shared for item in batch)
        total += 4 * (body * tokens + head * sum(item.trained_tokens for item in batch))
    return total / order.steps


def markdown(result: dict[str, Any]) -> str:
    """The result as tables."""
    lines = [f"# Training speed: DYAG against TRL, {result['model']}", "", machine_table(result["machine"])]
    for name, figures in result["data"].items():
        peak = ", ".join(f"{dtype} {value:.0f}" for dtype, value in figures["gemm_peak_gflops"].items())
        gpu = any("peak_gpu_memory_mb" in run for run in figures["contenders"].values())
        lines += [
            "",
            f"## {name}: {figures['mean_tokens']} tokens an example, {figures['shared_tokens']} shared, "
            f"{figures['trained_tokens']} trained",
            "",
            f"| | examples/s, median (range) | peak memory, MB |{' GPU, MB |' if gpu else ''} share of GEMM peak | "
            "loss, first and last steps |",
            f"|---|---|---|---|{'---|' if gpu else ''}---|",
        ]
        for who, run in figures["contenders"].items():
            losses = run["losses"]
            tail = max(1, len(losses) // 5)
            ends = f"{sum(losses[:tail]) / tail:.4f} to {sum(losses[-tail:]) / tail:.4f}"
            memory = [f"{run[key]:.0f}" if key in run else "-" for key in MEMORY[: 1 + gpu]]
            cells = [
                f"{who} (left early)" if run["left_early"] else who,
                shown(run["examples_per_second"]),
                *memory,
                f"{run['share_of_peak']:.0%}",
                ends,
            ]
            lines.append(f"| {' | '.join(cells)} |")
        lines += ["", *loss_curves(figures["contenders"])]
        same = "within 1 %" if figures["same_loss"] else "NOT within 1 %"
        lines += [
            "",
            f"DYAG over {figures['best_trl']}, the fastest TRL: **{shown(figures['ratio'])}x**. Final loss differs by "
            f"{figures['final_loss_difference']:.2%}, {same}. GEMM peak, GFLOP/s: {peak}.",
        ]
    return "\n".join(lines) + "\n"


def loss_curves(contenders: dict[str, dict[str, Any]], points: int = 10) -> list[str]:
    """The loss at some steps from the first to the last, a row each."""
    last = max(len(run["losses"]) for run in contenders.values()) - 1
    steps = sorted({round(last * i / (points - 1)) for i in range(points)})
    rows = [f"| loss at step | {' | '.join(str(step + 1) for step in steps)} |", "|---" * (len(steps) + 1) + "|"]
    for who, run in contenders.items():
        losses = [f"{run['losses'][step]:.4f}" if step < len(run["losses"]) else "-" for step in steps]
        rows.append(f"| {who} | {' | '.join(losses)} |")
    return rows


def main() -> None:
    """Run, print, write."""
    from dyag_core.artifacts import atomic_text, to_json

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="smollm2:135m", help="anything that --base-model takes")
    parser.add_argument("--data", nargs="+", choices=DATA, default=list(DATA))
    parser.add_argument("--trl", nargs="+", choices=TRL, help="TRL contenders; default: those worth it here")
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--block", type=int, default=5, help="steps before the next one's turn; the first is warm-up")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--learning-rate", type=float, help="peak; the model's preset by default")
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results"))
    arguments = parser.parse_args()
    if EXAMPLES % arguments.batch or arguments.steps < 2 * arguments.block:
        parser.error(f"--batch has to divide {EXAMPLES}, and --steps to hold two blocks")
    peak = gemm_peak()
    arguments.trl = arguments.trl or ways_worth_running(peak)
    with tempfile.TemporaryDirectory() as work:
        data = {name: race(name, arguments, peak, Path(work)) for name in arguments.data}
    model = Path(arguments.model).name if Path(arguments.model).exists() else arguments.model
    settings = {key: getattr(arguments, key) for key in ("steps", "block", "batch")}
    result = {"model": model, "machine": machine(), **settings, "data": data}
    arguments.output.mkdir(parents=True, exist_ok=True)
    atomic_text(arguments.output / "train.json", to_json(result, indent=1) + "\n")
    atomic_text(arguments.output / "train.md", markdown(result))
    print(markdown(result))


if __name__ == "__main__":
    main()
