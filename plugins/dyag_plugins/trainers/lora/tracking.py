"""Experiment trackers, off by default: tensorboard, mlflow, trackio."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from typing import Literal

from dyag_core import UsageError

Tracker = Literal["tensorboard", "mlflow", "trackio"]


def require(trackers: Sequence[Tracker]) -> None:
    """Raise UsageError for a tracker whose library is missing; says what to install."""
    for tracker in trackers:
        if importlib.util.find_spec(tracker) is None:
            raise UsageError(f"report_to={tracker} needs the package {tracker}", f"pip install {tracker}")
