"""How many tokens a prompt has, where the tokenizer is a server's and out of reach: a guess from its length."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dyag_core.records import Message

#: UTF-8 bytes a token. Made for English and reading French, SmolLM2's tokenizer has 2.6; tokenizers of large models
#: have 3 to 4, so for them the guess is too high. That is the better side to err on: for a budget and for a context.
BYTES_PER_TOKEN = 2.5
#: What a chat template puts around a turn.
_TOKENS_PER_TURN = 6


def guessed_tokens(prompt: Sequence[Message]) -> int:
    """About how many tokens a chat prompt has, rather too many."""
    return sum(guessed_text_tokens(len(turn.content.encode("utf-8", "replace"))) + _TOKENS_PER_TURN for turn in prompt)


def guessed_text_tokens(utf8_bytes: int) -> int:
    """About how many tokens a text of so many bytes has, rather too many."""
    return int(utf8_bytes / BYTES_PER_TOKEN) + 1
