"""What is asked stands in what is retrieved: titles, YAML fields and other columns are part of their passages."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dyag_core import Chunk, Document, Session
from dyag_core.api import normalise, passages_of
from dyag_core.plugin.host import Plugins
from dyag_core.plugin.run import Run
from dyag_core.retrieval.index import open_index

ALBA = """---
title: Alba
licence: MIT
contact: aide@example.org
---
## Contexte

Le logiciel sert aux agents du dépôt pour leurs commandes.
"""


@pytest.fixture
def corpus(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """Documents that tell most of what they tell beside their texts."""
    if request.param == "front matter":
        folder = tmp_path / "pages"
        folder.mkdir()
        for name, licence in (("Alba", "MIT"), ("Bora", "GPL-3.0"), ("Cori", "Apache-2.0"), ("Dune", "EUPL-1.2")):
            text = ALBA.replace("Alba", name).replace("MIT", licence).replace("aide@", f"{name.lower()}@")
            (folder / f"{name}.md").write_text(text, encoding="utf-8")
        return folder
    if request.param == "table with a text":
        lines = ["id;nom;ville;capacité;contenu"]
        lines += [f"a{n};Aire {n};Ville {n};{n}0 places;Cette aire est ouverte le {n} mai." for n in range(1, 9)]
        file = tmp_path / "aires.csv"
        file.write_text("\n".join(lines), encoding="utf-8")
        return file
    file = tmp_path / "two_chunks.jsonl"
    rows = [
        {
            "id": f"{n}-{part}",
            "content": text.format(n=n),
            "metadata": {"id": f"d{n}", "title": f"Outil {n}", "prix": n},
        }
        for n in range(1, 9)
        for part, text in (("a", "- Licence: MIT {n}\n- Version: {n}.0"), ("b", "- Langage: Python {n}\n- Port: 80{n}"))
    ]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return file


KINDS = ["front matter", "table with a text", "two chunks"]


@pytest.mark.parametrize("corpus", KINDS, indirect=True)
@pytest.mark.parametrize("method", ["rule", "augmented"])
def test_no_answerable_row_whose_answer_its_passages_do_not_hold(tmp_path: Path, corpus: Path, method: str) -> None:
    session = Session(tmp_path / "work")
    data = session.generate(corpus, method=method, output=tmp_path / "rows.jsonl", options={"answer_style": "value"})
    chunks = _lines(session.index(corpus).folder / "chunks.jsonl")
    texts = {chunk["id"]: chunk["text"] for chunk in chunks}
    checked = 0
    for row in _lines(data.output):
        meta, answer = row["meta"], row["messages"][-1]["content"]
        if not meta["answerable"] or meta["attribute"].startswith(("nombre", "number")):
            continue
        held = normalise(" ".join(texts[name] for name in meta.get("chunks", [meta["chunk"]])))
        if normalise(answer).split()[0] not in ("oui", "non", "yes", "no"):
            checked += 1
            assert set(normalise(answer).split()) - set(held.split()) <= set("et and".split()), (answer, held)
    assert checked >= 8


@pytest.mark.parametrize("corpus", ["front matter"], indirect=True)
def test_a_field_of_the_yaml_block_is_found_and_shown(tmp_path: Path, corpus: Path) -> None:
    session = Session(tmp_path / "work")
    folder = session.index(corpus).folder
    first = next(_lines(folder / "chunks.jsonl"))
    assert first["text"].startswith(
        "# Alba\n\n- licence: MIT\n- contact: alba@example.org\n\n## Contexte\n\nLe logiciel"
    )
    assert first["id"].startswith("Alba.md#contexte-")


@pytest.mark.parametrize("corpus", ["two chunks"], indirect=True)
def test_an_answer_out_of_two_passages_names_both(tmp_path: Path, corpus: Path) -> None:
    session = Session(tmp_path / "work")
    data = session.generate(
        corpus, method="augmented", output=tmp_path / "rows.jsonl", options={"combined": 0.4, "compared": 0.2}
    )
    several = [row["meta"] for row in _lines(data.output) if "chunks" in row["meta"]]
    assert several
    assert all(meta["chunk"] == meta["chunks"][0] and len(set(meta["chunks"])) > 1 for meta in several)


def test_passages_of_passages_are_the_same_and_a_value_found_by_chance_is_not_enough() -> None:
    chunk = Chunk(id="a", text="Créé en 2023.")
    document = Document(
        id="a", title="Outil", chunks=(chunk,), metadata={"version": 3, "libre": True, "tags": ["x", "y"]}
    )
    once = passages_of(document)
    assert once[0].text == "# Outil\n\n- version: 3\n- libre: true\n- tags: x, y\n\nCréé en 2023."
    assert passages_of(document.model_copy(update={"chunks": once})) == once


def test_a_title_or_field_that_the_text_says_is_not_said_again() -> None:
    text = "# Outil\n\n- Licence: GPL-3.0-or-later\n"
    chunks = (Chunk(id="a", text=text), Chunk(id="b", text="## Suite\n\nD'autres pages."))
    document = Document(id="d", title="Outil", chunks=chunks, metadata={"licence": "GPL-3.0-or-later"})
    assert [one.text for one in passages_of(document)] == [text, "# Outil\n\n## Suite\n\nD'autres pages."]


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("当社の営業時間は9時から18時までです。", "営業時間は何時ですか"),
        ("本产品的保修期为两年。", "保修期是多久?"),
        ("สำนักงานเปิดเวลาเก้าโมง", "สำนักงานเปิดกี่โมง"),
    ],
)
def test_scripts_without_spaces_are_searched(tmp_path: Path, text: str, question: str) -> None:
    others = ["製品の色は青です。", "公司地址在上海。", "ราคาสินค้าหนึ่งร้อยบาท"]
    file = tmp_path / "d.jsonl"
    file.write_text("".join(json.dumps({"content": one}) + "\n" for one in [text, *others]), encoding="utf-8")
    folder, plugins = Session(tmp_path).index(file).folder, Plugins()
    index = open_index(folder, plugins=plugins, run=Run(stage="query", folder=folder, plugins=plugins))
    [hits] = index.search([question], 3)
    assert hits[0].chunk.text == text


def _lines(path: Path) -> Any:
    return map(json.loads, path.read_text(encoding="utf-8").splitlines())
