"""Chats for the benchmarks, made on the spot: always the same, of a measured number of tokens."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

PLACES = "Alder Ash Beacon Birch Cairn Cedar Cliff Dune Elder Fern Gannet Gull Harbour Heather Heron Holm".split()
KINDS = "Point Rock Head Bay Island Ness Reef Sound".split()
KEEPERS = "Mary Ellis,John Rowe,Ann Carter,Peter Lang,Ruth Dale,Hugh Marsh,Ellen Byrne,Thomas Reed".split(",")
MATERIALS = "granite brick iron limestone oak slate".split()
ASIDES = (
    "I am writing a short guide for visitors and would like to have it right.",
    "The sign at the landing stage is no longer readable.",
    "Two of my books say different things about it.",
    "My grandfather used to tell us about that coast when we were children.",
    "The local paper had a long article on it last spring, but I have lost the page.",
    "We pass it every week on the way to the market and nobody on board can tell.",
)
SYSTEM = (
    "You answer questions about lighthouses. Answer from the register of the coast, in one short sentence, and give "
    "years and names exactly as they stand there. If the register has no entry for a lighthouse, say that you do not "
    "know. Never guess a year, never add what was not asked for, and do not repeat the question. Heights are in metres "
    "above high water, distances in nautical miles, and every date follows the calendar in use since the reform. Names "
    "of keepers are given without their titles. Where a tower was rebuilt, the year is that of the tower which stands "
    "today; the years of older towers are given only when the question asks for them by name. Be polite and be brief."
)


def write_chats(path: Path, tokenizer: Any, count: int, shared: int, mean: int, seed: int = 1) -> dict[str, float]:
    """Write `count` chats of about `mean` tokens each, about the first `shared` of them the same in all.

    Returns the real figures, measured with `tokenizer` under its chat template.
    """
    chance = random.Random(seed)
    lights = [(place, kind) for place in PLACES for kind in KINDS]
    chance.shuffle(lights)
    system = _system(tokenizer, lights, shared)
    spread = [0.45 + 1.1 * i / max(1, count - 1) for i in range(count)]  # short and long questions, evenly
    chance.shuffle(spread)
    chats = [
        _chat(tokenizer, system, lights[i % len(lights)], chance, shared + spread[i] * (mean - shared))
        for i in range(count)
    ]
    path.write_text("".join(json.dumps({"messages": chat}) + "\n" for chat in chats), encoding="utf-8")
    return measure(tokenizer, chats)


def measure(tokenizer: Any, chats: list[list[dict[str, str]]]) -> dict[str, float]:
    """Tokens of `chats` under the tokenizer's chat template: mean, shared by all, trained."""
    from dyag_core.chat.template import training_ids
    from dyag_core.records import Message

    items = [training_ids(tokenizer, [Message(**message) for message in chat]) for chat in chats]
    rows = [list(item.input_ids) for item in items]
    shared = next((i for i, column in enumerate(zip(*rows, strict=False)) if len(set(column)) > 1), min(map(len, rows)))
    return {
        "examples": len(rows),
        "mean_tokens": round(sum(map(len, rows)) / len(rows), 1),
        "longest": max(map(len, rows)),
        "shared_tokens": shared,
        "trained_tokens": round(sum(item.trained_tokens for item in items) / len(rows), 1),
    }


def _system(tokenizer: Any, lights: list[tuple[str, str]], shared: int) -> str:
    """As much of SYSTEM as makes two chats share `shared` tokens."""
    words = SYSTEM.split()
    for count in range(1, len(words)):
        system = " ".join(words[:count]).rstrip(",;.") + "."
        pair = [_messages(system, text, "It was.") for text in ("Who kept it?", "When did it open?")]
        if measure(tokenizer, pair)["shared_tokens"] >= shared:
            return system
    return SYSTEM


def _chat(
    tokenizer: Any, system: str, light: tuple[str, str], chance: random.Random, tokens: float
) -> list[dict[str, str]]:
    """One chat about one lighthouse, its question made longer until the chat has `tokens` tokens."""
    name = " ".join(light)
    year, keeper, material = 1700 + chance.randrange(200), chance.choice(KEEPERS), chance.choice(MATERIALS)
    question, answer = chance.choice(
        [
            (f"When was the lighthouse at {name} built?", f"In {year}."),
            (f"Who was the first keeper at {name}?", f"{keeper}, from {year}."),
            (f"What is the tower at {name} made of?", f"It is built of {material}."),
        ]
    )
    asides = chance.sample(ASIDES, len(ASIDES))
    chat = _messages(system, question, answer)
    while asides and measure(tokenizer, [chat])["mean_tokens"] < tokens:
        words = asides.pop().split()
        for end in range(3, len(words) + 1):
            chat = _messages(system, f"{' '.join(words[:end])} {question}", answer)
            if measure(tokenizer, [chat])["mean_tokens"] >= tokens:
                return chat
        question = chat[1]["content"]
    return chat


def _messages(system: str, question: str, answer: str) -> list[dict[str, str]]:
    roles = ("system", "user", "assistant")
    return [{"role": role, "content": text} for role, text in zip(roles, (system, question, answer), strict=True)]
