"""The sentences of reports as data: alike in both languages, filled in as each language writes numbers and plurals."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from string import Formatter
from typing import Any

import pytest

from dyag_core.comparison.sentences import WAYS, in_words, say, templates
from dyag_core.plugin.host import Plugins
from dyag_core.records import Comparison, MetricDescription
from dyag_core.records.options import CompareOptions
from dyag_core.stages.compare import compare
from dyag_core.text.language import LANGUAGES
from dyag_core.text.wording import fill
from dyag_plugins.reporters.texts import texts

ROOT = Path(__file__).parents[1]


def placeholders(template: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(template) if name}


@pytest.mark.parametrize("key", templates())
def test_a_sentence_stands_in_every_language_with_the_same_parts(key: str) -> None:
    assert set(templates()[key]) == set(LANGUAGES)
    en, fr = templates()[key]["en"], templates()[key]["fr"]
    assert placeholders(en) == placeholders(fr)
    assert en.strip()
    assert fr.strip()


@pytest.mark.parametrize("key", templates())
def test_every_way_of_writing_is_known_and_every_plural_has_two_forms(key: str) -> None:
    for lang, template in templates()[key].items():
        for _, name, way, _ in Formatter().parse(template):
            if name and "|" in (way or ""):
                one, several = way.split("|")
                assert one != several
                assert ("#" in one) == ("#" in several)
            elif name:
                called = (way or "").removesuffix(",").lower()
                value: Any = "x" if called in {*WAYS, "quoted"} else 1
                value = MetricDescription(name="x") if called.startswith("metric") else value
                assert fill("{x:" + (way or "") + "}", lang, {"x": value}, WAYS)


def test_every_sentence_is_said_somewhere() -> None:
    code = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "dyag_core" / "comparison").glob("*.py"))
    said = {*re.findall(r'"([a-z_]+)"', code)}
    families = re.findall(r'say\(f"([a-z_]+_)\{', code)  # say(f"next_{kind}", ...)
    unsaid = [key for key in templates() if key not in said and not key.startswith(tuple(families))]
    assert unsaid == []


@pytest.mark.parametrize(
    "folder", ["dyag_core/comparison", "dyag_core/evaluation", "dyag_core/dataset", "plugins/dyag_plugins/reporters"]
)
def test_no_closure_over_a_language_words_a_report(folder: str) -> None:
    for path in (ROOT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Lambda):
                assert "lang" not in {argument.arg for argument in node.args.args}, f"{path}:{node.lineno}"


@pytest.mark.parametrize(
    ("n", "en", "fr"),
    [
        (0, "0 questions", "0 question"),
        (1, "1 question", "1 question"),
        (1.5, "1.5 questions", "1,5 question"),
        (2, "2 questions", "2 questions"),
        (60, "60 questions", "60 questions"),
    ],
)
def test_plurals_follow_the_language(n: float, en: str, fr: str) -> None:
    assert fill("{n:# question|# questions}", "en", {"n": n}) == en
    assert fill("{n:# question|# questions}", "fr", {"n": n}) == fr


def test_numbers_and_lists_are_written_as_the_language_does() -> None:
    parts = {"share": 84.2, "gain": 12.0, "none": None, "names": ["a", "b", "c"], "one": ["a"]}
    template = "{share:percent} {gain:signed} {none} {names:Text} {names:quoted,} {one}"
    assert fill(template, "en", parts) == '84.2% +12.0 – A, b and c "a", "b", "c" a'
    assert fill(template, "fr", parts) == "84,2 % +12,0 – A, b et c « a », « b », « c » a"


def test_a_part_is_never_taken_for_a_template() -> None:
    told = in_words(say("metric_left_out", name="{0.__class__}", reason="{n:percent} | 1.5"))
    assert "{0.__class__}" in told["en"]
    assert "({n:percent} | 1.5)" in told["fr"]


def test_a_way_of_writing_that_does_not_exist_is_named() -> None:
    with pytest.raises(ValueError, match="'precent'"):
        fill("{n:precent}", "en", {"n": 1})


def results(arm: str, right: list[bool], **item_keys: list[Any]) -> dict[str, Any]:
    """A results file in which question i is on document i."""
    items = [
        {
            "id": f"q{i:03}",
            "question": f"Quelle est la licence de l'outil {i} ?",
            "expected_answer": f"GPL-{i}",
            "generated_answer": f"GPL-{i}" if good else "MIT",
            "metrics": {"success": float(good)},
            "document": f"d{i}",
            **{key: values[i] for key, values in item_keys.items()},
        }
        for i, good in enumerate(right)
    ]
    kinds = {"success": {"unit": "rate", "higher_is_better": True}}
    told = {"arm": arm, "base_model": {"name": "tiny:1m"}, "decoding": {"temperature": 0.0}, "lang": "fr"}
    return {"metadata": told, "metrics": {"summaries": kinds}, "results": items}


def run(folder: Path, files: dict[str, Any], **options: Any) -> Comparison:
    paths = {}
    for arm, content in files.items():
        paths[arm] = folder / f"in_{arm}.json"
        paths[arm].write_text(json.dumps(content), encoding="utf-8")
    given = CompareOptions(reporters=["json"], **options)
    return compare(given, results=paths, output=folder / "out", plugins=Plugins()).comparison


@pytest.mark.parametrize("file", ["texts.yaml", "quality.yaml"])
def test_the_reporters_texts_fill_in_the_same_parts_in_both_languages(file: str) -> None:
    def shape(value: Any) -> Any:
        return {key: shape(item) for key, item in value.items()} if isinstance(value, dict) else placeholders(value)

    assert shape(texts("en", file)) == shape(texts("fr", file))


def test_one_row_and_none_are_in_the_singular_where_the_language_says_so() -> None:
    for lang, none, one, two in (("en", "0 rows", "1 row", "2 rows"), ("fr", "0 exemple", "1 exemple", "2 exemples")):
        quality = [fill(texts(lang, "quality.yaml")["rows"], lang, {"n": n}) for n in (0, 1, 2)]
        assert quality == [none, one, two]
    queries = [fill(texts("fr")["after_queries"], "fr", {"n": n}) for n in (0, 1, 250)]
    assert queries == ["après 0 requête", "après 1 requête", "après 250 requêtes"]


def test_one_question_is_in_the_singular(tmp_path: Path) -> None:
    verdict = run(tmp_path, {"rag": results("rag", [True]), "base": results("base", [False])}).recommendations[0].text
    assert verdict["en"].startswith("No recommendation: 1 question is too few")
    assert verdict["fr"].startswith("Pas de recommandation : 1 question, c'est trop peu")
    two = {"rag": results("rag", [True] * 3), "base": results("base", [False] * 2)}
    (missing,) = run(tmp_path, two, force=True).mismatches
    assert missing["en"] == 'questions: 1 of rag was not put to every arm: "q002"'
    assert missing["fr"] == "questions : 1 de rag n'a pas été posée à tous : « q002 »"
    two["rag"] = results("rag", [True] * 8)
    (missing,) = run(tmp_path, two, force=True).mismatches
    assert missing["en"] == 'questions: 6 of rag were not put to every arm: "q002", "q003", "q004" (+3)'
