"""What can be wrong with a row of chats. The kinds have their names in `dyag_core.dataset.quality.problems`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dyag_core.artifacts import BadLine, is_one_array

if TYPE_CHECKING:
    from pathlib import Path

#: Kinds of fault that training takes without harm.
MILD = frozenset({"byte_order_mark", "control_token_asked", "one_array", "role_alias"})
_SHOWN = 5


@dataclass(frozen=True)
class Fault:
    """Something in a row that was not as it should be, and how it was read all the same.

    Training refuses a row with a fault that isn't mild; `validate --fix` writes the row as it was read.
    """

    kind: str
    detail: str
    fix: str = ""


class Unreadable(ValueError):
    """A row that nothing can be made of: the kind of fault, and the detail as its text."""

    def __init__(self, kind: str, detail: str) -> None:
        super().__init__(detail)
        self.kind = kind


def quoted(value: object) -> str:
    """The beginning of a value as it stands in a row, for details."""
    try:
        return repr(value)[:90]
    except ValueError:  # an integer of thousands of digits
        return "..."


def listed(path: Path, bad: list[BadLine]) -> str:
    """The first few bad rows of a file, one a line, with their reasons."""
    bad.sort(key=lambda row: row.line)
    what = "item" if is_one_array(path) else "line"
    shown = [f"  {what} {row.line}: {row.reason}" for row in bad[:_SHOWN]]
    more = [f"  and {len(bad) - _SHOWN} more"] if len(bad) > _SHOWN else []
    return "\n".join([*shown, *more])
