"""Exporting training data: each format as its readers want it, nothing lost in silence, and back again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dyag_core import Exported, GateError, PluginError, Run, Session, UsageError, hookimpl
from dyag_core.chat.conversations import read_conversations
from dyag_core.dataset.export import export_rows

SYSTEM = {"role": "system", "content": "Réponds brièvement."}


def turns(*contents: str, system: bool = True) -> dict[str, Any]:
    messages = [{"role": ("user", "assistant")[i % 2], "content": text} for i, text in enumerate(contents)]
    return {"messages": [SYSTEM, *messages] if system else messages, "meta": {"document": "d", "fact": "f"}}


ROWS = [
    turns("Quelle licence ?", "LGPL\u2028😀"),
    turns("Et l'éditeur ?", 'Igor "P."\nPavlov', system=False),
    turns("Qui ?", "Lui.", "Depuis quand ?", "1999.", "Sûr ?", "Oui."),
]


@pytest.fixture
def training(tmp_path: Path) -> Path:
    path = tmp_path / "mine_train.jsonl"
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in ROWS), encoding="utf-8")
    return path


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]


def chats(path: Path) -> list[Any]:
    return [conversation.messages for conversation in read_conversations(path)]


@pytest.mark.parametrize("name", ["openai", "alpaca", "sharegpt"])
def test_what_was_exported_is_read_back_as_it_was(training: Path, tmp_path: Path, name: str) -> None:
    made = Session(tmp_path).export(training, format=name, output=tmp_path / f"{name}.jsonl")
    assert (made.rows, made.left_out, made.format) == (3, {}, name)
    assert chats(made.files[0]) == chats(training)
    content = made.files[0].read_bytes()
    Session(tmp_path).export(training, format=name, output=made.files[0])
    assert made.files[0].read_bytes() == content
    assert made.manifest is not None
    manifest = json.loads(made.manifest.read_text(encoding="utf-8"))
    assert manifest["inputs"]["source"]["path"] == "mine_train.jsonl"
    assert manifest["plugins"][0]["name"] == name


def test_each_format_has_the_fields_of_its_readers(training: Path, tmp_path: Path) -> None:
    def exported(name: str) -> list[dict[str, Any]]:
        return rows(Session(tmp_path).export(training, format=name, output=tmp_path / f"{name}.jsonl").files[0])

    assert exported("openai") == [{"messages": row["messages"]} for row in ROWS]
    alpaca = exported("alpaca")
    assert alpaca[1] == {"instruction": "Et l'éditeur ?", "input": "", "output": 'Igor "P."\nPavlov'}
    assert alpaca[2] == {
        "instruction": "Sûr ?",
        "input": "",
        "output": "Oui.",
        "system": "Réponds brièvement.",
        "history": [["Qui ?", "Lui."], ["Depuis quand ?", "1999."]],
    }
    assert exported("sharegpt")[0] == {
        "conversations": [
            {"from": "system", "value": "Réponds brièvement."},
            {"from": "human", "value": "Quelle licence ?"},
            {"from": "gpt", "value": "LGPL\u2028😀"},
        ]
    }


def test_what_a_format_cannot_hold_is_counted_with_its_reason(training: Path, tmp_path: Path) -> None:
    session = Session(tmp_path)
    output = tmp_path / "plain.json"
    made = session.export(training, format="alpaca", output=output, options={"history": False, "system": False})
    assert (made.rows, made.left_out) == (2, {"dialogue of several turns": 1})
    array = json.loads(output.read_text(encoding="utf-8"))
    assert [sorted(row) for row in array] == [["input", "instruction", "output"]] * 2
    assert made.manifest is not None
    manifest = json.loads(made.manifest.read_text(encoding="utf-8"))
    assert manifest["left_out_examples"] == {"dialogue of several turns": ["Sûr ?"]}
    training.write_text(json.dumps(ROWS[2]), encoding="utf-8")
    with pytest.raises(GateError, match="no row of"):
        session.export(training, format="alpaca", output=output, options={"history": False})
    assert json.loads(output.read_text(encoding="utf-8")) == array


def test_what_cannot_be_exported_leaves_everything_as_it_was(training: Path, tmp_path: Path) -> None:
    session = Session(tmp_path)
    (tmp_path / "mine.manifest.json").write_text('{"stage": "generate"}', encoding="utf-8")
    with pytest.raises(UsageError, match="manifest of something else"):
        session.export(training, format="alpaca", output=tmp_path / "mine.json")
    with pytest.raises(UsageError, match="JSON Lines"):
        session.export(training, format="openai", output=tmp_path / "a.json")
    with pytest.raises(UsageError, match="is the input"):
        session.export(training, format="alpaca", output=training)
    with pytest.raises(UsageError, match="is a folder"):
        session.export(tmp_path, format="alpaca", output=tmp_path / "a.json")
    bad = tmp_path / "bad.jsonl"
    bad.write_text(json.dumps(ROWS[0]) + "\nnot json\n", encoding="utf-8")
    with pytest.raises(UsageError, match="1 of 2 lines"):
        session.export(bad, format="alpaca", output=tmp_path / "a.json")
    assert not (tmp_path / "a.json").exists()
    assert json.loads((tmp_path / "mine.manifest.json").read_text(encoding="utf-8")) == {"stage": "generate"}


def test_the_command_says_what_it_made_and_what_openai_would_refuse(training: Path, run_dyag: Any) -> None:
    done = run_dyag("export", training.name, "--format", "openai", "--output", "out/openai.jsonl")
    assert (done.returncode, done.stdout) == (0, "out/openai.jsonl\n")
    assert "3 rows" in done.stderr
    assert "10 or more" in done.stderr
    done = run_dyag("export", training.name, "--format", "alpca", "--output", "x.json")
    assert (done.returncode, done.stdout) == (2, "")
    assert "'alpaca'" in done.stderr
    done = run_dyag("export", training.name, "--format", "alpaca", "-o", "histroy=false", "--output", "x.json")
    assert done.returncode == 2
    assert "'history'" in done.stderr


class Pairs:
    """A stranger's exporter."""

    name = "pairs"

    @hookimpl
    def dyag_export(self, source: Path, output: Path, run: Run) -> Exported | None:
        if source.name.startswith("declined"):
            return None
        return export_rows(source, output, run, lambda row: {"q": row.questions[-1], "a": row.messages[-1].content})


def test_an_exporter_of_a_program_takes_part_by_name(training: Path, tmp_path: Path) -> None:
    session = Session(tmp_path, plugins=[Pairs()])
    made = session.export(training, format="pairs", output=tmp_path / "pairs.jsonl")
    assert rows(made.files[0])[2] == {"q": "Sûr ?", "a": "Oui."}
    declined = training.rename(tmp_path / "declined.jsonl")
    with pytest.raises(PluginError, match="returned nothing"):
        session.export(declined, format="pairs", output=tmp_path / "pairs.jsonl")
