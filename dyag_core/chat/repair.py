"""One row of a training file made elsewhere: judged, and mended if it can be.

What is left is held against the same rules as training's own rows (`check_turns`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dyag_core.chat.conversations import check_turns
from dyag_core.chat.faults import Unreadable, quoted
from dyag_core.chat.row_shapes import Turn, messages_from, read_row
from dyag_core.records import Message
from dyag_core.text.damage import LOST, decoded_again, without_invisible

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# `<s>` is HTML too, so it counts at the ends of a text only, where people put it by hand.
_CONTROL = r"<\|[A-Za-z0-9_]{2,40}\|>|\[/?INST\]|<</?SYS>>|<(?:start|end)_of_turn>|<(?:bos|eos|pad)>"
_AT_ENDS = re.compile(rf"^(?:\s*(?:{_CONTROL}|</?s>))+\s*|\s*(?:(?:{_CONTROL}|</?s>)\s*)+$")


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


def mend(row: Mapping[str, Any], system: str | None, control: Iterable[str] = ()) -> Mended:
    """Read a row, note what is wrong with it, and put right what can be.

    Args:
        row: a JSON object.
        system: the system prompt that training gives bare questions.
        control: control tokens of the base model, beside the well-known ones.
    """
    done = Mended()
    try:
        read = read_row(row)
        done.problems += [(fault.kind, fault.detail) for fault in read.faults]
        done.fixes += [fault.fix for fault in read.faults if fault.fix]
        if read.shape.name != "messages":
            done.fixes.append("rewritten as messages")
        if read.unwanted():
            raise Unreadable("unwanted_answer", read.unwanted())
        turns = read.under(system) if read.shape.bare else read.turns
        _clean(turns, done)
        _order(turns, done)
        done.messages = messages_from(turns)
        check_turns(done.messages)
    except ValueError as error:
        done.messages = None
        done.problems.append((error.kind if isinstance(error, Unreadable) else "refused", str(error)))
        return done
    _note_control(done, control)
    kept = row.get("meta")
    own = read.shape.fields() | {"meta"}
    done.meta = {key: value for key, value in row.items() if key not in own} | (kept if isinstance(kept, dict) else {})
    return done


def _clean(turns: list[Turn], done: Mended) -> None:
    """Mend wrong encodings, take out zero-width characters, control tokens at both ends, and empty turns.

    An empty system prompt is a choice, and stays.
    """
    for turn in turns:
        _undamage(turn, done)
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


def _undamage(turn: Turn, done: Mended) -> None:
    for kind, fix, mended in (
        ("mojibake", "wrong encodings put right", decoded_again),
        ("zero_width", "zero-width characters taken out", without_invisible),
    ):
        text = mended(turn.content)
        if text != turn.content:
            place = next((i for i, (a, b) in enumerate(zip(turn.content, text)) if a != b), len(text))  # noqa: B905
            start = max(0, place - 30)
            done.problems.append((kind, f"{turn.role}: {turn.content[start : start + 60]!a}"))
            done.fixes.append(fix)
            turn.content = text
    if LOST in turn.content:
        start = max(0, turn.content.index(LOST) - 30)
        done.problems.append(("lost_character", f"{turn.role}: {turn.content[start : start + 60]!r}"))
        done.lasting.append("lost_character")


def _order(turns: list[Turn], done: Mended) -> None:
    """System first, then user and assistant in turns, an answer last."""
    late = next((turn for turn in turns[1:] if turn.role == "system"), None)
    if late is not None:
        raise Unreadable("late_system", quoted(late.content))
    first = 1 if turns and turns[0].role == "system" else 0
    chat = turns[first:]
    roles = [turn.role for turn in chat]
    if "user" not in roles:
        raise Unreadable("no_question", quoted(chat[0].content if chat else ""))
    if "assistant" not in roles[roles.index("user") :]:
        raise Unreadable("no_answer", quoted(chat[roles.index("user")].content))
    merged: list[Turn] = []
    for turn in chat[roles.index("user") :]:
        if merged and merged[-1].role == turn.role:
            merged[-1].content += f"\n\n{turn.content}"
        else:
            merged.append(turn)
    if len(merged) < len(chat):
        done.problems.append(("turn_order", " ".join(roles[:8])))
        done.fixes.append("answers before the first question dropped, neighbouring turns of one role merged")
    if merged[-1].role == "user":
        done.problems.append(("not_answered", quoted(merged[-1].content)))
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
