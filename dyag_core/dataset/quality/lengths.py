"""How long rows are: in tokens as the base model will see them, or in words where no base model was named."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from dyag_core.chat.template import training_ids
from dyag_core.dataset.quality.counting import histogram, percentile
from dyag_core.errors import GateError
from dyag_core.models.sources import fetch_tokenizer
from dyag_core.records.example import Message
from dyag_core.records.quality import Lengths

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dyag_core.plugin.host import Plugins
    from dyag_core.progress import Progress
    from dyag_core.records import BaseModelPreset


class Ruler:
    """Measures rows one by one. Without a tokenizer it counts words.

    Args:
        preset: the base model whose chat template and tokenizer count.
        tokenizer: the preset's.
    """

    def __init__(self, preset: BaseModelPreset | None = None, tokenizer: Any = None) -> None:
        self.tokenizer = tokenizer
        self._preset = preset
        self._counts: Counter[int] = Counter()
        self._over = 0

    @classmethod
    def of(cls, base_model: str | None, plugins: Plugins, progress: Progress) -> Ruler:
        """A ruler for the base model of that name, fetched if need be; None: words.

        Raises:
            UsageError: unknown, not to be had, or without a chat template. PluginError: a library is missing.
        """
        if base_model is None:
            return cls()
        preset = plugins.base_model(base_model)
        return cls(preset, fetch_tokenizer(preset, progress))

    @property
    def name(self) -> str | None:
        """The base model's; None in words."""
        return self._preset.name if self._preset else None

    @property
    def limit(self) -> int | None:
        """The longest example that training takes by default, in tokens; None in words."""
        return self._preset.training_length if self._preset else None

    def measure(self, turns: Sequence[Mapping[str, str]]) -> int:
        """Count a row's turns (role and content) in, and return its length."""
        if self.tokenizer is None:
            length = len(" ".join([turn["content"] for turn in turns]).split())
        else:
            messages = [Message.model_validate({"role": t["role"], "content": t["content"]}) for t in turns]
            try:
                length = len(training_ids(self.tokenizer, messages).input_ids)
            except GateError as error:
                raise GateError(f"{self.name}: {error.message}", error.hint) from error
        self._counts[length] += 1
        limit = self.limit
        self._over += limit is not None and length > limit
        return length

    def lengths(self) -> Lengths | None:
        """What was measured; None where nothing was."""
        if not self._counts:
            return None
        return Lengths(
            unit="words" if self.tokenizer is None else "tokens",
            base_model=self.name,
            median=percentile(self._counts, 0.5),
            p95=percentile(self._counts, 0.95),
            longest=max(self._counts),
            limit=self.limit,
            over=None if self.limit is None else self._over,
            histogram=histogram(self._counts),
        )
