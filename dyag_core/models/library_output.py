"""The model libraries' own bars and notes stay out of the user's terminal: DYAG reports progress by itself."""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from logging import ERROR, getLogger
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def quiet_libraries() -> Iterator[None]:
    """Silence the libraries' progress bars, notes and deprecation warnings inside the block. Errors still get out."""
    # On a CPU with bf16 bitsandbytes looks for a faster kernel at a hub when it is imported, and warns without one.
    # That happens once, in this block or after it: the level stays.
    getLogger("bitsandbytes").setLevel(ERROR)
    from transformers.utils import logging

    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            warnings.simplefilter("ignore", UserWarning)
            yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()
