"""Metrics that each break one check (`breaks`), of metrics or of all families; the good one breaks none."""

from __future__ import annotations

import dataclasses
import random
from typing import Any, ClassVar

import bad_heavy
from pydantic import BaseModel, Field

from dyag_core import (
    MetricDescription,
    MetricResult,
    hookimpl,
)
from dyag_core.testing import (
    MetricContract,
)


class Metric:
    """Whether the answer is the expected one."""

    dyag_api = 1
    dyag_metric = MetricDescription(
        title={"en": "sameness", "fr": "identité"},
        phrase={"fr": "l'identité"},
        meaning={"en": "letter by letter", "fr": "lettre à lettre"},
        scored="default",
        primary=True,
    )

    class Options(BaseModel, extra="forbid"):
        weight: float = Field(1.0, description="of a right answer")

    def item(self, prediction):
        return float(prediction.error is None and prediction.answer == prediction.expected)

    def items(self, predictions):
        return [self.item(prediction) for prediction in predictions]

    @hookimpl
    def dyag_score(self, predictions, options):
        return MetricResult(name="same", items=self.items(predictions))


class TestGoodMetric(MetricContract):
    plugin = Metric


class TestHeavy(MetricContract):
    breaks, says = "test_importing_it_imports_nothing_heavy", "`import bad_heavy` imports nltk"
    plugin = bad_heavy


class TestNoDocstring(MetricContract):
    breaks, says = "test_it_says_what_it_does", "has no docstring"

    class plugin(Metric):
        pass


class TestNoApi(MetricContract):
    breaks, says = "test_it_names_the_api_it_was_written_for", "must say `dyag_api = 1`"

    class plugin(Metric):
        dyag_api = None


class TestNewerApi(MetricContract):
    breaks, says = "test_it_names_the_api_it_was_written_for", "this DYAG speaks 1"

    class plugin(Metric):
        dyag_api = 99


class TestMisspeltHook(MetricContract):
    breaks, says = "test_its_hooks_are_known_and_marked", "Did you mean 'dyag_score'"

    class plugin(Metric):
        @hookimpl
        def dyag_scoer(self, predictions):
            return None


class TestUnmarkedHook(MetricContract):
    breaks, says = "test_its_hooks_are_known_and_marked", "mark it with @hookimpl"

    class plugin(Metric):
        def dyag_report(self, comparison):
            return None


class TestMisspeltArgument(MetricContract):
    breaks, says = "test_its_hooks_take_only_what_they_are_given", "predictons"

    class plugin(Metric):
        @hookimpl
        def dyag_score(self, predictons):
            return None


class TestUnhashable(MetricContract):
    breaks, says = "test_it_can_be_registered_beside_another", "eq=False"

    @dataclasses.dataclass
    class plugin(Metric):
        weight: float = 1.0


class TestEqualInstances(MetricContract):
    breaks, says = "test_it_can_be_registered_beside_another", "the second is refused"

    @dataclasses.dataclass(frozen=True)
    class plugin(Metric):
        weight: float = 1.0


class TestNeedsArguments(MetricContract):
    breaks, says = "test_it_can_be_registered_beside_another", "DYAG makes an instance without arguments"

    class plugin(Metric):
        def __init__(self, weight):
            self.weight = weight


class TestNoHook(MetricContract):
    breaks, says = "test_it_has_its_family_s_hook", "implements dyag_score"

    class plugin:
        """Nothing."""


class TestLooseOptions(MetricContract):
    breaks, says = "test_its_options_are_a_model_that_refuses_unknown_keys", 'extra="forbid"'

    class plugin(Metric):
        class Options(BaseModel):
            weight: float = Field(1.0, description="of a right answer")


class TestOptionsThatAreNoModel(MetricContract):
    breaks, says = "test_its_options_are_a_model_that_refuses_unknown_keys", "pydantic.BaseModel"

    class plugin(Metric):
        class Options:
            weight = 1.0


class TestBareOption(MetricContract):
    breaks, says = "test_every_option_is_described", "weight"

    class plugin(Metric):
        class Options(BaseModel, extra="forbid"):
            weight: float = 1.0


class TestOptionsThatAreNoJSON(MetricContract):
    breaks, raises = "test_its_options_go_into_a_manifest", "PydanticSerializationError"

    class plugin(Metric):
        class Options(BaseModel, extra="forbid"):
            weight: Any = Field(object(), description="of a right answer")


class TestRequiresAText(MetricContract):
    breaks, says = "test_the_libraries_it_requires_are_a_list_of_names", "sacrebleu"

    class plugin(Metric):
        requires = "sacrebleu"


class TestNoDescription(MetricContract):
    """Good: a metric of the time before there were any."""

    class plugin(Metric):
        """Whether the answer is the expected one."""

        dyag_metric = None


class TestDescriptionThatIsNone(MetricContract):
    breaks, says = "test_what_it_says_about_itself_can_be_shown", "must be a MetricDescription; it is dict"

    class plugin(Metric):
        dyag_metric: ClassVar = {"title": {"en": "sameness"}}


class TestDescriptionOfAnInstance(MetricContract):
    breaks, says = "test_what_it_says_about_itself_can_be_shown", "must stand in the class"

    class plugin(Metric):
        dyag_metric = None

        def __init__(self):
            self.dyag_metric = Metric.dyag_metric


class TestTitleInOneLanguage(MetricContract):
    breaks, says = "test_what_it_says_about_itself_can_be_shown", "has no title in: fr"

    class plugin(Metric):
        dyag_metric = Metric.dyag_metric.model_copy(update={"title": {"en": "sameness"}})


class TestNoMeaning(MetricContract):
    breaks, says = "test_what_it_says_about_itself_can_be_shown", "has no meaning in: en, fr"

    class plugin(Metric):
        dyag_metric = Metric.dyag_metric.model_copy(update={"meaning": {}})


class TestTitleOfTwoLines(MetricContract):
    breaks, says = "test_what_it_says_about_itself_can_be_shown", "not one line of plain text"

    class plugin(Metric):
        dyag_metric = Metric.dyag_metric.model_copy(update={"title": {"en": "same\nness", "fr": "identité"}})


class TestDecidesWithoutDirection(MetricContract):
    breaks, says = "test_what_it_says_about_itself_can_be_shown", "needs a direction"

    class plugin(Metric):
        dyag_metric = Metric.dyag_metric.model_copy(update={"higher_is_better": None})


class TestPercentages(MetricContract):
    breaks, raises = "test_it_gives_one_number_an_answer", "returned 100.0 for question"

    class plugin(Metric):
        def item(self, prediction):
            return 100.0


class TestNotANumber(MetricContract):
    breaks, raises = "test_it_gives_one_number_an_answer", "returned nan for question"

    class plugin(Metric):
        def item(self, prediction):
            return float("nan")


class TestPrints(MetricContract):
    breaks, says = "test_it_gives_one_number_an_answer", "the plugin printed 'scoring"

    class plugin(Metric):
        def items(self, predictions):
            print("scoring", len(predictions))
            return super().items(predictions)


class TestTooFewItems(MetricContract):
    breaks, raises = "test_it_gives_one_number_an_answer", "returned 1 scores"

    class plugin(Metric):
        def items(self, predictions):
            return [1.0]


class TestDividesByTheLength(MetricContract):
    breaks, says = "test_it_gives_one_number_an_answer", "ZeroDivisionError"

    class plugin(Metric):
        def item(self, prediction):
            return 1 / len(prediction.answer)


class TestNothingForNoAnswers(MetricContract):
    breaks, raises = "test_it_scores_no_answers_at_all", "IndexError"

    class plugin(Metric):
        def items(self, predictions):
            return [float(p == predictions[0]) for p in [predictions[0], *predictions[1:]]]


class TestRanks(MetricContract):
    breaks, says = "test_an_answer_is_scored_by_itself", "an item depends on its answer alone"

    class plugin(Metric):
        def items(self, predictions):
            longest = max((len(p.answer) for p in predictions), default=0) or 1
            return [len(p.answer) / longest for p in predictions]


class TestPlaces(MetricContract):
    breaks, says = "test_an_answer_is_scored_by_itself", "in another order"

    class plugin(Metric):
        def items(self, predictions):
            return [1 / (i + 1) for i, _ in enumerate(predictions)]


class TestChance(MetricContract):
    breaks, says = "test_it_scores_the_same_twice", "a second time"

    class plugin(Metric):
        def item(self, prediction):
            return random.random()


class TestSortsItsInput(MetricContract):
    breaks, says = "test_it_leaves_the_answers_alone", "work on a copy"

    class plugin(Metric):
        def items(self, predictions):
            predictions.sort(key=lambda p: p.answer)
            return super().items(predictions)


class TestPaysForErrors(MetricContract):
    breaks, says = "test_an_answer_that_failed_earns_nothing", "scores 1.0"

    class plugin(Metric):
        def item(self, prediction):
            return float(len(prediction.answer) < 10)
