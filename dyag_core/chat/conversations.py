"""Training rows as chats, whichever shape they come in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dyag_core.artifacts import BadLine, read_rows
from dyag_core.chat.faults import listed
from dyag_core.chat.prompts import SYSTEM
from dyag_core.chat.row_shapes import KNOWN_SHAPES, ChatRow, messages_from, read_row
from dyag_core.errors import UsageError
from dyag_core.records import Message
from dyag_core.text.language import detect_language

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True)
class Conversation:
    """One training row: the line it stands on (of an array: the element; from 1) and its turns, an answer the last."""

    line: int
    messages: tuple[Message, ...]
    meta: dict[str, Any] = field(default_factory=dict)

    @property
    def questions(self) -> tuple[str, ...]:
        """What the user says in it."""
        return tuple(message.content for message in self.messages if message.role == "user")


def read_conversations(path: Path) -> list[Conversation]:
    """Every row of a training file, JSON Lines or one array, in any of the shapes of `dyag_core.chat.row_shapes`.

    A bare question gets the system prompt that DYAG asks questions with, in the language of the file's questions.

    Raises:
        UsageError: a bad line (the first five are named with their reasons), or no row at all.
    """
    rows: list[tuple[int, ChatRow, dict[str, Any]]] = []
    problems: list[BadLine] = []
    for line, value in read_rows(path):
        if isinstance(value, BadLine):
            problems.append(value)
            continue
        try:
            meta = value.get("meta")
            rows.append((line, read_row(value), meta if isinstance(meta, dict) else {}))
        except ValueError as error:
            problems.append(BadLine(line, str(error), ""))
    texts = [turn.content for _, row, _ in rows if row.shape.bare for turn in row.turns if turn.role == "user"]
    system = SYSTEM[detect_language(texts)] if texts else None
    conversations = []
    for line, row, meta in rows:
        try:
            conversations.append(Conversation(line, _messages(row, system), meta))
        except ValueError as error:
            problems.append(BadLine(line, str(error), ""))
    if problems:
        total = len(problems) + len(conversations)
        raise UsageError(
            f"{path}: {len(problems)} of {total} lines can't be trained on\n{listed(path, problems)}",
            f"correct or remove them (dyag validate {path.name} --fix mends what it can); "
            "a training file is never used in part",
        )
    if not conversations:
        raise UsageError(f"{path}: holds no training example", f"one a line: {KNOWN_SHAPES}")
    return conversations


def messages_of(row: Mapping[str, Any], system: str | None) -> tuple[Message, ...]:
    """The turns of one row, `system` before a bare question. ValueError: why it can't be trained on."""
    return _messages(read_row(row), system)


def _messages(row: ChatRow, system: str | None) -> tuple[Message, ...]:
    row.refuse_faults()
    if row.unwanted():
        raise ValueError(f"an answer is marked as not to be learnt: {row.unwanted()}")
    messages = messages_from(row.under(system) if row.shape.bare else row.turns)
    check_turns(messages)
    return messages


def check_turns(messages: tuple[Message, ...]) -> None:
    """ValueError: why these turns can't be trained on."""
    roles = [message.role for message in messages]
    if "user" not in roles or "assistant" not in roles:
        raise ValueError("a question (role user) and an answer (role assistant) are needed")
    if roles[-1] != "assistant":
        raise ValueError(f"the last message must be the assistant's answer, not {roles[-1]!r}")
    if "system" in roles[1:]:
        raise ValueError("a system message may stand only at the beginning")
    turns = roles[1:] if roles[0] == "system" else roles
    if any(role != ("user", "assistant")[i % 2] for i, role in enumerate(turns)):
        raise ValueError("user and assistant must take turns, beginning with the user")
    if any(message.role == "assistant" and not message.content.strip() for message in messages):
        raise ValueError("an answer is empty")
