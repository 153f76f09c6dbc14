"""One row of a training file made elsewhere: read in whichever of five shapes it has, judged, and mended if it can be.

What counts in the end is `dyag_core.chat.conversations`, the reader that training itself uses: a row is good if it
takes it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dyag_core.chat.conversations import check_turns, messages_of
from dyag_core.chat.prompts import question_messages
from dyag_core.records import Message

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_ROLES = {
    "system": "system", "developer": "system",
    "user": "user", "human": "user", "prompter": "user",
    "assistant": "assistant", "gpt": "assistant", "chatgpt": "assistant", "bot": "assistant", "model": "assistant",
}  # fmt: skip
_ANSWERS = ("expected_answer", "answer", "expected")
_SHAPE_KEYS = {
    "messages": ("messages",),
    "prompt and completion": ("prompt", "completion"),
    "question and answer": ("question", *_ANSWERS, "system"),
    "Alpaca": ("instruction", "input", "output", "system", "history"),
    "ShareGPT": ("conversations", "system"),
}
# `<s>` is HTML too, so it counts at the ends of a text only, where people put it by hand.
_CONTROL = r"<\|[A-Za-z0-9_]{2,40}\|>|\[/?INST\]|<</?SYS>>|<(?:start|end)_of_turn>|<(?:bos|eos|pad)>"
_AT_ENDS = re.compile(rf"^(?:\s*(?:{_CONTROL}|</?s>))+\s*|\s*(?:(?:{_CONTROL}|</?s>)\s*)+$")

#: Kinds of problem that training takes without harm.
MILD = frozenset({"byte_order_mark", "control_token_asked"})


@dataclass
class Mended:
    """A row as training can take it.

    `messages` is None where nothing can be made of it; `problems` are (kind, detail), `fixes` what was done about
    them, and `lasting` the kinds that are still there in `messages`.
    """

    messages: tuple[Message, ...] | None = None
    problems: list[tuple[str, str]] = field(default_factory=list)
    fixes: list[str] = field(default_factory=list)
    lasting: list[str] = field(default_factory=list)
    meta: dict[str, Any] = field(default_factory=dict)


class Unfixable(ValueError):
    """A row that must be left out: kind and detail."""

    def __init__(self, kind: str, detail: str) -> None:
        super().__init__(detail)
        self.kind = kind


@dataclass
class _Turn:
    role: str
    content: str


def mend(row: Mapping[str, Any], system: str | None, control: Iterable[str] = ()) -> Mended:
    """Read a row, note what is wrong with it, and put right what can be.

    Args:
        row: a JSON object.
        system: the system prompt that training gives bare questions.
        control: control tokens of the base model, beside the well-known ones.
    """
    done = Mended()
    try:
        shape, turns = _turns(row, system, done)
        _clean(turns, done)
        _order(turns, done)
        done.messages = tuple(Message.model_validate({"role": t.role, "content": t.content}) for t in turns)
        check_turns(done.messages)
    except Unfixable as error:
        done.messages = None
        done.problems.append((error.kind, str(error)))
        return done
    except ValueError as error:
        done.messages = None
        done.problems.append(("refused", str(error)))
        return done
    _note_control(done, control)
    _ask_training(row, system, done)
    kept = row.get("meta")
    beside = {key: value for key, value in row.items() if key not in (*_SHAPE_KEYS[shape], "meta")}
    done.meta = beside | (kept if isinstance(kept, dict) else {})
    return done


def _turns(row: Mapping[str, Any], system: str | None, done: Mended) -> tuple[str, list[_Turn]]:
    """The name of the row's shape, and its turns as they stand there."""
    if "messages" in row:
        return "messages", _chat(row["messages"], "role", "content", done)
    if "conversations" in row:
        turns = _chat(row["conversations"], "from", "value", done)
        done.fixes.append("rewritten as messages")
        return "ShareGPT", _before(row) + turns
    if "prompt" in row and "completion" in row:
        return "prompt and completion", [
            *_part(row["prompt"], "user", done),
            *_part(row["completion"], "assistant", done),
        ]
    if "instruction" in row and "output" in row:
        asked = [_text(row[key], done) for key in ("instruction", "input") if row.get(key) not in (None, "")]
        turns = [_Turn("user", "\n\n".join(asked)), _Turn("assistant", _text(row["output"], done))]
        done.fixes.append("rewritten as messages")
        return "Alpaca", [*_before(row), *_history(row.get("history") or [], done), *turns]
    answer = next((key for key in _ANSWERS if key in row), None)
    if "question" in row and answer is not None:
        own = _text(row.get("system"), done)
        prompt = question_messages(_text(row["question"], done), own or system)
        if answer != "expected_answer":
            done.problems.append(("foreign_shape", f"question, {answer}"))
            done.fixes.append("rewritten as messages")
        turns = [_Turn(message.role, message.content) for message in prompt]
        return "question and answer", [*turns, _Turn("assistant", _text(row[answer], done))]
    keys = ", ".join(list(row)[:6])
    raise Unfixable("unknown_shape", keys or "{}")


def _before(row: Mapping[str, Any]) -> list[_Turn]:
    """The system turn that a row of Alpaca or ShareGPT may name apart."""
    system = row.get("system")
    return [_Turn("system", system)] if isinstance(system, str) and system else []


def _history(pairs: Any, done: Mended) -> list[_Turn]:
    """Alpaca's earlier questions with their answers."""
    if not isinstance(pairs, list) or not all(isinstance(pair, list) and len(pair) == 2 for pair in pairs):
        raise Unfixable("unknown_shape", f"history: {_quoted(pairs)}")
    return [
        _Turn(role, _text(text, done)) for pair in pairs for role, text in zip(("user", "assistant"), pair, strict=True)
    ]


def _part(value: Any, role: str, done: Mended) -> list[_Turn]:
    return _chat(value, "role", "content", done) if isinstance(value, list) else [_Turn(role, _text(value, done))]


def _chat(value: Any, role_key: str, text_key: str, done: Mended) -> list[_Turn]:
    if not isinstance(value, list) or not all(isinstance(turn, dict) for turn in value):
        raise Unfixable("unknown_shape", f"{type(value).__name__}: {_quoted(value)}")
    turns = []
    for turn in value:
        given = turn.get(role_key)
        role = _ROLES.get(given.lower()) if isinstance(given, str) else None
        if role is None:
            raise Unfixable("unknown_role", f"{role_key}: {str(given)[:60]!r}")
        if role != given and role_key == "role":
            done.problems.append(("unknown_role", f"{role_key}: {given!r}"))
            done.fixes.append("roles renamed")
        turns.append(_Turn(role, _text(turn.get(text_key), done)))
    return turns


def _text(value: Any, done: Mended) -> str:
    """A turn's content: a text, nothing, or the list of text parts that some tools write."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, list) and all(isinstance(part, dict) and isinstance(part.get("text"), str) for part in value):
        done.problems.append(("not_text", _quoted(value)))
        done.fixes.append("text parts joined")
        return "\n".join(part["text"] for part in value)
    raise Unfixable("not_text", _quoted(value))


def _clean(turns: list[_Turn], done: Mended) -> None:
    """Take control tokens off both ends, and empty turns out. An empty system prompt is a choice, and stays."""
    for turn in turns:
        bare = _AT_ENDS.sub("", turn.content)
        if bare != turn.content:
            kind = "control_token" if turn.role == "assistant" else "control_token_asked"
            done.problems.append((kind, f"{turn.role}: {_around(turn.content)}"))
            done.fixes.append("control tokens taken off the ends")
            turn.content = bare
    empty = [turn for turn in turns if turn.role != "system" and not turn.content.strip()]
    if empty:
        done.problems.append(("empty_turn", ", ".join(dict.fromkeys(turn.role for turn in empty))))
        done.fixes.append("empty turns dropped")
        turns[:] = [turn for turn in turns if turn not in empty]


def _order(turns: list[_Turn], done: Mended) -> None:
    """System first, then user and assistant in turns, an answer last."""
    late = next((turn for turn in turns[1:] if turn.role == "system"), None)
    if late is not None:
        raise Unfixable("late_system", _quoted(late.content))
    first = 1 if turns and turns[0].role == "system" else 0
    chat = turns[first:]
    roles = [turn.role for turn in chat]
    if "user" not in roles:
        raise Unfixable("no_question", _quoted(chat[0].content if chat else ""))
    if "assistant" not in roles[roles.index("user") :]:
        raise Unfixable("no_answer", _quoted(chat[roles.index("user")].content))
    merged: list[_Turn] = []
    for turn in chat[roles.index("user") :]:
        if merged and merged[-1].role == turn.role:
            merged[-1].content += f"\n\n{turn.content}"
        else:
            merged.append(turn)
    if len(merged) < len(chat):
        done.problems.append(("turn_order", " ".join(roles[:8])))
        done.fixes.append("answers before the first question dropped, neighbouring turns of one role merged")
    if merged[-1].role == "user":
        done.problems.append(("not_answered", _quoted(merged[-1].content)))
        done.fixes.append("a last question without an answer dropped")
        merged.pop()
    turns[first:] = merged


def _note_control(done: Mended, control: Iterable[str]) -> None:
    """Control tokens within a text: data where they are read, something wrong to learn where they are answered."""
    pattern = re.compile("|".join([_CONTROL, *map(re.escape, control)]))
    for message in done.messages or ():
        if pattern.search(message.content):
            kind = "control_token" if message.role == "assistant" else "control_token_asked"
            done.problems.append((kind, f"{message.role}: {_around(message.content, pattern)}"))
            done.lasting.append(kind)


def _around(text: str, pattern: re.Pattern[str] = _AT_ENDS) -> str:
    found = pattern.search(text)
    start = max(0, (found.start() if found else 0) - 30)
    return repr(text[start : start + 90])


def _quoted(value: object) -> str:
    return repr(value)[:90]


def _ask_training(row: Mapping[str, Any], system: str | None, done: Mended) -> None:
    """The last word on the row as it stands is training's own."""
    try:
        messages_of(dict(row), system)
    except ValueError as error:
        if not any(kind not in MILD for kind, _ in done.problems):
            done.problems.append(("refused", str(error).split("\n", maxsplit=1)[0]))
            done.fixes.append("rewritten as messages")
