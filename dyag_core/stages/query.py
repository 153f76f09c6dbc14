"""Stage `query`: one answer, or a conversation that stays within the model's context."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from dyag_core.evaluation.conversation import Conversation
from dyag_core.plugin.run import Run
from dyag_core.records import Decoding
from dyag_core.records.answer import Answer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dyag_core.plugin.host import Plugins
    from dyag_core.progress import Progress


def query(
    *,
    question: str,
    plugins: Plugins,
    model: Path | None = None,
    base_model: str | None = None,
    index: Path | None = None,
    k: int = 3,
    decoding: Decoding | None = None,
    engine: str = "transformers",
    engine_options: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
) -> Answer:
    """One answer: with `model` from the fine-tuned model, with `index` given what was retrieved.

    Raises:
        UsageError: empty question, no model, no index there. DyagError: the model could not answer.
    """
    decoding = decoding or Decoding()
    run = Run(stage="query", folder=model or Path(), plugins=plugins, seed=decoding.seed)
    with (
        plugins.stage(run) as done,
        Conversation(
            plugins=plugins,
            model=model,
            base_model=base_model,
            index=index,
            k=k,
            decoding=decoding,
            engine=engine,
            engine_options=engine_options,
            progress=progress,
        ) as conversation,
    ):
        for _ in conversation.ask(question):
            pass
        done.result = conversation.last
    answer: Answer = done.result
    return answer
