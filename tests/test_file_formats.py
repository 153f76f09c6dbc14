"""The examples of docs/file-formats.md, read and made by the code that they describe."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from dyag_core import Session
from dyag_core.chat.conversations import read_conversations
from dyag_core.chat.questions import read_questions
from dyag_core.documents import read_documents

PAGE = Path(__file__).parent.parent / "docs" / "file-formats.md"
_BLOCK = re.compile(r"^```\w+ (\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
EXAMPLES: dict[str, str] = dict(_BLOCK.findall(PAGE.read_text(encoding="utf-8")))


@pytest.fixture
def examples(tmp_path: Path) -> Path:
    for name, text in EXAMPLES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "documents.jsonl",
            [("1", "7zip", 2, {"nom": "7zip", "licence": "LGPL-2.0-only"}), ("2", "Gimp", 1, {"nom": "Gimp"})],
        ),
        ("documents.json", [("1", "A", 1, {"titre": "A"}), ("2", "B", 1, {"titre": "B"})]),
        (
            "apps.csv",
            [
                ("1", "7zip", 1, {"Licence": "LGPL-2.0-only", "Éditeur": "Igor Pavlov"}),
                ("2", "Gimp", 1, {"Licence": "GPL-3.0-only"}),
            ],
        ),
        ("guide.md", [("guide.md", "Guide de 7-Zip", 2, {"auteur": "Service informatique"})]),
        ("ingested.jsonl", [("guide.md", "Guide de 7-Zip", 2, {"auteur": "Service informatique"})]),
    ],
)
def test_documents_are_read_as_the_page_says(examples: Path, name: str, expected: list[object]) -> None:
    found = read_documents(examples / name, pytest.fail)
    assert [(d.id, d.title, len(d.chunks), d.metadata) for d in found] == expected


def test_plain_records_are_read_as_the_page_says(examples: Path) -> None:
    found = read_documents(examples / "records.json", pytest.fail)
    assert [(d.title, d.metadata) for d in found] == [
        ("7zip", {"licence.id": "LGPL-2.1"}),
        ("Gimp", {"licence.id": "GPL-3.0"}),
    ]


def test_the_guide_is_ingested_as_the_page_shows(examples: Path) -> None:
    made = Session(examples / "out").ingest(examples / "guide.md")
    lines = made.output.read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines] == [
        json.loads(line) for line in EXAMPLES["ingested.jsonl"].splitlines()
    ]


def test_a_reject_has_the_fields_that_the_page_shows(examples: Path) -> None:
    shown = [json.loads(line) for line in EXAMPLES["documents.rejects.jsonl"].splitlines()]
    (examples / "catalogue.jsonl").write_text(f'{{"content": "x"}}\n\n{shown[0]["text"]}\n', encoding="utf-8")
    made = Session(examples / "out").ingest(examples / "catalogue.jsonl")
    assert made.rejects is not None
    assert json.loads(made.rejects.read_text(encoding="utf-8")) == shown[0]


@pytest.mark.parametrize(("name", "rows"), [("training", 1), ("openai", 1), ("alpaca", 2), ("sharegpt", 1)])
def test_training_rows_are_read_as_the_page_says(examples: Path, name: str, rows: int) -> None:
    found = read_conversations(examples / f"{name}.jsonl")
    assert len(found) == rows
    assert [turn.content for turn in found[0].messages] == [
        "Réponds brièvement.",
        "Quelle est la licence de 7zip ?",
        "LGPL-2.0-only",
    ]
    if name != "training":
        made = Session(examples).export(
            examples / f"{name}.jsonl", format=name, output=examples / "out" / f"{name}.jsonl"
        )
        lines = made.files[0].read_text(encoding="utf-8").splitlines()
        assert [json.loads(line) for line in lines] == [
            json.loads(line) for line in EXAMPLES[f"{name}.jsonl"].splitlines()
        ]


def test_every_example_of_the_page_is_tried() -> None:
    tried = Path(__file__).read_text(encoding="utf-8")
    assert EXAMPLES
    for name in EXAMPLES:
        assert name in tried or f'"{name.removesuffix(".jsonl")}"' in tried, name


def test_a_table_of_questions_is_read_as_the_page_says(examples: Path) -> None:
    found = read_questions(examples / "questions.csv", None)
    assert [(q.document, q.expected_answer, q.expected_answers) for q in found] == [
        ("7zip", "LGPL-2.0-only", ("LGPL 2.0", "LGPL v2")),
        ("Gimp", "https://www.gimp.org", ()),
    ]
