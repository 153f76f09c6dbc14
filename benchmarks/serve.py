"""A served folder under load: the first token, one client against eight, sixty-four at once.

    python benchmarks/serve.py quickstart/
    python benchmarks/serve.py quickstart/ --model hybrid --requests 32 --engine llamacpp --arms finetuned,hybrid

The server runs in a process of its own, the clients here, on this machine alone; the number of requests is fixed. One
client and eight are measured in turns, since machines that others use, too, differ from minute to minute.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import openai


async def answer(client: Any, model: str, question: str, tokens: int) -> tuple[str, int, float]:
    """Text, tokens, and seconds to the first of them."""
    started, first, text, count = time.perf_counter(), 0.0, "", 0
    stream = await client.chat.completions.create(
        model=model,
        messages=[{"role": "user", "content": question}],
        max_tokens=tokens,
        stream=True,
        stream_options={"include_usage": True},
    )
    async for chunk in stream:
        if chunk.usage:
            count = chunk.usage.completion_tokens
        elif chunk.choices[0].delta.content:
            first = first or time.perf_counter() - started
            text += chunk.choices[0].delta.content
    return text, count, first


async def rate(client: Any, model: str, questions: Sequence[str], tokens: int, clients: int) -> float:
    """Tokens a second with so many clients, each asking anew when it has its answer."""
    waiting, written = list(questions), list[int]()

    async def one() -> None:
        while waiting:
            written.append((await answer(client, model, waiting.pop(), tokens))[1])

    started = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(clients)))
    return sum(written) / (time.perf_counter() - started)


async def measure(url: str, given: argparse.Namespace, questions: list[str]) -> dict[str, Any]:
    """All figures."""
    asked = [questions[n % len(questions)] for n in range(given.requests)]
    async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="none", timeout=600, max_retries=0) as client:
        for question in asked[:2]:
            await answer(client, given.model, question, given.tokens)
        first = [(await answer(client, given.model, question, 4))[2] for question in asked[:10]]
        ones, eights = [], []
        for _ in range(3):
            ones.append(await rate(client, given.model, asked[:8], given.tokens, 1))
            eights.append(await rate(client, given.model, asked[:8], given.tokens, 8))
        alone = [(await answer(client, given.model, question, given.tokens))[0] for question in asked]
        many = [asked[n % len(asked)] for n in range(64)]
        found = await asyncio.gather(
            *(answer(client, given.model, question, given.tokens) for question in many), return_exceptions=True
        )
    lost = [one for one in found if isinstance(one, BaseException)]
    same = sum(not isinstance(one, BaseException) and one[0] == alone[n % len(asked)] for n, one in enumerate(found))
    return {
        "first_token_seconds": {"median": round(statistics.median(first), 3), "longest": round(max(first), 3)},
        "tokens_per_second": {"one": round(statistics.median(ones), 1), "eight": round(statistics.median(eights), 1)},
        "eight_to_one": [round(eight / one, 2) for one, eight in zip(ones, eights, strict=True)],
        "sixty_four_at_once": {"lost": len(lost), "as_one_at_a_time": same},
    }


def main() -> None:
    """Start a server, ask it, print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", default="hybrid")
    parser.add_argument("--requests", type=int, default=16)
    parser.add_argument("--tokens", type=int, default=32)
    given, more = parser.parse_known_args()
    lines = (given.folder / "training_test.jsonl").read_text("utf-8").splitlines()
    turns = [json.loads(line)["messages"] for line in lines]
    questions = [next(turn["content"] for turn in reversed(one) if turn["role"] == "user") for one in turns]
    command = [sys.executable, "-m", "dyag_core.cli", "serve", str(given.folder), "--port", "0", "--timeout", "600"]
    with subprocess.Popen([*command, *more], stderr=subprocess.PIPE, text=True) as server:
        try:
            assert server.stderr is not None
            for line in server.stderr:
                if "/v1 " in line:
                    url = line.split("/v1 ")[0]
                    break
                print(line, end="", file=sys.stderr)
            print(json.dumps(asyncio.run(measure(url, given, questions)), indent=2))
        finally:
            server.terminate()


if __name__ == "__main__":
    main()
