"""Training rows as chats, whichever shape they come in: DYAG's own three, Alpaca's or ShareGPT's."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter, ValidationError

from dyag_core.artifacts import BadLine, read_jsonl
from dyag_core.chat.prompts import SYSTEM, question_messages
from dyag_core.errors import UsageError
from dyag_core.records import Message
from dyag_core.text.language import detect_language

if TYPE_CHECKING:
    from pathlib import Path

_MESSAGES = TypeAdapter(tuple[Message, ...])
_SPEAKERS = {"system": "system", "human": "user", "user": "user", "gpt": "assistant", "assistant": "assistant"}
_SHAPES = '{"messages": [...]}, {"prompt": ..., "completion": ...} or {"question": ..., "expected_answer": ...}'


@dataclass(frozen=True)
class Conversation:
    """One training row: the line it stands on (from 1) and its turns, the last of which is an answer."""

    line: int
    messages: tuple[Message, ...]
    meta: dict[str, Any] = field(default_factory=dict)

    @property
    def questions(self) -> tuple[str, ...]:
        """What the user says in it."""
        return tuple(message.content for message in self.messages if message.role == "user")


def read_conversations(path: Path) -> list[Conversation]:
    """Every row of a training file.

    `messages` are taken as they are; `prompt` and `completion` are texts or lists of messages; a bare question gets
    the system prompt that DYAG asks questions with, in the language of the file. Rows of Alpaca (`instruction`,
    `input`, `output`, `system`, `history`) and ShareGPT (`conversations`) are read too.

    Raises:
        UsageError: a bad line (the first five are named with their reasons), or no row at all.
    """
    rows: list[tuple[int, dict[str, Any]]] = []
    problems: list[BadLine] = []
    for line, value in read_jsonl(path):
        if isinstance(value, BadLine):
            problems.append(value)
        else:
            rows.append((line, value))
    texts = [str(row.get("question", "")) for _, row in rows if "messages" not in row and "prompt" not in row]
    system = SYSTEM[detect_language(texts)] if texts else None
    conversations = []
    for line, row in rows:
        try:
            meta = row.get("meta")
            conversations.append(Conversation(line, messages_of(row, system), meta if isinstance(meta, dict) else {}))
        except ValueError as error:  # pydantic's ValidationError is one
            reason = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
            problems.append(BadLine(line, reason, ""))
    if problems:
        problems.sort(key=lambda problem: problem.line)
        shown = "\n".join(f"  line {problem.line}: {problem.reason}" for problem in problems[:5])
        more = f"\n  and {len(problems) - 5} more" if len(problems) > 5 else ""
        raise UsageError(
            f"{path}: {len(problems)} of {len(problems) + len(conversations)} lines can't be trained on\n{shown}{more}",
            "correct or remove them; a training file is never used in part",
        )
    if not conversations:
        raise UsageError(f"{path}: holds no training example", f"one a line: {_SHAPES}")
    return conversations


def messages_of(row: dict[str, Any], system: str | None) -> tuple[Message, ...]:
    """The turns of one row in any of the known shapes; `system` goes before a bare question. ValueError: why not."""
    if "messages" in row:
        messages = _MESSAGES.validate_python(_bare(row["messages"]))
    elif "conversations" in row:
        messages = _MESSAGES.validate_python(_spoken(row["conversations"]))
    elif isinstance(row.get("instruction"), str) and isinstance(row.get("output"), str):
        messages = _instructed(row)
    elif "prompt" in row and "completion" in row:
        messages = _turns(row["prompt"], "user") + _turns(row["completion"], "assistant")
    elif isinstance(row.get("question"), str) and isinstance(row.get("expected_answer"), str):
        answer = Message(role="assistant", content=row["expected_answer"])
        messages = (*question_messages(row["question"], _text(row, "system") or system), answer)
    else:
        raise ValueError(f"none of the known shapes: {_SHAPES}")
    check_turns(messages)
    return messages


def _spoken(value: Any) -> Any:
    """ShareGPT's turns as messages."""
    if not isinstance(value, list) or not all(isinstance(turn, dict) for turn in value):
        raise ValueError('"conversations" is not a list of turns')
    for turn in value:
        speaker = turn.get("from")
        if not isinstance(speaker, str) or speaker not in _SPEAKERS:
            raise ValueError(f'"conversations" holds a turn from {speaker!r}; known: {", ".join(_SPEAKERS)}')
    return [{"role": _SPEAKERS[turn["from"]], "content": turn.get("value")} for turn in value]


def _text(row: dict[str, Any], name: str) -> str:
    """A field that may be missing or null, but is a text where it isn't."""
    value = row.get(name)
    if value is None or isinstance(value, str):
        return value or ""
    raise ValueError(f'"{name}" is a {type(value).__name__}, not a text')


def _instructed(row: dict[str, Any]) -> tuple[Message, ...]:
    """Alpaca's row: system, earlier questions and answers, the instruction with its input, the answer."""
    system, history = _text(row, "system"), row.get("history") or []
    if not isinstance(history, list) or not all(isinstance(pair, list) and len(pair) == 2 for pair in history):
        raise ValueError('"history" is not a list of [question, answer]')
    turns = [("system", system)] if system else []
    for asked, answered in history:
        turns += [("user", asked), ("assistant", answered)]
    question = "\n\n".join(filter(None, (row["instruction"], _text(row, "input"))))
    turns += [("user", question), ("assistant", row["output"])]
    return _MESSAGES.validate_python([{"role": role, "content": content} for role, content in turns])


def _turns(value: Any, role: str) -> tuple[Message, ...]:
    if isinstance(value, str):
        return _MESSAGES.validate_python([{"role": role, "content": value}])
    return _MESSAGES.validate_python(_bare(value))


def _bare(value: Any) -> Any:
    """Messages without keys that other tools add (`name`, `weight`, ...); only role and content are rendered."""
    if not isinstance(value, list):
        raise ValueError("a list of messages was expected")
    return [
        {key: turn[key] for key in ("role", "content") if key in turn} if isinstance(turn, dict) else turn
        for turn in value
    ]


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
