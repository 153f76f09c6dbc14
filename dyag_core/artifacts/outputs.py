"""Where a stage may write."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dyag_core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


def jsonl_file(output: Path) -> Path:
    """`output` with its suffix, where the user left it out."""
    return output if output.suffix == ".jsonl" else output.with_name(f"{output.name}.jsonl")


def refuse_inputs(outputs: Iterable[Path], inputs: Iterable[Path]) -> None:
    """UsageError where one file is both, under whatever name: nothing that is read is written over, or removed.

    `outputs` are all files that the stage writes, those beside the one that the user named too.
    """
    read = {file.resolve() for file in inputs if file.exists()}
    for output in outputs:
        if output.resolve() in read:
            raise UsageError(f"{output}: is the input", "choose another place for the output")
