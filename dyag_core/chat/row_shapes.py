"""The shapes that rows of chats have, in one table, and the one reader of them.

Training, test questions, exports and `validate` all read rows with `read_row`. They differ in what they ask of the
turns afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dyag_core.chat.faults import MILD, Fault, Unreadable, quoted
from dyag_core.chat.roles import role_of
from dyag_core.records import Message

if TYPE_CHECKING:
    from dyag_core.records.example import Role

Row = Mapping[str, Any]
Faults = list[Fault]

KNOWN_SHAPES = '{"messages": [...]}, {"prompt": ..., "completion": ...} or {"question": ..., "expected_answer": ...}'


@dataclass
class Turn:
    """One turn of a chat as it stands in a row."""

    role: Role
    content: str
    unwanted: str = ""
    """An answer that is marked as not to be learnt: how it is marked."""


@dataclass(frozen=True)
class Shape:
    """A way to write a chat as a JSON object.

    Args:
        name: for people.
        told_by: its fields; of those in one tuple the first that is there counts.
        read: from a row to its turns; notes what it had to put right.
        takes: fields that may stand beside them. All others are `meta`.
        bare: a question without a chat around it: training puts the system prompt before it that DYAG asks with.
    """

    name: str
    told_by: tuple[tuple[str, ...], ...]
    read: Callable[[Row, Faults], list[Turn]]
    takes: tuple[str, ...] = ()
    bare: bool = False

    def fits(self, row: Row) -> bool:
        """Whether all its fields are there."""
        return all(any(name in row for name in names) for names in self.told_by)

    def fields(self) -> set[str]:
        """Every field that belongs to it."""
        return {name for names in self.told_by for name in names}.union(self.takes)


@dataclass
class ChatRow:
    """A row that was read: its turns in order, without a system prompt that isn't its own."""

    shape: Shape
    turns: list[Turn]
    plain: bool
    """Whether it consists of texts alone, not of a list of turns."""
    faults: Faults = field(default_factory=list)

    def under(self, system: str | None) -> list[Turn]:
        """Its turns, with `system` before them where they have no system turn of their own."""
        has_own = self.turns[:1] and self.turns[0].role == "system"
        return self.turns if has_own or not system else [Turn("system", system), *self.turns]

    def unwanted(self) -> str:
        """The first answer that is marked as not to be learnt, and how; empty: none is."""
        return next((f"{turn.unwanted}: {quoted(turn.content)}" for turn in self.turns if turn.unwanted), "")

    def refuse_faults(self) -> None:
        """ValueError: it has a fault that isn't mild."""
        for fault in self.faults:
            if fault.kind not in MILD:
                raise ValueError(fault.detail)


def read_row(row: Row) -> ChatRow:
    """A row in whichever shape it has.

    Raises:
        Unreadable: it has none of the known shapes, or something in it can't be a turn.
    """
    shape = next((shape for shape in SHAPES if shape.fits(row)), None)
    if shape is None:
        raise Unreadable("unknown_shape", f"none of the known shapes: {_what_it_has(row)}")
    faults: Faults = []
    plain = not any(isinstance(row.get(name), list) for names in shape.told_by for name in names)
    turns = shape.read(row, faults)
    mark = next((name for name in _ROW_MARKS if row.get(name) is False), None)
    if mark and turns and not shape.bare:
        turns[-1].unwanted = f'"{mark}" is false'
    return ChatRow(shape, turns, plain, faults)


def messages_from(turns: list[Turn]) -> tuple[Message, ...]:
    """Turns as messages."""
    return tuple(Message(role=turn.role, content=turn.content) for turn in turns)


def _what_it_has(row: Row) -> str:
    for shape in SHAPES:
        there = [names[0] for names in shape.told_by if any(name in row for name in names)]
        missing = [names[0] for names in shape.told_by if names[0] not in there]
        if there:
            return f'"{there[0]}" without "{missing[0]}"'
    fields = ", ".join(f'"{name}"' for name in list(row)[:6])
    return f"{fields or 'no field'}; known: {KNOWN_SHAPES}"


# -- each shape ----------------------------------------------------------------------------------------------------


def _messages(row: Row, faults: Faults) -> list[Turn]:
    return _chat(row["messages"], "messages", faults)


def _sharegpt(row: Row, faults: Faults) -> list[Turn]:
    turns = _chat(row["conversations"], "conversations", faults)
    return turns if turns[:1] and turns[0].role == "system" else _system(row) + turns


def _prompt_and_completion(row: Row, faults: Faults) -> list[Turn]:
    return [*_part(row, "prompt", "user", faults), *_part(row, "completion", "assistant", faults)]


def _alpaca(row: Row, faults: Faults) -> list[Turn]:
    """System, earlier questions and answers, the instruction with its input, the answer."""
    history = row.get("history") or []
    if not isinstance(history, list) or not all(isinstance(pair, list) and len(pair) == 2 for pair in history):
        raise Unreadable("unknown_shape", f'"history" is not a list of [question, answer]: {quoted(history)}')
    turns = _system(row)
    for asked, answered in history:
        turns += [Turn("user", _text(asked, "history", faults)), Turn("assistant", _data(answered, "history", faults))]
    asked = [_text(row["instruction"], "instruction", faults)] if row["instruction"] else []
    if row.get("input") not in (None, ""):
        asked.append(_data(row["input"], "input", faults))
    return [*turns, Turn("user", "\n\n".join(asked)), Turn("assistant", _data(row["output"], "output", faults))]


def _question_and_answer(row: Row, faults: Faults) -> list[Turn]:
    answer = next(name for name in _ANSWERS if name in row)
    asked, answered = _text(row["question"], "question", faults), _data(row[answer], answer, faults)
    return [*_system(row), Turn("user", asked), Turn("assistant", answered)]


#: In the results of DYAG 2.0 `expected` stands beside `answer`, which is what the model said.
_ANSWERS = ("expected_answer", "expected", "answer")

#: A row has the first shape that fits.
SHAPES = (
    Shape("messages", (("messages",),), _messages),
    Shape("ShareGPT", (("conversations",),), _sharegpt, takes=("system",)),
    Shape("prompt and completion", (("prompt",), ("completion",)), _prompt_and_completion),
    Shape("Alpaca", (("instruction",), ("output",)), _alpaca, takes=("input", "system", "history")),
    Shape("question and answer", (("question",), _ANSWERS), _question_and_answer, takes=("system",), bare=True),
)

# -- their parts ---------------------------------------------------------------------------------------------------

#: How a role is called in turns with `role` and in turns with `from` (ShareGPT); other names are read, and noted.
_USUAL = {
    "role": frozenset({"system", "user", "assistant"}),
    "from": frozenset({"system", "human", "gpt", "user", "assistant"}),
}


#: Keys of an answer that say with 0 or false that it isn't learnt: OpenAI, Axolotl, ms-swift.
_TURN_MARKS = ("weight", "train", "training", "loss", "loss_scale")
#: Fields of a row that say with false that its last answer is a bad one: KTO in TRL and in LLaMA-Factory.
_ROW_MARKS = ("label", "kto_tag")


def _chat(value: Any, name: str, faults: Faults) -> list[Turn]:
    """A list of turns, each with `role` and `content` or, as ShareGPT has it, `from` and `value`.

    Keys that other tools add (`name`, `tool_calls`, ...) are passed over.
    """
    if not isinstance(value, list) or not all(isinstance(turn, dict) for turn in value):
        raise Unreadable("unknown_shape", f'"{name}" is not a list of turns: {quoted(value)}')
    turns = []
    for turn in value:
        speaker, text = ("from", "value") if "from" in turn and "role" not in turn else ("role", "content")
        given = turn.get(speaker)
        role = role_of(given)
        if role is None:
            raise Unreadable("unknown_role", f'"{name}" holds a turn from {quoted(given)}')
        if given not in _USUAL[speaker]:
            faults.append(Fault("role_alias", f"{speaker}: {given!r}", "roles renamed"))
        said = _data if role == "assistant" else _text
        mark = _mark(turn) if role == "assistant" else ""
        turns.append(Turn(role, said(turn.get(text), text, faults), mark))
    return turns


def _mark(turn: Row) -> str:
    """How an answer is marked that is not to be learnt."""
    found = ((name, turn.get(name)) for name in _TURN_MARKS)
    return next((f'"{name}" is {str(value).lower()}' for name, value in found if value in (0, False)), "")


def _part(row: Row, name: str, role: Role, faults: Faults) -> list[Turn]:
    value = row[name]
    if isinstance(value, list):
        return _chat(value, name, faults)
    return [Turn(role, (_data if role == "assistant" else _text)(value, name, faults))]


def _system(row: Row) -> list[Turn]:
    """The system turn that a row names apart."""
    system = row.get("system")
    if system is not None and not isinstance(system, str):
        raise Unreadable("not_text", _no_text(system, "system"))
    return [Turn("system", system)] if system else []


def _text(value: Any, name: str, faults: Faults) -> str:
    """What is said in a turn: a text, nothing, or the list of text parts that some tools write."""
    if isinstance(value, str):
        return value
    if value is None:
        faults.append(Fault("empty_turn", f'"{name}" is missing or null', "null read as an empty text"))
        return ""
    detail = _no_text(value, name)
    if isinstance(value, list) and all(isinstance(part, dict) and isinstance(part.get("text"), str) for part in value):
        faults.append(Fault("not_text", detail, "text parts joined"))
        return "\n".join(part["text"] for part in value)
    raise Unreadable("not_text", detail)


def _data(value: Any, name: str, faults: Faults) -> str:
    """What may be a number where it should be a text: an answer, or what an instruction is about.

    A truth value stays refused: whether "true", "True" or "yes" is meant, nobody knows.
    """
    # Of an integer beyond that, Python writes the digits only on request.
    if isinstance(value, bool) or not isinstance(value, int | float) or not -1e300 < value < 1e300:
        return _text(value, name, faults)
    faults.append(Fault("not_text", _no_text(value, name), "numbers written as texts"))
    return str(value)


def _no_text(value: Any, name: str) -> str:
    return f'"{name}" is a {type(value).__name__}, not a text: {quoted(value)}'
