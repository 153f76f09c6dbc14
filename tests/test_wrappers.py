"""Wrappers around a family's hook: whoever raised is named, among several wrappers and what they wrap."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from dyag_core import MetricResult, PluginError, Prediction, Run, hookimpl
from dyag_core.plugin.host import Plugins


class Zero:
    """A metric."""

    name = "zero"

    @hookimpl
    def dyag_score(self, predictions: Sequence[Prediction]) -> MetricResult:
        return MetricResult(name="zero", items=[0.0 for _ in predictions])


class Broken:
    """A metric that raises."""

    name = "zero"

    @hookimpl
    def dyag_score(self, predictions: Sequence[Prediction]) -> MetricResult:
        raise LookupError("of the metric")


class Through:
    """Lets everything through."""

    name = "through"

    @hookimpl(wrapper=True, tryfirst=True)
    def dyag_score(self) -> Iterator[None]:
        return (yield)


class ThroughOldStyle:
    name = "through-old"

    @hookimpl(hookwrapper=True)
    def dyag_score(self) -> Iterator[None]:
        outcome: Any = yield
        outcome.get_result()


class Before:
    name = "culprit"

    @hookimpl(wrapper=True)
    def dyag_score(self) -> Iterator[None]:
        raise KeyError("before")
        yield


class After:
    name = "culprit"

    @hookimpl(wrapper=True)
    def dyag_score(self) -> Iterator[None]:
        yield
        raise KeyError("after")


class AfterOldStyle:
    name = "culprit"

    @hookimpl(hookwrapper=True)
    def dyag_score(self) -> Iterator[None]:
        yield
        raise KeyError("after")


class Turns:
    """Makes another error of the one that it meets."""

    name = "culprit"

    @hookimpl(wrapper=True)
    def dyag_score(self) -> Iterator[None]:
        try:
            return (yield)
        except LookupError as error:
            raise ValueError("turned") from error


class Mends:
    name = "mends"

    @hookimpl(wrapper=True)
    def dyag_score(self, predictions: Sequence[Prediction]) -> Iterator[None]:
        try:
            return (yield)  # type: ignore[return-value]
        except LookupError:
            return MetricResult(name="zero", items=[1.0 for _ in predictions])  # type: ignore[return-value]


class Twice:
    name = "culprit"

    @hookimpl(wrapper=True)
    def dyag_score(self) -> Iterator[None]:
        yield
        yield


class Never:
    name = "culprit"

    @hookimpl(wrapper=True)
    def dyag_score(self) -> Iterator[None]:
        if self.name == "somebody else":
            yield


class NeedsMore:
    name = "culprit"

    @hookimpl(wrapper=True)
    def dyag_score(self) -> Iterator[None]:
        import no_such_library  # noqa: F401

        yield


def score(*objects: Any) -> MetricResult | None:
    host = Plugins(objects=objects)
    prediction = Prediction(id="1", question="?", expected="a", answer="a")
    run = Run(stage="evaluate", folder=Path(), plugins=host)
    return host.score(host.choose("metrics", "zero"), [prediction], run)


@pytest.mark.parametrize("culprit", [Before, After, AfterOldStyle, Twice, Never])
def test_the_wrapper_that_raised_is_named_among_others(culprit: Any) -> None:
    with pytest.raises(PluginError, match=r"^hook plugin \(object\)/culprit around dyag_score failed: "):
        score(Through(), culprit(), ThroughOldStyle(), Zero())


@pytest.mark.parametrize("culprit", [Turns, NeedsMore])
def test_what_a_wrapper_makes_of_an_error_is_its_own(culprit: Any) -> None:
    with pytest.raises(PluginError, match=r"hook plugin \(object\)/culprit around dyag_score"):
        score(Through(), culprit(), ThroughOldStyle(), Broken())


def test_what_is_wrapped_is_named_through_all_wrappers() -> None:
    with pytest.raises(PluginError, match=r"^metric 'zero' .* failed: LookupError: of the metric"):
        score(Through(), ThroughOldStyle(), Broken())


def test_a_wrapper_may_still_mend_what_it_wraps() -> None:
    made = score(Through(), Mends(), Broken())
    assert made is not None
    assert made.items == [1.0]
