"""The arms of a comparison: which model answers, and what it is given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dyag_core.errors import UsageError, nearest

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Arm:
    """Which model answers, and whether it is given passages: those a search finds, or (`oracle`) the right one."""

    name: str
    finetuned: bool
    retrieval: bool
    oracle: bool = False


ARMS = {
    arm.name: arm
    for arm in (
        Arm("base", finetuned=False, retrieval=False),
        Arm("rag", finetuned=False, retrieval=True),
        Arm("finetuned", finetuned=True, retrieval=False),
        Arm("hybrid", finetuned=True, retrieval=True),
        Arm("oracle", finetuned=False, retrieval=True, oracle=True),
    )
}


def arms_named(names: Sequence[str]) -> list[Arm]:
    """The arms that `names` mean, each once, in that order.

    Raises:
        UsageError: a name is unknown, or there is none.
    """
    unknown = [name for name in names if name not in ARMS]
    if unknown:
        raise UsageError(f"unknown arm {unknown[0]!r}", nearest(unknown[0], ARMS))
    if not names:
        raise UsageError("no arm was named", f"known: {', '.join(ARMS)}")
    return [ARMS[name] for name in dict.fromkeys(names)]


def arm_for(*, finetuned: bool, retrieval: bool) -> Arm:
    """The arm with these two properties."""
    wanted = (finetuned, retrieval, False)
    return next(arm for arm in ARMS.values() if (arm.finetuned, arm.retrieval, arm.oracle) == wanted)
