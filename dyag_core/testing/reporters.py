"""What a reporter keeps to."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from html.parser import HTMLParser
from typing import TYPE_CHECKING, ClassVar

import pytest

from dyag_core.records import Comparison, Quality, Report
from dyag_core.testing.contract import FamilyContract

if TYPE_CHECKING:
    from dyag_core.plugin.entry import Chosen
    from dyag_core.plugin.host import Plugins

Render = Callable[[Comparison, str], Report]

_MARKUP = (".html", ".htm", ".xhtml", ".svg")
_TABLES = {".csv": ",", ".tsv": "\t"}
#: What makes a spreadsheet run a cell (CWE-1236); a number may begin with a sign.
_FORMULA = tuple("=+-@\t\r")


class ReporterContract(FamilyContract):
    """A text that says what the comparison says, in both languages, whatever stands in the answers."""

    family = "reporters"
    section: ClassVar[str] = "Reporters"

    @pytest.fixture
    def render(self, dyag_host: Plugins, dyag_chosen: Chosen) -> Render:
        """`render(comparison, "fr")`: the report, checked to be one."""

        def made(comparison: Comparison, lang: str) -> Report:
            report = dyag_host.report(dyag_chosen, comparison, lang)
            self.wants(
                report is not None, "dyag_report returned None for a sample comparison: nothing would be written"
            )
            assert report is not None
            return report

        return made

    def test_it_writes_both_languages(self, render: Render, dyag_comparison: Comparison) -> None:
        """English and French, in one kind of file."""
        english, french = render(dyag_comparison, "en"), render(dyag_comparison, "fr")
        self.wants(
            english.suffix == french.suffix,
            f"Report.suffix is one for both languages: {english.suffix!r}, {french.suffix!r}",
        )
        self.wants(english.text.strip() and french.text.strip(), "a report is empty")

    def test_it_names_every_arm_and_the_primary_metric(self, render: Render, dyag_comparison: Comparison) -> None:
        """A reader must see what was compared, and by what."""
        text = _plain(render(dyag_comparison, "en")).lower()
        arms = {arm.name: {"finetuned": "fine-tuned"}.get(arm.name, arm.name) for arm in dyag_comparison.arms}
        missing = [name for name, shown in arms.items() if name not in text and shown not in text]
        self.wants(not missing, f"the report does not name: {', '.join(missing)}")
        primary = dyag_comparison.primary_metric
        self.wants(primary in text or primary.replace("_", " ") in text, f"the report does not name {primary!r}")

    def test_it_shows_no_number_that_is_none(self, render: Render, dyag_comparison: Comparison) -> None:
        """What was not measured is left out or said in words: never NaN."""
        for lang in ("en", "fr"):
            words = _plain(render(dyag_comparison, lang)).lower().split()
            self.wants(not {"nan", "inf", "-inf"} & set(words), "the report shows NaN or infinity")

    def test_it_writes_the_same_twice(self, render: Render, dyag_comparison: Comparison) -> None:
        """The same comparison gives the same bytes: no date, no order of a set."""
        once, again = render(dyag_comparison, "en"), render(dyag_comparison.model_copy(deep=True), "en")
        self.wants(
            once == again, "two reports of one comparison differ: take every date and number from the comparison"
        )

    def test_it_leaves_the_comparison_alone(self, render: Render, dyag_comparison: Comparison) -> None:
        """Other reporters render the same one after this."""
        before = dyag_comparison.model_copy(deep=True)
        render(dyag_comparison, "fr")
        self.wants(dyag_comparison == before, "dyag_report changed the comparison it was given: work on a copy")

    def test_odd_texts_stay_texts(self, render: Render, dyag_odd_comparison: Comparison) -> None:
        """Scripts, formulas and control characters in questions, answers and names are data, shown as such."""
        for lang in ("en", "fr"):
            self.stays_text(render(dyag_odd_comparison, lang))

    def test_a_bare_comparison_is_enough(self, render: Render, dyag_comparison: Comparison) -> None:
        """Two arms without strata, costs, times or quoted answers."""
        arms = [
            arm.model_copy(update={"strata": {}, "latency": None, "median_seconds": None, "p95_seconds": None})
            for arm in dyag_comparison.arms[:2]
        ]
        names = {arm.name for arm in arms}
        bare = dyag_comparison.model_copy(
            update={
                "arms": arms,
                "differences": [
                    d for d in dyag_comparison.differences if {d.a, d.b} <= names and d.stratum is None
                ],
                "recommendations": dyag_comparison.recommendations[:1],
                "disagreements": [], "next_steps": [], "cost": None, "errors_breakdown": {}, "method": {},
                "measured": None, "n_documents": None, "leader": None, "tied": [],
            }
        )  # fmt: skip
        for lang in ("en", "fr"):
            self.wants(render(bare, lang).text.strip(), "the report of a bare comparison is empty")

    def test_it_renders_the_quality_of_training_data_if_it_says_so(
        self, dyag_host: Plugins, dyag_chosen: Chosen, dyag_quality: Quality
    ) -> None:
        """Only where the plugin has the hook `dyag_report_quality`."""
        if "dyag_report_quality" not in self.hooks():
            return
        for lang in ("en", "fr"):
            self.stays_text(dyag_host.report_quality(dyag_chosen, dyag_quality, lang))

    def stays_text(self, report: Report) -> None:
        """Nothing that stands in the data became markup, a formula or a broken file."""
        self.wants(report.text.strip(), "the report is empty")
        try:
            report.text.encode("utf-8")
        except UnicodeEncodeError as error:
            self.wants(False, f"the report can't be written as UTF-8: {error}")
        self.wants("\x1b" not in report.text and "\x00" not in report.text, "a control character went into the report")
        if report.suffix in _MARKUP:
            page = _Page(report.text)
            self.wants(not page.scripts, f"text became markup: {page.scripts[:3]}; escape it (html.escape)")
        elif report.suffix == ".json":
            json.loads(report.text)
        elif report.suffix in _TABLES:
            rows = list(csv.reader(io.StringIO(report.text, newline=""), delimiter=_TABLES[report.suffix]))
            cells = [cell for row in rows for cell in row if cell.startswith(_FORMULA) and not _is_number(cell)]
            self.wants(not cells, f"a spreadsheet would run the cell {cells[:1]}: write an apostrophe before it")
            self.wants(
                len({len(row) for row in rows if row}) == 1, "the rows of the table differ in their number of cells"
            )


class _Page(HTMLParser):
    """Finds what a page would run or fetch, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.scripts: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = [tag] if tag in ("script", "iframe", "object", "embed", "base", "form") else []
        for name, value in attrs:
            address = (value or "").strip().lower()
            if name.startswith("on") or address.startswith("javascript:") or "evil.example" in address:
                found.append(f"{tag} {name}={value!r}")
        self.scripts += found

    def handle_data(self, data: str) -> None:
        self.text += data


def _plain(report: Report) -> str:
    return _Page(report.text).text if report.suffix in _MARKUP else report.text


def _is_number(cell: str) -> bool:
    try:
        float(cell.replace(",", "."))
    except ValueError:
        return False
    return True
