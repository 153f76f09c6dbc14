"""For exporter plugins: a training file row by row into another tool's rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dyag_core.artifacts import atomic_write, to_json
from dyag_core.chat.conversations import read_conversations
from dyag_core.errors import GateError
from dyag_core.records import Exported
from dyag_core.text.damage import is_damaged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from dyag_core.chat.conversations import Conversation
    from dyag_core.plugin.run import Run


def export_rows(
    source: Path, output: Path, run: Run, convert: Callable[[Conversation], dict[str, Any] | None]
) -> Exported:
    """Write what `convert` makes of each row of `source`: one a line, or as one array where `output` is a .json file.

    `convert` returns None for a row that the format can't hold, after it said why by `run.reject(reason)`.

    Raises:
        UsageError: `source` is no training file, or holds a line that is no training row. GateError: nothing is left
            to write; an older `output` stays as it was.
    """
    conversations = read_conversations(source)
    damaged = sum(any(is_damaged(turn.content) for turn in row.messages) for row in conversations)
    if damaged:
        run.warn(
            f"{damaged} rows hold text in a wrong encoding or zero-width characters, and are exported as they are; "
            f"dyag validate {source.name} --fix NEW.jsonl mends them"
        )
    lines = output.suffix.lower() != ".json"
    rows = 0
    with atomic_write(output) as handle, run.progress.task("exporting", total=len(conversations)) as task:
        handle.write("" if lines else "[")
        for text in _converted(conversations, convert, task.advance):
            handle.write(f"{text}\n" if lines else f"{',' if rows else ''}\n{text}")
            rows += 1
        if not rows:
            raise GateError(
                f"no row of {source} fits the format: {dict(run.rejected)}", "choose other options or formats"
            )
        handle.write("" if lines else "\n]\n")
    return Exported(files=(output,), rows=rows)


def _converted(
    conversations: list[Conversation],
    convert: Callable[[Conversation], dict[str, Any] | None],
    advance: Callable[[], None],
) -> Iterator[str]:
    for conversation in conversations:
        row = convert(conversation)
        advance()
        if row is not None:
            yield to_json(row)
