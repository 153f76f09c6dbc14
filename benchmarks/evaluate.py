"""DYAG's engines against a plain loop, turn about in one run: questions a second, and how soon a chat answers.

    python benchmarks/evaluate.py                     # smollm2:135m without an adapter, built-in questions
    python benchmarks/evaluate.py --model models/sill/final --questions data/sill_test.jsonl

The plain loop is how DYAG 2.0 answered: transformers' `generate`, the adapter not merged, one question after another.
Everybody gets the same token ids, decodes greedily up to the same limit, and answers a block of questions while the
others hold still; the first block, in which they warm up, is left out. A ratio is taken block by block. Answers are
compared with those of the plain loop.

Prints a table and writes evaluate.json and evaluate.md into --output.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from turns import machine, machine_table, shown, spread

PLAIN = "plain loop"


class PlainLoop:
    """`generate` on base model and adapter as PEFT loads them."""

    def __init__(self, base_path: str, adapter: Path | None) -> None:
        import torch
        from transformers import AutoModelForCausalLM

        from dyag_core.chat.template import end_of_turn_ids
        from dyag_plugins.engines.transformers.loading import tokenizer_of

        self._tokenizer = tokenizer_of(base_path, adapter)
        self._model = AutoModelForCausalLM.from_pretrained(base_path, dtype=torch.float32)
        if adapter is not None:
            from peft import PeftModel

            self._model = PeftModel.from_pretrained(self._model, adapter)
        self._model.eval()
        self._ends = sorted(end_of_turn_ids(self._tokenizer))

    def answer(self, prompts: Sequence[Any], limit: int) -> list[str]:
        """One after another."""
        return [self.timed(prompt, limit)[0] for prompt in prompts]

    def timed(self, prompt: Any, limit: int) -> tuple[str, list[float]]:
        """An answer, and the seconds after which each of its tokens was there."""
        import torch
        from transformers import StoppingCriteria, StoppingCriteriaList

        from dyag_core.chat.template import prompt_ids

        times: list[float] = []
        started = time.perf_counter()

        class Clock(StoppingCriteria):  # type: ignore[misc]
            def __call__(self, input_ids: Any, scores: Any, **_: Any) -> Any:
                times.append(time.perf_counter() - started)
                return torch.zeros(len(input_ids), dtype=torch.bool)

        ids = torch.tensor([prompt_ids(self._tokenizer, prompt)])
        with torch.inference_mode():
            out = self._model.generate(
                input_ids=ids,
                attention_mask=torch.ones_like(ids),
                max_new_tokens=limit,
                do_sample=False,
                eos_token_id=self._ends,
                pad_token_id=self._tokenizer.pad_token_id,
                stopping_criteria=StoppingCriteriaList([Clock()]),
            )
        return self._tokenizer.decode(out[0, ids.shape[1] :], skip_special_tokens=True).strip(), times


def race(
    contenders: dict[str, Callable[[Sequence[Any]], list[str]]], blocks: Sequence[Sequence[Any]]
) -> dict[str, Any]:
    """Everybody answers each block in turn; the first block only warms up."""
    answers: dict[str, list[str]] = {name: [] for name in contenders}
    rates: dict[str, list[float]] = {name: [] for name in contenders}
    for number, block in enumerate(blocks):
        for name, answer in contenders.items():
            started = time.perf_counter()
            given = answer(block)
            rate = len(block) / (time.perf_counter() - started)
            answers[name] += given
            if number:
                rates[name].append(rate)
            print(f"  {name:12} {rate:.2f} questions/s{'' if number else ' (warm-up)'}", flush=True)
    return {
        name: {
            "questions_per_second": spread(rates[name]),
            "ratio": spread([ours / theirs for ours, theirs in zip(rates[name], rates[PLAIN], strict=True)]),
            "same_answers": sum(a == b for a, b in zip(answers[name], answers[PLAIN], strict=True))
            / len(answers[PLAIN]),
        }
        for name in contenders
    }


def chat(plain: PlainLoop, engines: dict[str, Any], prompts: Sequence[Any], limit: int) -> dict[str, Any]:
    """One question at a time, as somebody at a terminal asks: when the first text comes, and how fast the rest."""
    from dyag_core import Decoding

    first: dict[str, list[float]] = {name: [] for name in (PLAIN, *engines)}
    rates: dict[str, list[float]] = {name: [] for name in first}
    for prompt in prompts:
        times = plain.timed(prompt, limit)[1]
        measured = {PLAIN: (times[0], len(times), times[-1])}
        for name, engine in engines.items():
            measured[name] = _streamed(engine, prompt, Decoding(max_new_tokens=limit))
        if min(tokens for _, tokens, _ in measured.values()) < 3:
            continue  # too short for a rate
        for name, (start, tokens, end) in measured.items():
            first[name].append(start)
            rates[name].append((tokens - 1) / (end - start))
    if not rates[PLAIN]:
        raise SystemExit("every answer is shorter than three tokens: give other --questions")
    return {
        name: {
            "first_token_seconds": spread(first[name]),
            "tokens_per_second": spread(rates[name]),
            "ratio": spread([ours / theirs for ours, theirs in zip(rates[name], rates[PLAIN], strict=True)]),
        }
        for name in rates
    }


def _streamed(engine: Any, prompt: Any, decoding: Any) -> tuple[float, int, float]:
    """Seconds to the first piece of text, tokens, seconds to the end."""
    started, first = time.perf_counter(), 0.0
    stream = engine.stream(prompt, decoding)
    while True:
        try:
            next(stream)
        except StopIteration as done:
            seconds = time.perf_counter() - started
            return first or seconds, done.value.completion_tokens, seconds
        first = first or time.perf_counter() - started


def markdown(result: dict[str, Any]) -> str:
    """The result as two tables."""
    lines = [
        f"# Answering speed, {result['model']}",
        "",
        machine_table(result["machine"]),
        "",
        f"{result['questions']} questions in blocks of {result['block']}, at most {result['max_new_tokens']} tokens "
        "each, greedy.",
        "",
        "| evaluating | questions/s, median (range) | over the plain loop | same answers |",
        "|---|---|---|---|",
    ]
    for name, run in result["evaluating"].items():
        lines.append(
            f"| {name} | {shown(run['questions_per_second'])} | {shown(run['ratio'])}x | {run['same_answers']:.0%} |"
        )
    lines += [
        "",
        "| one question at a time | first token, s | tokens/s | over the plain loop |",
        "|---|---|---|---|",
    ]
    for name, run in result["chat"].items():
        cells = [shown(run[key]) for key in ("first_token_seconds", "tokens_per_second", "ratio")]
        lines.append(f"| {name} | {cells[0]} | {cells[1]} | {cells[2]}x |")
    told = ", ".join(f"{name}: {about}" for name, about in result["engines"].items())
    return "\n".join([*lines, "", f"Engines: {told}."]) + "\n"


def asked(path: Path | None, limit: int) -> list[Any]:
    """The prompts: a file of questions, or the ones that engines are compared with."""
    from dyag_core.chat.prompts import SYSTEM
    from dyag_core.chat.questions import read_questions
    from dyag_plugins.engines.llamacpp import parity

    if path is None:
        return parity.prompts()[:limit]
    return [question.messages for question in read_questions(path, SYSTEM["fr"])][:limit]


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Open everybody, run both races."""
    from dyag_core import Decoding
    from dyag_core.evaluation.arm_models import Models
    from dyag_core.plugin.host import Plugins
    from dyag_core.plugin.run import Run
    from dyag_core.progress import SilentProgress

    plugins = Plugins()
    models = Models.resolve(arguments.model, arguments.base_model, plugins, SilentProgress())
    run = Run(stage="query", folder=Path(), plugins=plugins)
    engines = {
        name: plugins.engine(plugins.choose("engines", name, options), models.base_path, models.model, run)
        for name, options in (
            ("transformers", {"batch_size": arguments.block}),
            ("llamacpp", {"quantization": arguments.quantization, "parity": "off", "parallel": arguments.block}),
        )
    }
    plain = PlainLoop(models.base_path, models.model)
    prompts, decoding = asked(arguments.questions, arguments.limit), Decoding(max_new_tokens=arguments.max_new_tokens)

    def batch(engine: Any) -> Callable[[Sequence[Any]], list[str]]:
        return lambda block: [
            reply.text for _, reply in sorted(engine.answer(block, decoding), key=lambda item: item[0])
        ]

    contenders = {PLAIN: lambda block: plain.answer(block, arguments.max_new_tokens)}
    contenders |= {name: batch(engine) for name, engine in engines.items()}
    blocks = [prompts[start : start + arguments.block] for start in range(0, len(prompts), arguments.block)]
    if len(blocks) < 2:
        raise SystemExit("there must be two blocks of questions at least: the first one warms up")
    evaluating = race(contenders, blocks)
    return {
        "model": models.base.name if models.base.source.startswith(("hub:", "pypi:")) else Path(models.base_path).name,
        "adapter": models.model is not None,
        "machine": machine(),
        "questions": len(prompts),
        "block": arguments.block,
        "max_new_tokens": arguments.max_new_tokens,
        "engines": {name: engine.about for name, engine in engines.items()},
        "evaluating": evaluating,
        "chat": chat(plain, engines, prompts[: arguments.chats], arguments.max_new_tokens),
    }


def main() -> None:
    """Run, print, write."""
    from dyag_core.artifacts import atomic_text, to_json

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, help="a fine-tuned model: OUTPUT/final")
    parser.add_argument("--base-model", help="anything that --base-model takes; smollm2:135m where no --model is given")
    parser.add_argument("--questions", type=Path, help="a file of questions; by default twenty built-in ones")
    parser.add_argument("--limit", type=int, default=64, help="ask the first N of them")
    parser.add_argument("--block", type=int, default=8, help="questions before the next one's turn; the first warms up")
    parser.add_argument("--chats", type=int, default=8, help="questions asked one at a time")
    parser.add_argument("--max-new-tokens", type=int, default=48)
    parser.add_argument("--quantization", default="auto", choices=["auto", "f16", "q8_0"])
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results"))
    arguments = parser.parse_args()
    if arguments.model is None and arguments.base_model is None:
        arguments.base_model = "smollm2:135m"
    result = measure(arguments)
    arguments.output.mkdir(parents=True, exist_ok=True)
    atomic_text(arguments.output / "evaluate.json", to_json(result, indent=1) + "\n")
    atomic_text(arguments.output / "evaluate.md", markdown(result))
    print(markdown(result))


if __name__ == "__main__":
    main()
