"""Errors a person can act on. Each carries what happened, what to do next, and the exit code of the command."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

#: What every command's exit codes mean. The classes below carry the codes that an error can give.
EXIT_CODES = {
    0: "done",
    1: "failed",
    2: "usage or bad configuration",
    3: "a quality gate was not met",
    4: "endpoint down, resumable",
    5: "out of disk or memory",
    6: "output locked, or resume refused",
    130: "interrupted (Ctrl-C), resumable",
    143: "terminated, resumable",
}


class DyagError(Exception):
    """Something failed in a way the user can understand.

    Args:
        message: what happened, where; one line where that is possible.
        hint: what to do next, as a sentence or a command to paste.
    """

    exit_code = 1

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(DyagError):
    """Bad option, configuration, name or input file (exit 2)."""

    exit_code = 2


class GateError(DyagError):
    """The work was done, but a quality gate was not met (exit 3)."""

    exit_code = 3


class EndpointError(DyagError):
    """A remote endpoint stayed down; what was done is journalled and the command can be repeated (exit 4)."""

    exit_code = 4


class ResourceError(DyagError):
    """Out of disk or memory (exit 5)."""

    exit_code = 5


class LockedError(DyagError):
    """Another process holds the output, or resuming was refused (exit 6)."""

    exit_code = 6


class PluginError(DyagError):
    """A plugin could not be loaded, or broke its contract. Names plugin, distribution and remedy."""


def ended_by_signal(error: BaseException) -> bool:
    """Whether this is how Ctrl-C and SIGTERM end a command, and not a plugin that calls `sys.exit` by itself."""
    return isinstance(error, KeyboardInterrupt) or (isinstance(error, SystemExit) and error.code in (130, 143))


def nearest(name: str, known: Iterable[str]) -> str:
    """A "did you mean" sentence for `name`, or the list of `known` names where none is near."""
    known = sorted(known)
    close = get_close_matches(name, known, n=3, cutoff=0.5)
    if close:
        return f"Did you mean {' or '.join(repr(c) for c in close)}?"
    return f"Known: {', '.join(known)}." if known else "None is installed."
