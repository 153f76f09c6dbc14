"""Where a stage may write."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dyag_core.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path


def jsonl_file(output: Path) -> Path:
    """`output` with its suffix, where the user left it out."""
    return output if output.suffix == ".jsonl" else output.with_name(f"{output.name}.jsonl")


def refuse_input(output: Path, *sources: Path) -> None:
    """UsageError where `output` is one of `sources`, under whatever name: nothing is written over what is read."""
    if any(source.exists() and output.exists() and source.resolve() == output.resolve() for source in sources):
        raise UsageError(f"{output}: is the input", "choose another place for the output")
