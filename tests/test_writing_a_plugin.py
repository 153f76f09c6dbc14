"""docs/writing-a-plugin.md: every block stands literally in a tested file, in what a command writes, or is run."""

from __future__ import annotations

import importlib.util
import json
import re
import shlex
from functools import cache
from pathlib import Path

import pytest

from dyag_core import Session
from dyag_core.errors import UsageError
from dyag_core.plugin.families import FAMILY_HOOKS
from dyag_core.plugin.scaffold import FAMILIES, Scaffold, new_plugin

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "writing-a-plugin.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"(?:<!-- (?P<source>[^\n]*) -->\n)?```(?P<kind>\w*)\n(?P<text>.*?)```\n", PAGE, re.DOTALL)


@pytest.fixture(scope="module")
def write(tmp_path_factory: pytest.TempPathFactory):
    """`write("dyag plugins new metric acme-numbers")`: what it made, and where."""

    @cache
    def made(command: str) -> tuple[Scaffold, Path]:
        program, plugins, new, family, name = shlex.split(command)
        assert (program, plugins, new) == ("dyag", "plugins", "new")
        folder = tmp_path_factory.mktemp("written") / name
        return new_plugin(family, name, folder), folder

    return made


@pytest.mark.parametrize(("source", "kind", "text"), BLOCKS, ids=[text.split("\n")[0][:50] for _, _, text in BLOCKS])
def test_each_block_stands_where_the_page_says(write, source: str, kind: str, text: str) -> None:
    how, _, where = source.partition(": ")
    if how == "from":
        assert text in (ROOT / where).read_text(encoding="utf-8")
    elif how == "written by":
        command, _, file = where.partition(": ")
        written = (write(command)[1] / file).read_text(encoding="utf-8")
        # a block of a README stands in a list, three spaces in
        assert text in (re.sub(r"^ {3}", "", written, flags=re.MULTILINE) if kind == "sh" else written)
    elif how == "printed by":
        made, folder = write(where)
        printed = [f"  {line}" for line in (*made.files, *made.next)]
        shown = "\n".join(printed).replace(made.folder, folder.name) + "\n"
        assert text in shown
    else:
        assert how == "run", f"a block names no source: {text}"
        assert write(text.strip())[0].files


def test_there_are_blocks_for_every_family_and_the_page_is_whole() -> None:
    assert len(BLOCKS) == PAGE.count("```") // 2
    commands = {family.replace("_", "-").rstrip("s") for family in FAMILIES}
    assert {source.split()[5] for source, _, _ in BLOCKS if source.startswith("written by")} == commands
    for hook in FAMILY_HOOKS.values():
        assert hook in PAGE or hook == "dyag_base_model"
    assert "docs/writing-a-plugin.md" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_protocol_has_a_line_for_each_stage_however_it_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    spec = importlib.util.spec_from_file_location("acme_protocol", ROOT / "examples/plugins/acme_protocol.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    session = Session(tmp_path, plugins=[module.Protocol()], lang="en")
    (tmp_path / "documents.csv").write_text("title,content,licence\n7zip,An archiver.,LGPL\n", encoding="utf-8")
    session.index(tmp_path / "documents.csv")
    with pytest.raises(UsageError):
        session.export(tmp_path / "documents.csv", format="openai", output=tmp_path / "out.json")
    lines = [json.loads(line) for line in Path("dyag-protocol.jsonl").read_text(encoding="utf-8").splitlines()]
    assert {line["stage"]: line["ended"].partition(":")[0] for line in lines} == {
        "index": "done",
        "export": "UsageError",
    }
