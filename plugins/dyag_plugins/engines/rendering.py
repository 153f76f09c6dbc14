"""What every engine that holds its model does with a prompt: the same token ids, the same limits, the same seeds."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator, Sequence
from typing import Any, TypeVar

from dyag_core import Decoding, Message, Reply, Run
from dyag_core.api import prompt_ids, takes_system

#: What an engine keeps of a prompt while it answers it.
Row = TypeVar("Row")


def rendered(tokenizer: Any, prompt: Sequence[Message], context_length: int) -> list[int] | Reply:
    """The prompt's token ids, with room left for an answer; or the reply that says why there are none."""
    try:
        ids = prompt_ids(tokenizer, prompt)
    except Exception as error:  # noqa: BLE001 - a template may refuse these messages in its own way
        return Reply(text="", error=f"the chat template refuses the prompt: {type(error).__name__}: {error}")
    if len(ids) >= context_length:
        return Reply(
            text="",
            prompt_tokens=len(ids),
            error=f"the prompt has {len(ids)} tokens, the model's context holds {context_length}",
            hint="ask something shorter, or lower -k",
        )
    return ids


def tell_of_system_turn(tokenizer: Any, run: Run) -> None:
    """Say it once where the chat template has no place for a system turn (`prompt_ids` folds it)."""
    if not takes_system(tokenizer):
        run.tell_once("this model's chat template has no place for a system turn: it begins the first question instead")


def answerable(
    prompts: Sequence[Sequence[Message]], row: Callable[[int, Sequence[Message]], Row | Reply]
) -> Generator[tuple[int, Reply], None, list[Row]]:
    """Yields what `row` replies to prompts that can't be answered, with their numbers; returns the others' rows."""
    rows: list[Row] = []
    for index, prompt in enumerate(prompts):
        made = row(index, prompt)
        if isinstance(made, Reply):
            yield index, made
        else:
            rows.append(made)
    return rows


def seed_for(prompt: Sequence[int], decoding: Decoding) -> int:
    """A seed from the decoding's seed and the prompt alone, so its neighbours don't matter; below 2**63."""
    digest = hashlib.sha256(repr((decoding.seed, list(prompt))).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1
