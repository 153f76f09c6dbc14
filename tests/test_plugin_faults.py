"""Plugins that return what their hook can't mean: each fault ends in one line that names the plugin."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from dyag_core import MetricResult, PluginError, Prediction, Session, hookimpl
from dyag_core.testing.samples import results_file


class Metric:
    """A metric that gives every answer one number, under one name."""

    name = "odd"

    def __init__(self, number: float, **more: Any) -> None:
        self.number, self.more = number, more

    @hookimpl
    def dyag_score(self, predictions: Sequence[Prediction]) -> MetricResult:
        return MetricResult(**{"name": "odd", "items": [None, *[self.number] * (len(predictions) - 1)]} | self.more)


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    arms = {"base": 3, "rag": 2}
    return {
        arm: results_file(tmp_path / f"{arm}.json", arm, (i % nth == 0 for i in range(40))) for arm, nth in arms.items()
    }


@pytest.mark.parametrize(
    ("metric", "said"),
    [
        (Metric(float("nan")), "returned nan for question 'q1'; give a finite number, or None"),
        (Metric(float("-inf"), unit="points"), "returned -inf for question 'q1'"),
        (Metric(50.0), "returned 50.0 for question 'q1', and a rate lies between 0 and 1"),
    ],
)
def test_a_score_that_is_no_number_names_its_metric(
    tmp_path: Path, files: dict[str, Path], metric: Metric, said: str
) -> None:
    with pytest.raises(PluginError) as error:
        Session(tmp_path, plugins=[metric]).compare(files, metrics=["odd"], reporters=["json"])
    assert error.value.message.startswith(f"metric 'odd' ((object) 0) {said}")
