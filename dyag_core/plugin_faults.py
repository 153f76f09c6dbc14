"""What a plugin returned, held against what its hook asks for. A fault is said in one line that names the plugin."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from dyag_core.errors import PluginError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dyag_core.records import MetricResult, Prediction


def check_scores(what: str, result: MetricResult, predictions: Sequence[Prediction]) -> None:
    """Refuse numbers that no mean can be made of. `what` names the plugin.

    A score out of its range is no fault of one answer: to leave it out would bend the mean of the others.

    Raises:
        PluginError: says which number it gave for which question.
    """
    for prediction, score in zip(predictions, result.items, strict=True):
        if score is None:
            continue
        where = f"{what} returned {score} for question {prediction.id!r}"
        if not math.isfinite(score):
            raise PluginError(f"{where}; give a finite number, or None where it does not apply")
        if result.unit == "rate" and not 0 <= score <= 1:
            raise PluginError(
                f"{where}, and a rate lies between 0 and 1", 'divide, or name another unit: MetricResult(unit="points")'
            )
