"""What is said to a model, in French and in English. All arms use these, and differ in the context alone."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from dyag_core.records import Message

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dyag_core.records import Chunk

SYSTEM = {
    "en": "Answer briefly. If you do not know, say so.",
    "fr": "Réponds brièvement. Si tu ne sais pas, dis-le.",
}


_CONTEXT = {
    "en": "Passages from the documents:\n\n{context}\n\nUsing these passages, answer: {question}",
    "fr": "Extraits des documents :\n\n{context}\n\nÀ l'aide de ces extraits, réponds : {question}",
}


def question_messages(question: str, system: str | None) -> tuple[Message, ...]:
    """A closed-book prompt. `system` None or empty leaves the system turn to the model's own template."""
    return (*system_messages(system), Message(role="user", content=question))


@lru_cache(maxsize=16)
def system_messages(system: str | None) -> tuple[Message, ...]:
    """What stands before every question: the system turn, or nothing."""
    return (Message(role="system", content=system),) if system else ()


def context_text(chunks: Sequence[Chunk]) -> str:
    """The passages as they stand in a prompt, best first."""
    return "\n\n---\n\n".join(chunk.text.strip() for chunk in chunks)


def with_context(messages: Sequence[Message], context: str, lang: str) -> tuple[Message, ...]:
    """The same prompt with retrieved passages put into its last user turn; nothing else changes."""
    *before, last = messages
    content = _CONTEXT[lang].format(context=context, question=last.content)
    return (*before, Message(role="user", content=content))


def without_context(content: str) -> str:
    """What is asked in a turn that `with_context` made; any other turn as it is."""
    for template in _CONTEXT.values():
        before, _, rest = template.partition("{context}")
        between = rest.removesuffix("{question}")
        if content.startswith(before) and between in content:
            return content.rpartition(between)[2]
    return content
