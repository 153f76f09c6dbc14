"""How long each plugin took, said when it is done: a wrapper around the hooks of the families.

A wrapper is a generator that yields once: before the yield nothing has happened, its value is what the plugin returned.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from dyag_core import hookimpl

if TYPE_CHECKING:
    from collections.abc import Generator

    from dyag_core import Run

dyag_api = 1


@hookimpl(wrapper=True)
def dyag_train(run: Run) -> Generator[None, Any, Any]:
    """Around the trainer."""
    return (yield from _timed(run, "training"))


@hookimpl(wrapper=True)
def dyag_open_engine(run: Run) -> Generator[None, Any, Any]:
    """Around the loading of a model."""
    return (yield from _timed(run, "loading the model"))


def _timed(run: Run, what: str) -> Generator[None, Any, Any]:
    began = time.monotonic()
    result = yield
    run.progress.message(f"{what}: {time.monotonic() - began:.2f} s")
    return result
