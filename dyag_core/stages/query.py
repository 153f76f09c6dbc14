"""Stage `query`: one answer, or a conversation that stays within the model's context."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dyag_core.evaluation.conversation import Conversation
from dyag_core.plugin.run import Run
from dyag_core.records import Decoding
from dyag_core.records.answer import Answer

if TYPE_CHECKING:
    from dyag_core.plugin.host import Plugins
    from dyag_core.progress import Progress
    from dyag_core.records.options import QueryOptions


def query(
    given: QueryOptions,
    *,
    question: str,
    plugins: Plugins,
    progress: Progress | None = None,
) -> Answer:
    """One answer: with a model from the fine-tuned one, with an index given what was retrieved.

    Raises:
        UsageError: empty question, no model, no index there. DyagError: the model could not answer.
    """
    decoding = given.decoding or Decoding()
    run = Run(stage="query", folder=given.model or Path(), plugins=plugins, seed=decoding.seed)
    with (
        plugins.stage(run) as done,
        Conversation(given, plugins=plugins, progress=progress) as conversation,
    ):
        for _ in conversation.ask(question):
            pass
        done.result = conversation.last
    answer: Answer = done.result
    return answer
