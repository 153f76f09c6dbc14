"""What a plugin returned, held against what its hook asks for. A fault is said in one line that names the plugin."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any, TypeVar

from dyag_core.artifacts import MANIFEST_SUFFIX
from dyag_core.errors import PluginError
from dyag_core.plugin.families import normalise_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dyag_core.plugin.entry import Chosen
    from dyag_core.records import MetricResult, Prediction, Report

_T = TypeVar("_T")
_SUFFIX = re.compile(r"(?:\.[A-Za-z0-9_-]+)+")


def returned(chosen: Chosen, result: Any, kind: type[_T], method: str = "__class__") -> _T:
    """`result`, if it is what the hook should return: of that kind, or with that method where any class will do.

    Raises:
        PluginError: says what it is instead.
    """
    if result is None:
        raise PluginError(f"{chosen} returned nothing", "it declined this run; choose another")
    if not (isinstance(result, kind) and hasattr(result, method)):
        wanted = f"something with the method {method}" if kind is object else kind.__name__
        raise PluginError(f"{chosen} returned {type(result).__name__}, not {wanted}", "tell the plugin's author")
    return result


def check_scores(chosen: Chosen, result: MetricResult, predictions: Sequence[Prediction]) -> None:
    """Refuse numbers that no mean can be made of.

    A score out of its range is no fault of one answer: to leave it out would bend the mean of the others.

    Raises:
        PluginError: says which number it gave for which question.
    """
    for prediction, score in zip(predictions, result.items, strict=True):
        if score is None or (math.isfinite(score) and (result.unit != "rate" or 0 <= score <= 1)):
            continue
        where = f"{chosen} returned {score} for question {prediction.id!r}"
        if not math.isfinite(score):
            raise PluginError(f"{where}; give a finite number, or None where it does not apply")
        raise PluginError(
            f"{where}, and a rate lies between 0 and 1", 'divide, or name another unit: MetricResult(unit="points")'
        )


def check_name(chosen: Chosen, result: MetricResult) -> None:
    """Refuse scores under another name than the metric's: they would stand where another's are looked for.

    A program's object without a `name` is known by its class, and may call its scores what it likes.

    Raises:
        PluginError: says both names.
    """
    named = chosen.distribution != "(object)" or getattr(chosen.plugin, "name", None)
    if named and normalise_name(result.name) != chosen.name:
        raise PluginError(
            f"{chosen} returned a MetricResult named {result.name!r}", f"name it {chosen.name!r}, as the plugin"
        )


def check_suffix(chosen: Chosen, report: Report) -> None:
    """Refuse a suffix that is none: the report is written beside the others, as PREFIX and the suffix.

    Raises:
        PluginError: says which it is and what one looks like.
    """
    if report.suffix == MANIFEST_SUFFIX:
        raise PluginError(f"{chosen} returned the suffix {report.suffix!r}; under that one stands the run's manifest")
    if not _SUFFIX.fullmatch(report.suffix):
        raise PluginError(
            f"{chosen} returned the suffix {report.suffix!r}; a suffix is a dot and letters or digits, as '.csv'"
        )
