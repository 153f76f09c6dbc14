"""Answers that end as text: a model that was given its chat template seldom ends a turn with the template's token."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from dyag_core.api import control_tokens, stop_texts


class Stops:
    """Where answers end besides the tokens that end a turn: nowhere for a model with its own template."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._texts = stop_texts(tokenizer)
        # a token is a byte at least, so that a stop which has just been written is within so many
        self._within = max((len(text.encode()) for text in self._texts), default=0) + 1
        self._control = re.compile("|".join(map(re.escape, control_tokens(tokenizer))) or "(?!)")

    def reached(self, ids: Sequence[int]) -> bool:
        """Whether a stop stands at the end of an answer."""
        return bool(self._texts) and self._first(self._decoded(ids[-self._within :])) is not None

    def text(self, ids: Sequence[int]) -> str:
        """An answer as text, up to its stop and without control tokens."""
        if not self._texts:
            return self._decoded(ids, skip_special_tokens=True)
        whole = self._decoded(ids)
        return self._control.sub("", whole[: self._first(whole)])

    def without_beginning(self, text: str) -> str:
        """`text` without what may turn out to be the beginning of a stop."""
        for length in range(min(len(text), self._within), 0, -1):
            if any(stop.startswith(text[-length:]) for stop in self._texts):
                return text[:-length]
        return text

    def _first(self, text: str) -> int | None:
        found = [place for stop in self._texts if (place := text.find(stop)) >= 0]
        return min(found, default=None)

    def _decoded(self, ids: Sequence[int], *, skip_special_tokens: bool = False) -> str:
        text: str = self._tokenizer.decode(
            ids, skip_special_tokens=skip_special_tokens, clean_up_tokenization_spaces=False
        )
        return text
