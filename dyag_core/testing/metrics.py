"""What a metric keeps to."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar

import pytest

from dyag_core.records import MetricDescription, MetricResult, Prediction
from dyag_core.testing.contract import FamilyContract
from dyag_core.testing.samples import failed_prediction
from dyag_core.text.language import LANGUAGES
from dyag_core.text.sanitize import plain

if TYPE_CHECKING:
    from dyag_core.plugin.entry import Chosen
    from dyag_core.plugin.host import Plugins
    from dyag_core.plugin.run import Run

Score = Callable[[Sequence[Prediction]], MetricResult | None]


class MetricContract(FamilyContract):
    """One number an answer, whichever answers stand beside it.

    A metric that declines the sample predictions (it returns None for all of them) overrides the fixture
    `dyag_predictions` in its class with some that it takes.
    """

    family = "metrics"
    section: ClassVar[str] = "Metrics"

    @pytest.fixture
    def score(self, dyag_host: Plugins, dyag_chosen: Chosen, dyag_run: Callable[..., Run]) -> Score:
        """Scores some predictions through the host, which refuses a result of another length.

        Where a metric raises at some answers the host leaves these unscored and says so; here it has to score them all.
        """

        def scored(predictions: Sequence[Prediction]) -> MetricResult | None:
            told: list[str] = []
            dyag_host.warn = told.append
            result = dyag_host.score(dyag_chosen, predictions, dyag_run("evaluate"))
            self.wants(not told, f"dyag_score raised: {told}; None as an item says that the metric doesn't apply")
            return result

        return scored

    def scored(self, score: Score, predictions: Sequence[Prediction]) -> MetricResult:
        """The result, which must be one."""
        result = score(predictions)
        if not isinstance(result, MetricResult):
            declined = (
                "None for all of the sample predictions: override the fixture dyag_predictions with some it takes"
            )
            self.wants(False, f"dyag_score returned {declined if result is None else f'a {type(result).__name__}'}")
        assert isinstance(result, MetricResult)
        return result

    def test_what_it_says_about_itself_can_be_shown(self) -> None:
        """Reports in both languages call it as `dyag_metric` says. A metric may have none: it then goes by its name."""
        said = getattr(self.instance(), "dyag_metric", None)
        if said is None:
            return
        self.wants(
            isinstance(said, MetricDescription), f"dyag_metric must be a MetricDescription; it is {type(said).__name__}"
        )
        self.wants(
            getattr(self.plugin, "dyag_metric", None) is not None,
            "dyag_metric must stand in the class: DYAG reads it without making an instance",
        )
        for kind, texts in (("title", said.title), ("meaning", said.meaning)):
            missing = [lang for lang in LANGUAGES if not texts.get(lang, "").strip()]
            self.wants(not missing, f"dyag_metric has no {kind} in: {', '.join(missing)}")
        shown = [*said.title.values(), *said.phrase.values(), *said.meaning.values(), *said.unit_title.values()]
        odd = [text for text in shown if plain(text) != text or "\n" in text]
        self.wants(not odd, f"a text of dyag_metric is not one line of plain text: {odd[:1]}")
        self.wants(
            not said.primary or said.higher_is_better is not None,
            "a metric that decides (primary=True) needs a direction: higher_is_better=True or False",
        )

    def test_it_gives_one_number_an_answer(self, score: Score, dyag_predictions: list[Prediction]) -> None:
        """None where it doesn't apply; empty, odd and very long answers included; the host refuses NaN."""
        result = self.scored(score, dyag_predictions)
        self.wants(result.name.strip(), "MetricResult.name is empty")
        numbers = [item for item in result.items if item is not None]
        self.wants(numbers, "every item is None on the sample predictions: override the fixture dyag_predictions")

    def test_it_scores_no_answers_at_all(self, score: Score) -> None:
        """An arm may have no question of a stratum."""
        result = score([])
        self.wants(result is None or result.items == [], "an empty list of predictions has no items, or is declined")

    def test_an_answer_is_scored_by_itself(self, score: Score, dyag_predictions: list[Prediction]) -> None:
        """The order of the answers and who stands beside them change nothing: the paired tests rest on it."""
        together = self.scored(score, dyag_predictions).items
        backwards = self.scored(score, dyag_predictions[::-1]).items[::-1]
        self.same(dyag_predictions, together, backwards, "in another order")
        some = dyag_predictions[:: max(1, len(dyag_predictions) // 8)]
        alone = [result.items[0] if (result := score([one])) else None for one in some]
        self.same(some, [together[dyag_predictions.index(one)] for one in some], alone, "alone")

    def test_it_scores_the_same_twice(self, score: Score, dyag_predictions: list[Prediction]) -> None:
        """The same answers give the same numbers."""
        once, again = self.scored(score, dyag_predictions).items, self.scored(score, dyag_predictions).items
        self.same(dyag_predictions, once, again, "a second time")

    def test_it_leaves_the_answers_alone(self, score: Score, dyag_predictions: list[Prediction]) -> None:
        """Other metrics read the same list after this one."""
        before = [prediction.model_copy(deep=True) for prediction in dyag_predictions]
        score(dyag_predictions)
        self.wants(dyag_predictions == before, "dyag_score changed the predictions it was given: work on a copy")

    def test_an_answer_that_failed_earns_nothing(self, score: Score) -> None:
        """Where more is better, `prediction.error` means 0, or None where the metric doesn't apply."""
        result = score([failed_prediction()])
        if result is None or not result.higher_is_better:
            return
        self.wants(
            not result.items[0],
            f"an answer that failed (prediction.error is set) scores {result.items[0]}, not 0 or None",
        )

    def same(
        self, asked: Sequence[Prediction], one: Sequence[float | None], other: Sequence[float | None], how: str
    ) -> None:
        """Item by item, but for the last digits."""
        for prediction, a, b in zip(asked, one, other, strict=True):
            equal = a == b if a is None or b is None else math.isclose(a, b, abs_tol=1e-6)
            self.wants(
                equal, f"prediction {prediction.id!r} scores {a}, and {b} {how}: an item depends on its answer alone"
            )
