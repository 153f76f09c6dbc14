"""Plugins that return what their hook can't mean: each fault ends in one line that names the plugin."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from dyag_core import (
    Document,
    Example,
    Fact,
    MetricResult,
    PluginError,
    Prediction,
    Report,
    Session,
    UsageError,
    hookimpl,
)
from dyag_core.testing.samples import document_rows, results_file, write_documents


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


def test_scores_under_another_metrics_name_are_refused(tmp_path: Path, files: dict[str, Path]) -> None:
    with pytest.raises(PluginError, match=r"metric 'odd' \(\(object\) 0\) returned a MetricResult named 'success'"):
        Session(tmp_path, plugins=[Metric(1.0, name="success")]).compare(files, metrics=["odd"], reporters=["json"])


class Reporter:
    """A reporter that returns what it was made with."""

    name = "odd"

    def __init__(self, report: Report | None) -> None:
        self.report = report

    @hookimpl
    def dyag_report(self) -> Report | None:
        return self.report


class Misspelt:
    """A generator with a misspelt field."""

    name = "misspelt"

    @hookimpl
    def dyag_generate(self, documents: Iterable[Document]) -> Iterator[Example]:
        for document in documents:
            fact = Fact(document=document.id, subject="s", attribut="licence", value="MIT")  # type: ignore[call-arg]
            yield Example(question="q?", answer="MIT", fact=fact, document=document)


def test_a_misspelt_field_of_a_record_is_one_line(tmp_path: Path) -> None:
    source = write_documents(tmp_path / "d.jsonl", document_rows(2))
    with pytest.raises(PluginError) as error:
        Session(tmp_path, plugins=[Misspelt()], lang="en").generate(source, method="misspelt")
    assert error.value.message == (
        "generator 'misspelt' ((object) 0) failed: ValidationError: Fact: attribute: Field required; "
        "attribut: Extra inputs are not permitted (got 'licence')"
    )


@pytest.mark.parametrize("suffix", ["/../../evil.csv", "csv", "", ".", ".a/b", ".txt\n", ".manifest.json"])
def test_a_suffix_that_is_none_is_refused_and_nothing_is_written(
    tmp_path: Path, files: dict[str, Path], suffix: str
) -> None:
    before = set(tmp_path.rglob("*"))
    session = Session(tmp_path, plugins=[Reporter(Report(suffix=suffix, text="x"))])
    with pytest.raises(PluginError) as error:
        session.compare(files, output=tmp_path / "bad", reporters=["odd", "json"])
    assert error.value.message.startswith(f"reporter 'odd' ((object) 0) returned the suffix {suffix!r}; ")
    assert {path for path in set(tmp_path.rglob("*")) - before if path.suffix != ".lock"} == set()


def test_a_reporter_that_has_nothing_to_write_is_left_out_and_the_user_told(
    tmp_path: Path, files: dict[str, Path], heard: Any
) -> None:
    session = Session(tmp_path, plugins=[Reporter(None)], progress=heard)
    made = session.compare(files, output=tmp_path / "c", reporters=["odd", "json"])
    assert set(made.files) == {"json", "manifest"}
    assert heard.lines == ["reporter 'odd' ((object) 0) has nothing to write about this comparison"]


def test_arms_whose_names_look_the_same_are_refused(tmp_path: Path, files: dict[str, Path]) -> None:
    one, two = files.values()
    with pytest.raises(UsageError, match="two result files have the same name"):
        Session(tmp_path).compare({"rag": one, "rag\x1b[1m": two}, output=tmp_path / "c")
