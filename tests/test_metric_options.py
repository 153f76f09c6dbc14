"""Metric options from the command line, results scored anew, and what reports say about metrics."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import pytest

from dyag_core import Prediction, Run, UsageError
from dyag_core.cli.root import root
from dyag_core.comparison.names import metric_meaning, metric_name
from dyag_core.plugin import discovery
from dyag_core.plugin.host import Plugins
from dyag_core.plugin.options import options_by_name, options_model, parse_named_pairs
from dyag_core.records import Source

#: (metric, option) -> a value that is not the default, an answer and an expected answer whose score it changes
CASES = {
    ("success", "extra_words"): ("3", "one two three four MIT", "MIT"),
    ("success", "key_share"): ("0.6", "alpha beta gamma delta", "alpha beta gamma delta epsilon zeta"),
    ("bleu", "tokenize"): ("intl", "l'outil", "l'outil libre"),
    ("bleu", "smooth"): ("floor", "un petit test", "un test"),
    ("bleu", "lowercase"): ("true", "mit", "MIT"),
    ("chrf", "char_order"): ("1", "MIT License", "MIT"),
    ("chrf", "word_order"): ("2", "MIT License", "MIT"),
    ("chrf", "beta"): ("1", "MIT License", "MIT"),
    ("chrf", "lowercase"): ("true", "mit", "MIT"),
    ("squad", "score"): ("exact_match", "MIT License", "MIT"),
    ("recall_at_k", "k"): ("1", "MIT", "MIT"),
}
#: These need a model: tests/test_bertscore.py and tests/endpoint/test_judge.py show what each of their options does.
WITH_A_MODEL = {"bertscore", "judge"}
#: The right passage came second.
RETRIEVED = {"chunk": "b", "sources": (Source(chunk="a", score=2), Source(chunk="b", score=1))}


def builtin_metrics() -> list[str]:
    return [entry.name for entry in discovery.entries("metrics") if entry.distribution == "dyag"]


def dyag(*arguments: str) -> None:
    """The command, in this process."""
    root.main(args=list(arguments), standalone_mode=False)


def test_every_option_of_every_metric_is_read() -> None:
    options = {
        (name, option)
        for name in builtin_metrics()
        if name not in WITH_A_MODEL
        for option in options_model(discovery.load(discovery.find("metrics", name))).model_fields
    }
    assert options == set(CASES)
    for (metric, option), (value, answer, expected) in CASES.items():
        asked = [Prediction(id="1", question="Q ?", expected=expected, answer=answer, **RETRIEVED)]
        plugins = Plugins()
        run = Run(stage="evaluate", folder=Path(), plugins=plugins)
        given = parse_named_pairs("metrics", [f"{metric}.{option}={value}"])
        default, changed = (
            plugins.score(plugins.choose("metrics", metric, chosen), asked, run) for chosen in ({}, given[metric])
        )
        assert default is not None
        assert changed is not None
        assert default.items != changed.items, (metric, option)


@pytest.mark.parametrize("lang", ["en", "fr"])
def test_every_metric_has_a_name_and_a_meaning(lang: str) -> None:
    meanings = [metric_meaning(name, lang) for name in builtin_metrics()]
    assert all(meanings)
    assert len(set(meanings)) == len(meanings)
    assert all("_" not in metric_name(name, lang) for name in builtin_metrics())


def test_the_page_on_metrics_is_true(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = (Path(__file__).parents[1] / "docs" / "metrics.md").read_text("utf-8")
    for name in builtin_metrics():
        assert f"| `{name}` |" in page
    code, printed = re.findall(r"```python\n(import json\n.*?)```\n\n```\n(.*?)```", page, re.DOTALL)[0]
    monkeypatch.chdir(tmp_path)
    exec(code, {})
    assert capsys.readouterr().out == printed
    own = re.findall(r'```python\n("""Share of answers.*?)```', page, re.DOTALL)[0]
    module = types.ModuleType("full_stop")
    exec(own, module.__dict__)
    plugins = Plugins(objects=[module])
    asked = [Prediction(id="1", question="?", expected="Oui.", answer=answer) for answer in ("Oui.", "Oui")]
    run = Run(stage="evaluate", folder=Path(), plugins=plugins)
    result = plugins.score(plugins.choose("metrics", "full_stop"), asked, run)
    assert result is not None
    assert result.items == [1.0, 0.0]


def test_metric_pairs() -> None:
    parsed = parse_named_pairs("metrics", ["bleu.tokenize=a=b", "bleu.lower-case=1", "acme-dyag/num.bers.decimals=2"])
    assert parsed == {"bleu": {"tokenize": "a=b", "lower_case": "1"}, "acme-dyag/num.bers": {"decimals": "2"}}
    for wrong in ("tokenize=intl", "bleu.tokenize", "bleu.=1", ".tokenize=1"):
        with pytest.raises(UsageError, match="METRIC"):
            parse_named_pairs("metrics", [wrong])
    assert options_by_name("metrics", ["BLEU", "chrf"], {"bleu": {"a": 1}}) == {"BLEU": {"a": 1}, "chrf": {}}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--metric", "bleu", "-m", "bleu.tokenise=intl"], "'tokenize'"),
        (["--metric", "bleu", "-m", "bleu.tokenize=french"], "'13a'"),
        (["--metric", "bleu", "-m", "blue.tokenize=intl"], "'bleu'"),
        (["-m", "chrf.beta=1"], "--metric chrf"),
        (["-m", "beta=1"], "METRIC.KEY=VALUE"),
        (["--metric", "blue"], "'bleu'"),
    ],
)
def test_a_wrong_metric_option_is_refused_before_anything_is_read(
    tmp_path: Path, arguments: list[str], said: str
) -> None:
    evaluate = ["evaluate", str(tmp_path / "none.jsonl"), "--base-model", "x", "--output", str(tmp_path / "o")]
    with pytest.raises(UsageError) as refused:
        dyag(*evaluate, *arguments)
    assert said in f"{refused.value.message} {refused.value.hint}"


def test_a_missing_library_is_named_before_a_question_is_asked(tmp_path: Path) -> None:
    evaluate = ["evaluate", str(tmp_path / "none.jsonl"), "--base-model", "x", "--output", str(tmp_path / "o")]
    code = "import sys\nsys.modules['sacrebleu'] = None\nfrom dyag_core.cli import main\nmain(sys.argv[1:])"
    done = subprocess.run(
        [sys.executable, "-c", code, *evaluate, "--metric", "chrf"],
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert "metric 'chrf'" in done.stderr
    assert 'pip install "dyag[metrics]"' in done.stderr
    assert "Traceback" not in done.stderr


# -- compare-models ----------------------------------------------------------------------------------------------------


def results(folder: Path, arm: str, answer: str, **bleu: Any) -> Path:
    """A results file with 40 answers; `bleu` are the options it says it scored BLEU with, as 0.25 each."""
    scores = {"success": 1.0, "exact_match": 1.0, **({"bleu": 0.25} if bleu else {})}
    content = {
        "metadata": {
            "arm": arm,
            "lang": "fr",
            "plugins": [{"family": "metrics", "name": "bleu", "options": bleu}] if bleu else [],
        },
        "metrics": {"summaries": {name: {"unit": "rate", "higher_is_better": True} for name in scores}},
        "results": [
            {
                "id": f"q{i}",
                "question": f"Quel est le nom de l'outil {i} ?",
                "expected_answer": "L'éditeur libre",
                "generated_answer": answer,
                "answerable": True,
                "document": f"d{i}",
                "metrics": scores,
            }
            for i in range(40)
        ],
    }
    file = folder / f"{arm}.json"
    file.write_text(json.dumps(content), encoding="utf-8")
    return file


def compared(folder: Path, one: Path, other: Path, *arguments: str) -> dict[str, Any]:
    files = ["--rag-results", str(one), "--finetuned-results", str(other)]
    dyag("compare-models", *files, "--output", str(folder / "out"), "--format", "all", *arguments)
    return json.loads((folder / "out.json").read_text("utf-8"))


def means(comparison: dict[str, Any], metric: str) -> list[float | None]:
    return [arm["metrics"][metric]["mean"] if metric in arm["metrics"] else None for arm in comparison["arms"]]


def test_metrics_are_scored_from_stored_answers(tmp_path: Path) -> None:
    files = results(tmp_path, "rag", "l'éditeur libre"), results(tmp_path, "finetuned", "L'éditeur libre")
    plain = compared(tmp_path, *files)
    assert means(plain, "bleu") == [None, None]
    asked = ("--metric", "bleu", "--metric", "rouge_l")
    comparison = compared(tmp_path, *files, *asked)
    assert means(comparison, "rouge_l") == [100.0, 100.0]
    assert means(comparison, "bleu") == [50.0, 100.0]  # one word of two; no pair, smoothed to a half
    lowered = compared(tmp_path, *files, *asked, "-m", "bleu.lowercase=true")
    assert means(lowered, "bleu") == [100.0, 100.0]
    assert lowered["method"]["metric_options"]["bleu"]["lowercase"] is True


@pytest.mark.parametrize(
    ("lang", "said"),
    [
        ("fr", ["ROUGE-L", "plus longue suite de mots", "suites de mots communes", "tokenize 13a", "exactitude"]),
        ("en", ["ROUGE-L", "longest sequence of words", "word sequences shared", "tokenize 13a", "exact match"]),
    ],
)
def test_reports_say_what_each_metric_counts(tmp_path: Path, lang: str, said: list[str]) -> None:
    files = results(tmp_path, "rag", "MIT"), results(tmp_path, "finetuned", "L'éditeur libre")
    compared(tmp_path, *files, "--lang", lang, "--metric", "bleu", "--metric", "rouge_l")
    for report in ("out.md", "out.html"):
        text = (tmp_path / report).read_text("utf-8").replace("&#39;", "'")
        assert [part for part in said if part not in text] == [], report


def test_stored_scores_are_kept_unless_options_ask_for_others(tmp_path: Path) -> None:
    told = {"tokenize": "13a", "smooth": "exp", "lowercase": False}
    files = results(tmp_path, "rag", "l'éditeur libre", **told), results(tmp_path, "finetuned", "MIT", **told)
    comparison = compared(tmp_path, *files)
    assert means(comparison, "bleu") == [25.0, 25.0]
    assert comparison["method"]["metric_options"]["bleu"] == told
    anew = compared(tmp_path, *files, "-m", "bleu.lowercase=true")
    assert means(anew, "bleu") == [100.0, 0.0]


def test_scores_made_with_different_options_are_not_compared(tmp_path: Path) -> None:
    one = results(tmp_path, "rag", "L'éditeur libre", tokenize="13a")
    other = results(tmp_path, "finetuned", "MIT", tokenize="intl")
    comparison = compared(tmp_path, one, other)
    assert means(comparison, "bleu") == [100.0, 0.0]
    notes = " ".join(r["text"]["en"] for r in comparison["recommendations"])
    assert "bleu with different options" in notes


def test_groundedness_can_not_be_scored_without_passages_and_says_so(tmp_path: Path) -> None:
    files = results(tmp_path, "rag", "MIT"), results(tmp_path, "finetuned", "L'éditeur libre")
    comparison = compared(tmp_path, *files, "--metric", "groundedness")
    assert means(comparison, "groundedness") == [None, None]
    assert any("groundedness applies to none" in r["text"]["en"] for r in comparison["recommendations"])
