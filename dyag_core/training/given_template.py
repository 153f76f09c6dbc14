"""Which chat template a base model is trained and asked with, where it comes without one of its own."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

from dyag_core.chat.template_check import refuse_unfit
from dyag_core.errors import UsageError
from dyag_core.models.chat_templates import BUILT_IN, template_text
from dyag_core.models.sources import load_tokenizer

if TYPE_CHECKING:
    from dyag_core.progress import Progress
    from dyag_core.records import BaseModelPreset, Passport


def with_template(
    preset: BaseModelPreset, base_path: str, given: str | None, passport: Passport | None, progress: Progress
) -> BaseModelPreset:
    """`preset` with the text of its template: what it was trained with, else what was given, else the preset's own.

    Without any of these the model's own template counts, and the preset is returned as it is.

    Raises:
        UsageError: the template doesn't fit the model, or is another than the adapter was trained with.
    """
    text = template_text(given) if given is not None else None
    if passport is not None:
        if text is not None and _sha256(text) != passport.chat_template_sha256:
            raise UsageError(
                f"--chat-template {given}: the model was trained with another chat template",
                "leave out --chat-template: what it was trained with is used",
            )
        text = passport.chat_template
    elif text is None and preset.chat_template is not None:
        text = template_text(preset.chat_template)
    if text is None:
        return preset
    name = given or next((one for one in BUILT_IN if template_text(one) == text), f"of {preset.name}")
    tokenizer = load_tokenizer(base_path, preset.context_length, text)
    spelt = refuse_unfit(tokenizer, name, built_in=name in BUILT_IN)
    if spelt:
        progress.message(f"warning: --chat-template {name}: {', '.join(spelt)} are no tokens of this model, but text")
    return replace(preset, chat_template=text)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()
