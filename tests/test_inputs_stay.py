"""No command writes over, or removes, what it reads: not under its output's name, and not under those beside it."""

from __future__ import annotations

import json
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from dyag_core.cli.root import root
from dyag_core.errors import UsageError
from dyag_core.testing.samples import results_file

DOCUMENTS = "".join(
    json.dumps({"id": f"c{n}", "content": f"# Outil {n}\n\n- Licence: MIT {n}\n- Statut: ouvert"}) + "\n"
    for n in range(8)
)
ROW = {"messages": [{"role": "user", "content": "Quelle licence ?"}, {"role": "assistant", "content": "MIT"}]}


@pytest.mark.parametrize(
    ("read", "arguments"),
    [
        ("mine.jsonl", "generate-training {} --output mine.jsonl"),
        ("mine_train.jsonl", "generate-training {} --split --output mine.jsonl"),
        ("mine_test.jsonl", "generate-training {} --split --output mine.jsonl"),
        ("mine.rejects.jsonl", "generate-training {} --output mine.jsonl"),
        ("mine.rejects.jsonl", "ingest {} --output mine.jsonl"),
        ("mine.jsonl", "ingest {} --output ../here/mine.jsonl"),
        ("rows.jsonl", "validate {} --report rows.jsonl"),
        ("rows.jsonl", "validate {} --fix rows.jsonl"),
        ("rows.jsonl", "validate {} --fix mended.jsonl --report mended.jsonl"),
        ("rules.jsonl", "generate-training documents.jsonl -o rules={} --output rules.jsonl"),
        ("rules_val.jsonl", "generate-training documents.jsonl -o rules={} --split --output rules.jsonl"),
        ("rows.jsonl", "export {} --format openai --output rows.jsonl"),
        ("rag.json", "compare-models --rag-results {} --finetuned-results ft.json --output rag --format json"),
        ("q_base.jsonl", "evaluate {} --arms base --base-model x --output q_base.jsonl"),
    ],
)
def test_what_is_read_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, read: str, arguments: str) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    Path("documents.jsonl").write_text(DOCUMENTS, encoding="utf-8")
    results_file(Path("ft.json"), "finetuned", (n % 2 == 0 for n in range(40)))
    if read.startswith("rules"):
        Path(read).write_text("missing: [inconnu]\n")
    elif read.startswith(("rows", "q_")):
        Path(read).write_text((json.dumps(ROW) + "\n") * 3)
    elif read == "rag.json":
        results_file(Path(read), "rag", (n % 3 == 0 for n in range(40)))
    else:
        Path(read).write_text(DOCUMENTS, encoding="utf-8")
    before = Path(read).read_bytes()
    result = CliRunner().invoke(root, arguments.format(read).split())
    assert getattr(result.exception, "exit_code", None) == 2, result.output
    assert Path(read).read_bytes() == before
    assert "is the input" in str(result.exception) or "is both" in str(result.exception)


@pytest.mark.parametrize(
    ("option", "says"),
    [
        ("--split nan/1/1", "must add up to 100"),
        ("--split 0/0/100", "nothing is left to train on"),
        ("--min-yield nan", "nan is not in the range 0<=x<=100"),
        ("--min-yield 200", "200.0 is not in the range 0<=x<=100"),
    ],
)
def test_numbers_that_are_none_are_refused_before_anything_is_read(tmp_path: Path, option: str, says: str) -> None:
    (tmp_path / "d.jsonl").write_text(DOCUMENTS, encoding="utf-8")
    arguments = ["generate-training", str(tmp_path / "d.jsonl"), "--output", str(tmp_path / "o.jsonl"), *option.split()]
    with pytest.raises((UsageError, click.UsageError)) as caught:
        root.main(arguments, standalone_mode=False)
    assert caught.value.exit_code == 2
    assert says in str(caught.value)
    assert not (tmp_path / "o.jsonl").exists()
