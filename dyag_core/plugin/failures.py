"""What a plugin raised, told in one line under its name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import ValidationError

from dyag_core.errors import DyagError, PluginError, ended_by_signal
from dyag_core.extras import missing_library
from dyag_core.records.base import problems

if TYPE_CHECKING:
    from dyag_core.plugin.entry import Chosen


def said(error: BaseException) -> str:
    """What a plugin raised, type first; of a record that could not be made, its wrong fields in one line."""
    text = f"{error.title}: {problems(error)}" if isinstance(error, ValidationError) else str(error)
    return f"{type(error).__name__}: {text}"


def failure(plugin: Chosen | str, error: BaseException) -> BaseException:
    """`error` as the failure of `plugin`; as it is where it is DYAG's own, a signal's, or the machine's fault."""
    if isinstance(error, DyagError) or ended_by_signal(error):
        return error
    if isinstance(error, ModuleNotFoundError):
        return missing_library(str(plugin), error)
    if isinstance(error, MemoryError | OSError):
        return error  # told apart by the command line
    return PluginError(f"{plugin} failed: {said(error)}", "run again with --traceback for details")
