"""What `query-finetuned` and `query-rag` share: one answer, or a conversation."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from dyag_core.cli.common import session
from dyag_core.cli.terminal import hint, is_interactive, read_line, result, write
from dyag_core.errors import UsageError
from dyag_core.text.sanitize import plain

if TYPE_CHECKING:
    from dyag_core.evaluation.conversation import Conversation

COMMANDS = "/reset forgets what was said, /save FILE keeps it, /exit leaves. Ctrl-C cancels an answer."


def ask(
    question: str | None,
    *,
    given: dict[str, Any],
    seed: int,
    as_json: bool,
) -> None:
    """Answer `question`, or talk where there is none. `given` is what `stage_options(QueryOptions)` reads."""
    decoding = given["decoding"].model_copy(update={"seed": seed})
    asking, arguments = session(seed), given | {"decoding": decoding}
    if question is None:
        if as_json:
            raise UsageError("--json needs a QUESTION")
        with asking.conversation(**arguments) as conversation:
            converse(conversation)
        return
    answer = asking.query(question, **arguments)
    result(answer.model_dump(mode="json"), as_json=as_json, text=answer.answer)
    if answer.notice:
        hint(f"({answer.notice})")
    if answer.sources:
        hint("Sources: " + ", ".join(f"{source.chunk} ({source.score:.2f})" for source in answer.sources))


def converse(conversation: Conversation) -> None:
    """Read questions until /exit or the end of input."""
    if is_interactive():
        hint(COMMANDS)
    while True:
        try:
            line = read_line("> " if is_interactive() else "").strip()
        except EOFError:
            return
        except KeyboardInterrupt:
            hint("", "(/exit leaves)")
            continue
        if line == "/exit":
            return
        if line == "/reset":
            conversation.reset()
            hint("(forgotten)")
        elif line.startswith("/save"):
            _save(conversation, line)
        elif line.startswith("/"):
            hint(f"no command {line.split()[0]!r}. {COMMANDS}")
        elif line:
            _answer(conversation, line)


def _answer(conversation: Conversation, question: str) -> None:
    stream = conversation.ask(question)
    try:
        for piece in stream:
            write(plain(piece), ends=False)
        write("")
    except KeyboardInterrupt:
        stream.close()
        write("")
        hint("(cancelled)")
        return
    if conversation.notice:
        hint(f"({conversation.notice})")


def _save(conversation: Conversation, line: str) -> None:
    name = line.removeprefix("/save").strip()
    if not name:
        hint("say where: /save FILE.jsonl")
        return
    conversation.save(Path(name))
    hint(f"(saved to {name})")
