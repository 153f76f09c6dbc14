"""Models whose chat template has no place for a system turn: its text begins the first user turn instead."""

from __future__ import annotations

import re
from collections.abc import Sequence

Turns = Sequence[dict[str, str]]

#: Gemma's and Mistral's templates as servers quote them, and Google's API of Gemma.
_REFUSED = re.compile(
    r"system (?:role|message|prompt|turn|instruction)s?\b|\brole\b.{0,60}\bsystem\b|\bsystem\b.{0,60}\bsupported\b"
    r"|developer instruction|roles must alternate|only user and assistant roles",
    re.IGNORECASE,
)


def is_refused(said: str, turns: Turns) -> bool:
    """Whether a server's words refuse the system turn that was sent."""
    return len(turns) > 1 and (turns[0]["role"], turns[1]["role"]) == ("system", "user") and bool(_REFUSED.search(said))


def folded(turns: Turns) -> list[dict[str, str]]:
    """The turns with the system turn's text at the head of the first user turn, as it is done for a local model."""
    if len(turns) < 2 or (turns[0]["role"], turns[1]["role"]) != ("system", "user"):
        return list(turns)
    return [turns[1] | {"content": f"{turns[0]['content']}\n\n{turns[1]['content']}"}, *turns[2:]]
