"""What metrics say about themselves: the core knows none by name, and reports call each as it calls itself."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import dyag_core
from dyag_core import MetricDescription, MetricResult, PluginError, Prediction, Run, Session, UsageError, hookimpl
from dyag_core.plugin import discovery
from dyag_core.plugin.host import Plugins

Command = Callable[..., subprocess.CompletedProcess[str]]

#: Where a word that is also a metric's name is something else: a key of files of DYAG 2.0, a kind of next step, the
#: sample results file of `dyag_core.testing`, a type of promptfoo's assertions.
OTHER_THINGS = {
    ("chat/question_files/promptfoo.py", "bleu"),
    ("comparison/result_files.py", "success"),
    ("comparison/next_steps.py", "abstention"),
    ("records/comparison.py", "abstention"),
    ("testing/samples.py", "success"),
    ("testing/samples.py", "token_f1"),
}
#: Words of the language: a sentence may hold them.
WORDS = {"success", "abstention", "containment", "groundedness", "judge"}

VOWELS = '''
    """Share of vowels that answer and expected answer have in common."""
    from dyag_core import MetricDescription, MetricResult, hookimpl

    dyag_api = 1
    dyag_metric = MetricDescription(
        title={"en": "shared vowels", "fr": "voyelles communes"},
        phrase={"fr": "les voyelles communes"},
        meaning={"en": "how many vowels both have", "fr": "le nombre de voyelles des deux"},
        unit="vowels",
        unit_title={"en": "vowels", "fr": "voyelles"},
        scored="default",
        place=5,
    )

    @hookimpl
    def dyag_score(predictions):
        kept = [set("aeiouy") & set(p.answer) & set(p.expected) for p in predictions]
        return MetricResult(name="vowels", items=[float(len(both)) for both in kept])
'''


def install(site: Path, distribution: str, **metrics: str) -> Path:
    """A distribution with these metrics, name -> source; returns its metadata, without which it isn't installed."""
    info = site / f"{distribution.replace('-', '_')}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
    module = distribution.replace("-", "_")
    (info / "entry_points.txt").write_text(
        "[dyag.metrics]\n" + "".join(f"{name} = {module}_{name}\n" for name in metrics)
    )
    for name, source in metrics.items():
        (site / f"{module}_{name}.py").write_text(textwrap.dedent(source), encoding="utf-8")
    return info


class Parrot:
    """An engine that answers with the last word of the question."""

    name, remote, context_length = "parrot", True, 1000

    @hookimpl
    def dyag_open_engine(self) -> Parrot:
        return self

    def answer(self, prompts: Any, decoding: Any) -> Any:
        for i, prompt in enumerate(prompts):
            yield i, dyag_core.Reply(text=prompt[-1].content.split()[-2])

    def count_tokens(self, prompt: Any) -> int:
        return 1

    def close(self) -> None: ...


class Declared:
    """A metric of a program, which says about itself what the test gives it."""

    name = "mine"

    def __init__(self, **said: Any) -> None:
        self.dyag_metric = MetricDescription(**said)
        self.more: dict[str, Any] = {}

    @hookimpl
    def dyag_score(self, predictions: Any) -> MetricResult:
        return MetricResult(name=self.name, items=[1.0 for _ in predictions], **self.more)


def questions(folder: Path) -> Path:
    rows = [
        {"question": f"Quelle est la licence de l'outil {i}, GPL ?", "expected_answer": "GPL" if i % 3 else "MIT"}
        for i in range(36)
    ]
    file = folder / "asked.jsonl"
    file.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return file


def evaluated(folder: Path, *objects: Any, **options: Any) -> dict[str, Any]:
    """The results file of one arm, as it stands on disk."""
    session = Session(folder, plugins=[Parrot(), *objects])
    made = session.evaluate(questions(folder), arms=["base"], base_model="none", engine="parrot", **options)
    return json.loads(made.files["base"].read_text("utf-8"))


# -- the core knows none -----------------------------------------------------------------------------------------------


def literals(source: str) -> set[str]:
    """Every string that a module holds, docstrings left out."""
    tree = ast.parse(source)
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    return {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings
    }


def names_in(source: str, metrics: set[str]) -> set[str]:
    """Names of metrics among a module's strings: as a whole string, or as a word of one that can mean nothing else."""
    found = set()
    for text in literals(source):
        found |= metrics & {text}
        found |= (metrics - WORDS) & set(re.findall(r"\w+", text))
    return found


def test_the_core_names_no_metric() -> None:
    core = Path(dyag_core.__file__).parent
    metrics = {entry.name for entry in discovery.entries("metrics") if entry.distribution == "dyag"}
    assert {"success", "token_f1", "recall_at_k"} <= metrics
    assert names_in('DEFAULT = ("token_f1", "success")\nhelp = "by default bleu"', metrics) == {
        "token_f1",
        "success",
        "bleu",
    }
    found = {
        (str(file.relative_to(core)), name)
        for file in core.rglob("*.py")
        for name in names_in(file.read_text("utf-8"), metrics)
    }
    assert found == OTHER_THINGS


# -- reports -----------------------------------------------------------------------------------------------------------


def test_a_strangers_metric_has_its_titles_in_both_reports_and_without_its_plugin(
    tmp_path: Path, site: Path, run_dyag: Command
) -> None:
    metadata = install(site, "acme-vowels", vowels=VOWELS)
    answers = {"rag": "GPLa", "finetuned": "aeiou"}
    for arm, answer in answers.items():
        results = evaluated(tmp_path)
        assert next(iter(results["metrics"]["summaries"])) == "success"  # always scored ones stand first
        assert results["metrics"]["descriptions"]["vowels"]["title"]["fr"] == "voyelles communes"
        results["metadata"]["arm"] = arm
        for item in results["results"]:
            item["generated_answer"] = answer
        (tmp_path / f"{arm}.json").write_text(json.dumps(results), encoding="utf-8")
    compare = ("compare-models", "--rag-results", "rag.json", "--finetuned-results", "finetuned.json")
    said = {
        "fr": ["voyelles communes", "le nombre de voyelles des deux", "0,0 voyelles"],
        "en": ["shared vowels", "how many vowels both have", "0.0 vowels"],
    }

    def reports(lang: str) -> list[str]:
        done = run_dyag(*compare, "--output", f"out_{lang}", "--format", "all", "--lang", lang)
        assert done.returncode == 0, done.stderr
        return [(tmp_path / f"out_{lang}.{suffix}").read_text("utf-8") for suffix in ("md", "html", "json")]

    for lang, words in said.items():
        markdown, html, _ = reports(lang)
        assert [w for w in words if w not in markdown or w not in html] == []
    installed = reports("fr")
    for file in metadata.iterdir():
        file.unlink()
    metadata.rmdir()
    assert "acme" not in run_dyag("plugins", "list", "metrics").stdout
    assert reports("fr") == installed  # the files say how their metrics are called

    for arm in answers:  # files that don't: by its name
        old = json.loads((tmp_path / f"{arm}.json").read_text("utf-8"))
        del old["metrics"]["descriptions"]
        (tmp_path / f"{arm}.json").write_text(json.dumps(old), encoding="utf-8")
    markdown, html, _ = reports("fr")
    assert "voyelles" not in markdown
    assert "vowels" in markdown
    assert "vowels" in html
    assert "exactitude" in markdown  # a metric that is installed says it


def test_the_verdict_calls_the_deciding_metric_as_it_calls_itself(tmp_path: Path) -> None:
    mine = Declared(title={"en": "my score", "fr": "ma note"}, phrase={"fr": "ma note"})
    files = {}
    for arm in ("rag", "finetuned"):
        (tmp_path / arm).mkdir()
        evaluated(tmp_path / arm, mine, metrics=["mine"])
        files[arm] = tmp_path / arm / "results.json"
    made = Session(tmp_path).compare(files, primary="mine")
    verdict = made.comparison.recommendations[0].text
    assert "ma note" in verdict["fr"]
    assert "my score" in verdict["en"]
    assert made.comparison.metric("mine").name == "mine"
    unknown = made.comparison.metric("nobody's")
    assert (unknown.name, unknown.title, unknown.higher_is_better) == ("nobody's", {}, True)


@pytest.mark.parametrize("said", [{"title": "text"}, {"title": {"fr": 3}}, {"scored": "often"}])
def test_an_unusable_description_in_a_file_is_told(tmp_path: Path, said: dict[str, Any]) -> None:
    results = evaluated(tmp_path)
    results["metrics"]["descriptions"]["success"] = said
    for arm in ("rag", "finetuned"):
        (tmp_path / f"{arm}.json").write_text(json.dumps(results), encoding="utf-8")
    with pytest.raises(UsageError, match=rf"rag\.json: what it says about the metric 'success'.*{next(iter(said))}"):
        Session(tmp_path).compare({arm: tmp_path / f"{arm}.json" for arm in ("rag", "finetuned")})


def test_titles_in_a_file_are_data(tmp_path: Path) -> None:
    results = evaluated(tmp_path)
    said = {"title": {"en": "<b>\x1b[31mred\x07</b>", "fr": "x"}, "of_a_newer_dyag": 1}
    results["metrics"]["descriptions"]["exact_match"] = said
    for arm in ("rag", "finetuned"):
        (tmp_path / f"{arm}.json").write_text(json.dumps(results), encoding="utf-8")
    made = Session(tmp_path, lang="en").compare({arm: tmp_path / f"{arm}.json" for arm in ("rag", "finetuned")})
    for file in made.files.values():
        assert "\x1b" not in file.read_text("utf-8")
    assert "&lt;b&gt;" in made.files["html"].read_text("utf-8")
    assert "<b>" not in made.files["html"].read_text("utf-8")


# -- which are scored --------------------------------------------------------------------------------------------------


def test_a_metric_says_itself_when_it_is_scored(tmp_path: Path) -> None:
    scored = {
        when: {
            "of itself": "mine" in evaluated(tmp_path, Declared(scored=when))["metrics"]["summaries"],
            "beside another": "mine"
            in evaluated(tmp_path, Declared(scored=when), metrics=["containment"])["metrics"]["summaries"],
        }
        for when in ("asked", "default", "retrieval", "always")
    }
    assert scored == {
        "asked": {"of itself": False, "beside another": False},
        "default": {"of itself": True, "beside another": False},
        "retrieval": {"of itself": False, "beside another": False},
        "always": {"of itself": True, "beside another": True},
    }


def test_results_files_have_the_keys_that_they_always_had(tmp_path: Path) -> None:
    results = evaluated(tmp_path, Declared(scored="always"), metrics=["containment"])
    metrics, first = results["metrics"], results["results"][0]
    assert list(metrics["summaries"]) == ["success", "exact_match", "mine", "containment"]
    assert metrics["success_rate"] == metrics["summaries"]["success"]["mean"] == pytest.approx(200 / 3)
    assert metrics["exact_match_rate"] == metrics["summaries"]["exact_match"]["mean"]
    assert (first["success"], first["exact_match"]) == (False, False)
    assert first["metrics"]["success"] == 0.0
    assert metrics["mine_rate"] == 100.0
    assert first["mine"] is True
    assert "containment_rate" not in metrics
    assert "containment" not in first


def test_no_metric_takes_the_place_of_what_a_results_file_holds(tmp_path: Path) -> None:
    class Question(Declared):
        name = "question"

    first = evaluated(tmp_path, Question(scored="always"))["results"][0]
    assert first["question"].startswith("Quelle")
    assert first["metrics"]["question"] == 1.0


def test_a_result_takes_what_it_does_not_say_from_the_declaration(tmp_path: Path) -> None:
    asked = [Prediction(id="1", question="?", expected="a", answer="b")]
    for more, expected in [
        ({}, ("words", False)),
        ({"unit": "letters"}, ("letters", False)),
        ({"higher_is_better": True}, ("words", True)),
    ]:
        mine = Declared(unit="words", higher_is_better=False)
        mine.more = more
        plugins = Plugins(objects=[mine])
        run = Run(stage="evaluate", folder=tmp_path, plugins=plugins)
        result = plugins.score(plugins.choose("metrics", "mine"), asked, run)
        assert result is not None
        assert (result.unit, result.higher_is_better) == expected


def test_a_metric_that_says_nothing_is_scored_when_asked_for_and_called_by_its_name() -> None:
    said = Plugins().metric("nobody-has-this")
    assert said == MetricDescription(name="nobody-has-this")
    assert (said.scored, said.primary, said.higher_is_better, said.unit) == ("asked", False, True, "rate")


def test_a_broken_metric_that_nobody_asked_for_costs_a_warning(
    tmp_path: Path, site: Path, heard: Any, run_dyag: Command
) -> None:
    install(
        site, "acme-broken", broken="1 +", newer="dyag_api = 99", wrong=VOWELS.replace("MetricDescription(", "dict(")
    )
    session = Session(tmp_path, plugins=[Parrot()], progress=heard)
    made = session.evaluate(questions(tmp_path), arms=["base"], base_model="none", engine="parrot")
    assert "success" in made.evaluations["base"].metrics["summaries"]
    warnings = [line for line in heard.lines if line.startswith("warning: left out: metric")]
    assert len(warnings) == 3
    with pytest.raises(PluginError, match="its dyag_metric is a dict, not a MetricDescription"):
        Plugins().choose("metrics", "wrong")
    checked = run_dyag("plugins", "check", "metrics", "wrong")
    assert checked.returncode == 3
    assert "dyag_metric is a dict" in checked.stdout


# -- which decides -----------------------------------------------------------------------------------------------------


def test_what_decides_is_what_says_so(tmp_path: Path) -> None:
    """`success` of itself, another by --primary; two that say so must be told apart by the user."""
    mine = Declared(title={"en": "my score"}, primary=True, scored="default")
    evaluated(tmp_path)
    files = {}
    for arm in ("rag", "finetuned"):
        files[arm] = tmp_path / f"{arm}.json"
        files[arm].write_text((tmp_path / "results.json").read_text("utf-8"), encoding="utf-8")
    assert Session(tmp_path).compare(files).comparison.primary_metric == "success"
    named = Session(tmp_path).compare(files, primary="token_f1")
    assert named.comparison.primary_metric == "token_f1"
    assert json.loads(named.files["manifest"].read_text("utf-8"))["options"]["primary"] == "token_f1"
    both = evaluated(tmp_path, mine)
    for file in files.values():
        file.write_text(json.dumps(both), encoding="utf-8")
    with pytest.raises(UsageError, match="several metrics say that they decide: success, mine") as refused:
        Session(tmp_path).compare(files)
    assert refused.value.hint == "say which one does: --primary success"
    del both["metrics"]["descriptions"]["success"]
    for file in files.values():
        file.write_text(json.dumps(both), encoding="utf-8")
    assert Session(tmp_path).compare(files).comparison.primary_metric == "mine"  # as the files say, before the plugins


def test_without_the_built_in_metrics_nothing_is_scored_unasked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built_in = [entry.name for entry in discovery.entries("metrics")]
    monkeypatch.setenv("DYAG_DISABLE_PLUGINS", ",".join(f"metrics/{name}" for name in built_in))
    with pytest.raises(UsageError, match="no installed metric is scored by default"):
        evaluated(tmp_path)
    results = evaluated(tmp_path, Declared(), metrics=["mine"])
    assert list(results["metrics"]["summaries"]) == ["mine"]
    assert "success" not in results["results"][0]
    for arm in ("rag", "finetuned"):
        (tmp_path / f"{arm}.json").write_text(json.dumps(results), encoding="utf-8")
    files = {arm: tmp_path / f"{arm}.json" for arm in ("rag", "finetuned")}
    with pytest.raises(UsageError, match="no metric says that it decides"):
        Session(tmp_path).compare(files)
    assert Session(tmp_path).compare(files, primary="mine").comparison.arm("rag").metrics["mine"].mean == 100.0
