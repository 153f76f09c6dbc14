"""Lifecycle plugins that each break one check; the good one breaks none."""

from __future__ import annotations

from dyag_core import (
    hookimpl,
)
from dyag_core.testing import (
    HookContract,
)


class Onlooker:
    """Looks on."""

    dyag_api = 1

    @hookimpl
    def dyag_after_stage(self, stage, run, result):
        return None

    @hookimpl
    def dyag_filter_examples(self, examples):
        return (example for example in examples if example.question)


class TestGoodHook(HookContract):
    plugin = Onlooker


class TestNoLifecycleHook(HookContract):
    breaks, says = "test_it_has_a_lifecycle_hook", "implements one of dyag_configure"

    class plugin:
        """A metric."""

        dyag_api = 1

        @hookimpl
        def dyag_score(self, predictions):
            return None


class TestNeedsATrain(HookContract):
    breaks, says = "test_it_looks_on_at_real_stages", "has no attribute 'folder'"

    class plugin(Onlooker):
        @hookimpl
        def dyag_after_stage(self, stage, run, result):
            run.warn(result.folder)


class TestDropsAll(HookContract):
    breaks, raises = "test_it_looks_on_at_real_stages", "GateError"

    class plugin(Onlooker):
        @hookimpl
        def dyag_filter_examples(self, examples):
            return iter([])


class TestKnowsGenerateOnly(HookContract):
    breaks, says = "test_it_looks_on_at_training_and_asking", "KeyError"

    class plugin(Onlooker):
        @hookimpl
        def dyag_before_stage(self, stage, run):
            run.warn({"generate": "1"}[stage])


class TestReadsTheHint(HookContract):
    breaks, says = "test_it_looks_on_at_errors", "has no attribute 'hint'"

    class plugin(Onlooker):
        @hookimpl
        def dyag_on_stage_error(self, error, run):
            run.warn(error.hint)


class TestFiltersToTexts(HookContract):
    breaks, says = "test_its_filter_gives_examples", "the filter gave str"

    class plugin(Onlooker):
        @hookimpl
        def dyag_filter_examples(self, examples):
            return (example.answer for example in examples)


class TestFiltersAList(HookContract):
    breaks, says = "test_its_filter_passes_examples_on_as_they_come", "return a generator, not a list"

    class plugin(Onlooker):
        @hookimpl
        def dyag_filter_examples(self, examples):
            return [example for example in examples if example.answer]
