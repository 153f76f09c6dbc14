"""Training rows as token ids, checked one by one before the first step."""

from __future__ import annotations

import random
import statistics
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dyag_core import GateError
from dyag_core.api import IGNORED, Conversation, TrainingIds, end_of_turn_ids, read_conversations, training_ids


@dataclass
class Encoded:
    """A training file as token ids. `overflow` counts what was over `limit` and what became of it."""

    path: Path
    limit: int
    items: list[TrainingIds] = field(default_factory=list)
    overflow: Counter[str] = field(default_factory=Counter)

    @property
    def lengths(self) -> list[int]:
        """Tokens of each example."""
        return [len(item.input_ids) for item in self.items]

    def statistics(self) -> dict[str, Any]:
        """Counts for the passport: examples, tokens, trained tokens, lengths, overflow."""
        lengths, trained = self.lengths, [item.trained_tokens for item in self.items]
        return {
            "examples": len(self.items),
            "tokens": sum(lengths),
            "trained_tokens": sum(trained),
            "tokens_an_example": _spread(lengths),
            "trained_tokens_an_example": _spread(trained),
            "max_length": self.limit,
            "overflow": dict(self.overflow),
        }


def encode(path: Path, tokenizer: Any, limit: int, on_overflow: str, *, leave_out: Sequence[str] = ()) -> Encoded:
    """Read, tokenise and check every example of `path`.

    Args:
        path: training file, in any of the three shapes.
        tokenizer: the base model's.
        limit: most tokens an example may have.
        on_overflow: "error", "drop" or "truncate" what is longer; always counted.
        leave_out: strata that are passed over.

    Raises:
        GateError: an example breaks a rule or is too long; names the lines. UsageError: the file can't be read.
    """
    encoded = Encoded(path, limit)
    too_long: list[int] = []
    broken: list[str] = []
    for row in read_conversations(path):
        if row.meta.get("stratum") in leave_out:
            continue
        try:
            ids = training_ids(tokenizer, row.messages)
            check(ids, row, tokenizer)
        except GateError as error:
            broken.append(f"line {row.line}: {error.message}")
            continue
        if len(ids.input_ids) > limit:
            too_long.append(row.line)
            ids = _cut(ids, limit) if on_overflow == "truncate" else TrainingIds([], [])
            kept = bool(ids.trained_tokens)
            encoded.overflow["truncated" if kept else "dropped"] += 1
            if not kept:
                continue
        encoded.items.append(ids)
    if broken:
        raise GateError(
            f"{path}: {len(broken)} examples can't be trained on as they are\n  " + "\n  ".join(broken[:5]),
            "correct these lines, or choose a base model whose chat template fits them",
        )
    if too_long and on_overflow == "error":
        raise GateError(
            f"{path}: {len(too_long)} examples are longer than {limit} tokens "
            f"(lines {', '.join(map(str, too_long[:10]))}{', ...' if len(too_long) > 10 else ''})",
            "raise -o max_length=..., or say what to do: -o on_overflow=drop, -o on_overflow=truncate",
        )
    if not encoded.items and not leave_out:
        raise GateError(f"{path}: no example is left: all are longer than {limit} tokens", "raise -o max_length=...")
    return encoded


def check(ids: TrainingIds, row: Conversation, tokenizer: Any) -> None:
    """The rules that every example must keep.

    At least one trained token; every answer's end of turn trained (a model that never saw it never stops); BOS as
    often as the template writes it, never added a second time by the tokenizer.

    Raises:
        GateError: says which rule is broken.
    """
    ends = end_of_turn_ids(tokenizer)
    if not ids.trained_tokens:
        raise GateError("no token would be trained")
    answers = sum(message.role == "assistant" for message in row.messages)
    trained_ends = sum(label in ends for label in ids.labels if label != IGNORED)
    if trained_ends < answers:
        raise GateError(f"{answers} answers, but only {trained_ends} end-of-turn tokens would be trained")
    bos = tokenizer.bos_token_id
    if bos is not None and bos not in ends and ids.input_ids[:2] == [bos, bos]:
        raise GateError(f"it begins with two {tokenizer.bos_token!r}")


def show(ids: TrainingIds, tokenizer: Any) -> str:
    """An example as the model sees it, with the trained part between ⟦ and ⟧."""
    text, run, trained = "", [], False
    for token, label in [*zip(ids.input_ids, ids.labels, strict=True), (None, None)]:
        now = label is not None and label != IGNORED
        if token is None or now != trained:
            piece = tokenizer.decode(run)
            text += f"⟦{piece}⟧" if trained else piece
            run, trained = [], now
        run.append(token)
    return text


def collate(items: Sequence[dict[str, Any]], pad: int) -> dict[str, Any]:
    """A padded batch of shape (examples, longest): padding stands right, is masked, and carries no loss."""
    import torch

    longest = max(len(item["input_ids"]) for item in items)

    def padded(rows: Iterator[list[int]], filler: int) -> Any:
        return torch.tensor([row + [filler] * (longest - len(row)) for row in rows], dtype=torch.long)

    return {
        "input_ids": padded((item["input_ids"] for item in items), pad),
        "attention_mask": padded(([1] * len(item["input_ids"]) for item in items), 0),
        "labels": padded((item["labels"] for item in items), IGNORED),
    }


class LikeLengths:
    """The order of an epoch: batches of examples of like length, themselves in random order.

    It depends on seed and epoch alone, so a run that goes on in the middle of an epoch meets the same batches.
    """

    def __init__(self, lengths: Sequence[int], batch: int, seed: int) -> None:
        self._lengths = lengths
        self._batch = batch
        self._seed = seed
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Called by accelerate's data loader at the start of each epoch."""
        self._epoch = epoch

    def __len__(self) -> int:
        return len(self._lengths)

    def __iter__(self) -> Iterator[int]:
        chance = random.Random(f"{self._seed}/{self._epoch}")
        order = list(range(len(self._lengths)))
        chance.shuffle(order)
        pool = self._batch * 8  # sorting all of them would give the same batches in every epoch
        order = [i for start in range(0, len(order), pool) for i in self._sorted(order[start : start + pool])]
        batches = [order[start : start + self._batch] for start in range(0, len(order), self._batch)]
        short = batches.pop() if len(batches[-1]) < self._batch else []
        chance.shuffle(batches)
        return iter([i for batch in [*batches, short] for i in batch])

    def _sorted(self, indices: list[int]) -> list[int]:
        return sorted(indices, key=lambda i: self._lengths[i])


def _cut(ids: TrainingIds, limit: int) -> TrainingIds:
    return TrainingIds(ids.input_ids[:limit], ids.labels[:limit])


def _spread(values: Sequence[int]) -> dict[str, float]:
    if not values:
        return {}
    return {
        "min": min(values),
        "median": statistics.median(values),
        "mean": round(statistics.fmean(values), 1),
        "max": max(values),
    }
