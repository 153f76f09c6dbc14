"""Reporters that each break one check; the good one breaks none."""

from __future__ import annotations

import itertools

from dyag_core import (
    Report,
    hookimpl,
)
from dyag_core.testing import (
    ReporterContract,
)
from dyag_core.text.sanitize import plain

count = itertools.count()


class Reporter:
    """One line an arm."""

    dyag_api = 1
    suffix = ".txt"

    def text(self, comparison, lang):
        lines = [f"{plain(arm.name)}\t{arm.metrics[comparison.primary_metric].mean}" for arm in comparison.arms]
        return "\n".join([comparison.primary_metric, *lines])

    @hookimpl
    def dyag_report(self, comparison, lang):
        return Report(suffix=self.suffix, text=self.text(comparison, lang))


class TestGoodReporter(ReporterContract):
    plugin = Reporter


class TestSuffixWithoutDot(ReporterContract):
    breaks, raises = "test_it_writes_both_languages", "a suffix is a dot and letters or digits"

    class plugin(Reporter):
        suffix = "txt"


class TestSuffixOfALanguage(ReporterContract):
    breaks, says = "test_it_writes_both_languages", "one for both languages: '.en.txt', '.fr.txt'"

    class plugin(Reporter):
        @hookimpl
        def dyag_report(self, comparison, lang):
            return Report(suffix=f".{lang}.txt", text="x")


class TestNothingToWrite(ReporterContract):
    breaks, says = "test_it_writes_both_languages", "dyag_report returned None"

    class plugin(Reporter):
        @hookimpl
        def dyag_report(self):
            return None


class TestEnglishOnly(ReporterContract):
    breaks, raises = "test_it_writes_both_languages", "KeyError"

    class plugin(Reporter):
        def text(self, comparison, lang):
            return {"en": "Arms"}[lang]


class TestNoNames(ReporterContract):
    breaks, says = "test_it_names_every_arm_and_the_primary_metric", "does not name: base, rag, finetuned"

    class plugin(Reporter):
        def text(self, comparison, lang):
            return comparison.primary_metric


class TestShowsNaN(ReporterContract):
    breaks, says = "test_it_shows_no_number_that_is_none", "NaN"

    class plugin(Reporter):
        def text(self, comparison, lang):
            return f"mean {float('nan')}"


class TestDated(ReporterContract):
    breaks, says = "test_it_writes_the_same_twice", "two reports of one comparison differ"

    class plugin(Reporter):
        def text(self, comparison, lang):
            return f"{next(count)}"


class TestSortsArms(ReporterContract):
    breaks, says = "test_it_leaves_the_comparison_alone", "work on a copy"

    class plugin(Reporter):
        def text(self, comparison, lang):
            comparison.arms.sort(key=lambda arm: arm.name, reverse=True)
            return "x"


class TestUnescaped(ReporterContract):
    breaks, says = "test_odd_texts_stay_texts", "text became markup"

    class plugin(Reporter):
        suffix = ".html"

        def text(self, comparison, lang):
            return "".join(f"<p>{answer.answer}</p>" for d in comparison.disagreements for answer in d.answers)


class TestFormulas(ReporterContract):
    breaks, says = "test_odd_texts_stay_texts", "a spreadsheet would run the cell"

    class plugin(Reporter):
        suffix = ".csv"

        def text(self, comparison, lang):
            return '"=1+1"\n'


class TestFormulasInNames(ReporterContract):
    breaks, says = "test_odd_texts_stay_texts", "a spreadsheet would run the cell ['=1+1']"

    class plugin(Reporter):
        suffix = ".csv"

        def text(self, comparison, lang):
            return "".join(f'"{plain(arm.name)}"\n' for arm in comparison.arms)


class TestEscapesInNames(ReporterContract):
    breaks, says = "test_odd_texts_stay_texts", "a control character"

    class plugin(Reporter):
        def text(self, comparison, lang):
            return ", ".join([*comparison.metrics, *comparison.strata])


class TestEscapes(ReporterContract):
    breaks, says = "test_odd_texts_stay_texts", "a control character"

    class plugin(Reporter):
        def text(self, comparison, lang):
            return "\x1b[31mred\x1b[0m"


class TestNeedsACost(ReporterContract):
    breaks, raises = "test_a_bare_comparison_is_enough", "AttributeError"

    class plugin(Reporter):
        def text(self, comparison, lang):
            return comparison.cost.unit


class TestUnescapedQuality(ReporterContract):
    breaks, says = "test_it_renders_the_quality_of_training_data_if_it_says_so", "text became markup"

    class plugin(Reporter):
        @hookimpl
        def dyag_report_quality(self, quality):
            return Report(suffix=".html", text=f"<p onclick='x'>{quality.rows}</p>")
