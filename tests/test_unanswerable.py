"""No question is called unanswerable that its document answers: in other words, spelt otherwise, or in its metadata."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from dyag_core import Session
from dyag_core.cli.root import root


def unanswerable(folder: Path, lang: str, rows: list[dict[str, Any]], **options: Any) -> set[str]:
    """The attributes that the document "z" is asked about in vain, where `rows` are all there is."""
    with (folder / "d.jsonl").open("w", encoding="utf-8") as handle:
        for row in rows:
            handle.write(json.dumps(row, ensure_ascii=False) + "\n")
    options = {"unanswerable": 0.8, "derived": 0} | options
    made = Session(folder, lang=lang).generate(folder / "d.jsonl", method="rule", options=options, min_yield=0)
    metas = [json.loads(line)["meta"] for line in made.output.read_text("utf-8").splitlines()]
    return {meta["attribute"] for meta in metas if meta["document"] == "z" and not meta["answerable"]}


def entry(name: str, content: str, **fields: Any) -> dict[str, Any]:
    return {"id": f"c-{name}", "content": f"# {name}\n\n{content}", "metadata": {"id": name, "nom": name} | fields}


def others(labels: list[str]) -> list[dict[str, Any]]:
    """Documents that tell all of `labels`, so that who doesn't is asked about them, and a label that all have."""
    told = [f"- {label}: valeur {label[:3]} {{n}}" for label in labels]
    return [entry(f"Outil{n}", "\n".join(["- Status: ouvert", *told]).format(n=n)) for n in range(6)]


@pytest.mark.parametrize(
    ("lang", "label", "said"),
    [
        ("fr", "Nombre d'utilisateurs", "Le nombre d'utilisateurs est de 4312."),
        ("fr", "Chef de l'équipe", "Marie Dupont est chef\nde l’équipe."),
        ("fr", "Sous-traitant", "Le sous-traitant est choisi chaque année."),
        ("fr", "Formats d'export", "Le format d'export est CSV."),
        ("en", "End-of-life date", "The end-of-life date is 2031."),
        ("en", "User's guide", "A user's guide is printed each year."),
        ("fr", "Coût", "Le prix est de 120 euros."),
        ("en", "Licence", "It has a BSD license."),
    ],
)
def test_what_the_text_mentions_is_not_unknown(tmp_path: Path, lang: str, label: str, said: str) -> None:
    labels = [label, "Critère vert", "Critère bleu"]
    silent = entry("z", "- Status: en production\n\nAu revoir.")
    telling = entry("z", f"- Status: en production\n\n{said}")
    assert label in unanswerable(tmp_path, lang, [*others(labels), silent])
    assert label not in unanswerable(tmp_path, lang, [*others(labels), telling])


@pytest.mark.parametrize(
    ("told", "label"),
    [("License: BSD", "Licence"), ("Licence: GPL-3.0", "Licences"), ("Tarif: 12 euros", "Coût")],
)
def test_what_is_told_under_another_label_is_not_unknown(tmp_path: Path, told: str, label: str) -> None:
    rows = [*others([label, "Critère vert"]), entry("z", f"- Status: ouvert\n- {told}")]
    assert label not in unanswerable(tmp_path, "fr", rows)
    assert "Critère vert" in unanswerable(tmp_path, "fr", rows)


@pytest.mark.parametrize(
    ("field", "label"),
    [
        ({"editeur": "z"}, "Éditeur"),  # the document's own name
        ({"adresse": {"rue": "12 rue du Port", "ville": "Brest"}}, "Adresse"),
        ({"coût annuel": "x" * 400}, "Coût annuel"),  # too long for a fact
    ],
)
def test_what_only_the_metadata_tell_is_not_unknown(tmp_path: Path, field: dict[str, Any], label: str) -> None:
    rows = [*others([label, "Critère vert"]), entry("z", "- Status: ouvert", **field)]
    found = unanswerable(tmp_path, "fr", rows)
    assert label not in found
    assert "Critère vert" in found


def test_what_is_told_and_not_drawn_is_not_unknown(tmp_path: Path) -> None:
    rows = [*others(["Licence", "Critère vert"]), entry("z", "- License: BSD\n- Status: ouvert\n- Sigle: ZZ")]
    for facts in (1, 2, 3):
        assert "Licence" not in unanswerable(tmp_path, "fr", rows, facts=facts)


def test_documents_that_can_contradict_each_other_are_named(tmp_path: Path) -> None:
    def written(*rows: dict[str, Any]) -> tuple[str, list[dict[str, Any]]]:
        source, output = tmp_path / "d.jsonl", tmp_path / "o.jsonl"
        source.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        arguments = [str(source), "--lang", "fr", "--method", "rule", "-o", "unanswerable=0.8", "--output", str(output)]
        told = CliRunner().invoke(root, ["generate-training", *arguments, "--min-yield", "0"])
        assert told.exit_code == 0, told.output
        return told.output, [json.loads(line)["meta"] for line in output.read_text("utf-8").splitlines()]

    rows = others(["Licence", "Statut", "Ville"])
    told, _ = written(*rows)
    assert "one question may have two answers" not in told
    twin = {**rows[0], "id": "twin", "content": "# Outil0\n\nAutre chose.", "metadata": {"id": "twin", "nom": "Outil0"}}
    told, metas = written(*rows, twin)
    assert "documents with the name of another: 1 (Outil0)" in told
    assert not [meta for meta in metas if meta["document"] == "twin" and not meta["answerable"]]
    part = {**rows[1], "id": "part", "content": "- Sigle: O1"}
    told, metas = written(*rows, part)
    assert "documents in parts that don't stand together: 1 (Outil1)" in told
