"""`dyag review`: rows beside their sources, verdicts that last, and rows dropped into a new file."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from dyag_core import Session, UsageError
from dyag_core.cli.root import root
from dyag_core.dataset.review.place import place_of

ATTACK = "<img src=x onerror=alert(1)></script>"
PAGE = "---\ntitle: {name}\nlicence: {licence}\n---\nL'outil {name} sert à classer. " + ATTACK


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    """Rows about eight tools, and the documents that their manifest names."""
    folder = tmp_path / "outils"
    folder.mkdir()
    for number, name in enumerate(("Alba", "Bora", "Cori", "Dune", "Elba", "Fado", "Gama", "Hebe")):
        (folder / f"{name}.md").write_text(PAGE.format(name=name, licence=f"LIC-{number}"), encoding="utf-8")
    return Session(tmp_path).generate(folder, method="rule", output=tmp_path / "rows.jsonl").output


def run(*words: object, keys: str = "") -> Any:
    done = CliRunner().invoke(root, ["review", *map(str, words)], input=keys, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done


def test_one_key_a_row_is_kept_and_another_call_goes_on(rows: Path) -> None:
    first = run(rows, "--sample", 6, keys="rrwq")
    assert "3 of 6 rows read" in first.stdout
    kept = rows.with_name("rows.review.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["value"]["verdict"] for line in kept] == ["right", "right", "wrong"]
    second = run(rows, "--sample", 6, keys="prr")
    assert second.stderr.count("\n--- ") == 3
    told = json.loads(run(rows, "--sample", 6, "--json").stdout)
    assert told["read"] == 6
    assert {verdict: share["count"] for verdict, share in told["shares"].items()} == {"right": 4, "poor": 1, "wrong": 1}
    wrong = told["shares"]["wrong"]
    assert wrong["low"] == pytest.approx(3.0, abs=0.1)  # Wilson's interval of one in six
    assert wrong["high"] == pytest.approx(56.4, abs=0.1)


def test_a_verdict_can_be_taken_back(rows: Path) -> None:
    run(rows, "--sample", 4, keys="wurrrr")
    assert json.loads(run(rows, "--sample", 4, "--json").stdout)["shares"]["right"]["count"] == 4


def test_the_passage_is_shown_with_its_field(rows: Path) -> None:
    shown = run(rows, "--sample", 50, keys="s" * 50).stderr
    assert "- licence: LIC-3" in shown
    told = json.loads(run(rows, "--sample", 50, "--json").stdout)
    licence = next(row for row in told["sample"] if row["answer"].startswith("LIC-3"))
    [excerpt] = licence["excerpts"]
    assert excerpt["text"][excerpt["start"] : excerpt["end"]] == "LIC-3"


def test_each_document_is_read_before_any_is_read_twice(rows: Path) -> None:
    told = json.loads(run(rows, "--sample", 8, "--json").stdout)
    assert len({row["document"] for row in told["sample"]}) == 8
    again = json.loads(run(rows, "--sample", 8, "--json").stdout)
    assert [row["key"] for row in again["sample"]] == [row["key"] for row in told["sample"]]


def test_rows_marked_wrong_are_left_out_of_a_new_file(rows: Path, tmp_path: Path) -> None:
    before = rows.read_bytes()
    run(rows, "--sample", 3, keys="wpw")
    kept = tmp_path / "kept.jsonl"
    told = json.loads(run(rows, "--drop", "wrong", "--output", kept, "--json").stdout)
    lines = before.decode("utf-8").splitlines()
    assert (told["dropped"], len(kept.read_text(encoding="utf-8").splitlines())) == (2, len(lines) - 2)
    assert set(kept.read_text(encoding="utf-8").splitlines()) < set(lines)
    assert rows.read_bytes() == before
    done = CliRunner().invoke(root, ["review", str(rows), "--drop", "wrong", "--output", str(rows)])
    assert isinstance(done.exception, UsageError)
    assert rows.read_bytes() == before


@pytest.mark.parametrize("lang", ["en", "fr"])
def test_the_page_loads_nothing_and_no_text_ends_its_data(rows: Path, tmp_path: Path, lang: str) -> None:
    page = tmp_path / "page.html"
    run(rows, "--sample", 5, "--page", page, "--lang", lang)
    text = page.read_text(encoding="utf-8")
    assert f'<html lang="{lang}">' in text
    assert "default-src 'none'" in html.unescape(text)
    assert text.count("</script>") == 2
    assert "<img" not in text
    assert not re.search(r"(?:src|href)=[\"']?http", text)
    data = json.loads(re.search(r'id="data">(.*?)</script>', text, re.DOTALL)[1])  # type: ignore[index]
    assert len(data["rows"]) == 5
    assert all(row["passages"] for row in data["rows"])


def test_verdicts_of_the_page_are_read_like_its_own(rows: Path, tmp_path: Path) -> None:
    told = json.loads(run(rows, "--sample", 5, "--json").stdout)
    saved = tmp_path / "verdicts.review.jsonl"
    value = {"verdict": "poor", "note": "trop vague"}
    saved.write_text(json.dumps({"key": told["sample"][0]["key"], "value": value}) + "\n", encoding="utf-8")
    again = json.loads(run(rows, "--sample", 5, "--verdicts", saved, "--json").stdout)
    assert (again["read"], again["sample"][0]["note"]) == (1, "trop vague")


@pytest.mark.parametrize(
    ("answer", "marked"),
    [
        ("Réseau.", "réseau"),
        ("le lundi", "le\nlundi"),
        ("Il faut un badge pour entrer le soir.", "Pour entrer le soir, un badge est nécessaire."),
        ("Rien de tel", ""),
    ],
)
def test_the_place_of_an_answer(answer: str, marked: str) -> None:
    text = "Ouvert le\nlundi. Le réseau est lent.\nPour entrer le soir, un badge est nécessaire. Fin."
    start, end = place_of(answer, "Quoi ?", text)
    assert text[start:end].strip() == marked
