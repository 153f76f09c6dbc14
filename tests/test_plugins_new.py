"""`dyag plugins new`: what it writes installs, passes its tests, is checked and used; bad names leave nothing."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dyag_core import Session
from dyag_core.cli import main
from dyag_core.plugin.scaffold import FAMILIES
from dyag_core.version import __version__

NAMES = {
    "generators": "acme-fields",
    "base_models": "acme-smol",
    "trainers": "acme-loop",
    "metrics": "acme-numbers",
    "reporters": "acme-table",
    "retrievers": "acme-letters",
    "engines": "acme-quote",
    "exporters": "acme-pairs",
    "hooks": "acme-privacy",
    "commands": "acme-look",
}
DOCUMENTS = "id,title,content,licence,team\n" + "".join(
    f"{i},Tool{i},Tool{i} has the licence L{i}-{i}.0 and belongs to the team Unit {i}.,L{i}-{i}.0,Unit {i}\n"
    for i in range(12)
)


class Dyag:
    """`dyag` in this process: exit code, stdout, stderr."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *arguments: object) -> tuple[int, str, str]:
        self._capsys.readouterr()
        with pytest.raises(SystemExit) as done:
            main([str(argument) for argument in arguments])
        out, err = self._capsys.readouterr()
        return int(done.value.code or 0), out, err

    def works(self, *arguments: object) -> str:
        """Its stdout, where it exits 0."""
        code, out, err = self(*arguments)
        assert code == 0, err
        return out


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Dyag:
    monkeypatch.chdir(tmp_path)
    return Dyag(capsys)


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with a package of each family, as the command writes them."""
    folder = tmp_path_factory.mktemp("packages")
    for family, name in NAMES.items():
        with pytest.raises(SystemExit) as done:
            main(["plugins", "new", family, name, "--output", str(folder / name)])
        assert done.value.code == 0
    return folder


@pytest.fixture(scope="module")
def site(packages: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All of them installed by pip, without a network, into a folder of their own."""
    target = tmp_path_factory.mktemp("site")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index", "--no-deps"]
    done = subprocess.run(
        [*pip, "--no-build-isolation", "--target", str(target), *(str(packages / name) for name in NAMES.values())],
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return target


@pytest.fixture
def installed(site: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """On the path, and no module of the same name from another test or for another test."""
    modules = [name.replace("-", "_") for name in NAMES.values()]
    for module in modules:
        sys.modules.pop(module, None)
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.setenv("PYTHONPATH", str(site))  # for the processes that `dyag plugins check` loads plugins in
    yield site
    for module in modules:
        sys.modules.pop(module, None)


def test_every_family_has_a_template() -> None:

    assert set(FAMILIES) == set(FAMILIES) == set(NAMES)


def test_what_is_written_names_no_place_and_a_range_of_versions(packages: Path) -> None:
    for family, name in NAMES.items():
        package = name.replace("-", "_")
        files = sorted(file.relative_to(packages / name).as_posix() for file in (packages / name).rglob("*.*"))
        assert files == ["README.md", "pyproject.toml", f"src/{package}/__init__.py", f"tests/test_{package}.py"]
        texts = [(packages / name / file).read_text(encoding="utf-8") for file in files]
        for place in (str(packages), str(Path.home()), str(Path.cwd()), "{{", "{%"):
            assert not [text for text in texts if place in text]
        project = tomllib.loads(texts[1])["project"]
        assert list(project["entry-points"][f"dyag.{family}"]) == [name]
        assert project["dependencies"][0].endswith(f">={__version__},<{int(__version__.split('.')[0]) + 1}")


def test_it_ends_with_three_commands_to_type(run: Dyag) -> None:
    code, out, err = run("plugins", "new", "metric", "acme-other", "--output", "my plugins/other")
    assert code == 0
    assert out == "my plugins/other\n"
    assert err.splitlines()[-3:] == [
        "  pip install -e './my plugins/other[test]'",
        "  python -m pytest 'my plugins/other'",
        "  dyag compare-models --results rag=results_rag.json --results finetuned=results_finetuned.json "
        "--output comparison --metric acme-other",
    ]
    told = json.loads(run.works("plugins", "new", "metric", "acme-third", "--json"))
    assert (told["folder"], len(told["next"])) == ("acme-third", 3)


def test_all_are_listed_and_pass_the_check(installed: Path, run: Dyag) -> None:
    listed = {(row["family"], row["name"]) for row in json.loads(run.works("plugins", "list", "--json"))}
    assert set(NAMES.items()) <= listed
    checked = {row["name"]: row for row in json.loads(run.works("plugins", "check", "--json"))}
    assert [name for name in NAMES.values() if not checked[name]["ok"]] == []
    assert "decimals" in run.works("plugins", "show", "metric", "acme-numbers")
    assert run.works("plugins", "check", "metrics", "acme-numbers") == "ok   metrics acme-numbers\n"
    code, _, err = run("plugins", "check", "metrics", "acme-number")
    assert code == 2
    assert "'acme-numbers'" in err


def test_their_own_tests_are_found_before_the_package_is_installed(packages: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--collect-only", "-p", "no:cacheprovider", NAMES["metrics"]],
        cwd=packages,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stdout


def pass_their_own_tests(packages: Path, site: Path, report: Path, names: list[str]) -> None:
    """In one pytest, as `python -m pytest acme-numbers` runs it."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junit-xml={report}", *names],
        cwd=packages,
        env={**os.environ, "PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stdout
    cases = list(ElementTree.parse(report).iter("testcase"))
    for name in names:
        own = [case for case in cases if f"test_{name.replace('-', '_')}" in case.get("classname", "")]
        assert len(own) >= 3, name
        assert not [case for case in own if case.find("skipped") is not None]


def test_their_own_tests_pass(packages: Path, site: Path, tmp_path: Path) -> None:
    names = [name for family, name in NAMES.items() if family != "trainers"]
    pass_their_own_tests(packages, site, tmp_path / "report.xml", names)


@pytest.mark.slow
def test_the_trainer_s_own_tests_pass(packages: Path, site: Path, tmp_path: Path) -> None:
    pass_their_own_tests(packages, site, tmp_path / "report.xml", [NAMES["trainers"]])


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    file = tmp_path / "documents.csv"
    file.write_text(DOCUMENTS, encoding="utf-8")
    return file


def test_generator_exporter_and_command_are_used(installed: Path, run: Dyag, documents: Path) -> None:
    run.works("generate-training", documents, "--method", "acme-fields", "--lang", "en", "--output", "training.jsonl")
    rows = [json.loads(line) for line in Path("training.jsonl").read_text(encoding="utf-8").splitlines()]
    assert len(rows) == 12 * 2 * 3
    assert {row["meta"]["attribute"] for row in rows} == {"licence", "team"}
    run.works("export", "training.jsonl", "--format", "acme-pairs", "--output", "out.jsonl", "-o", "completion=a")
    first = json.loads(Path("out.jsonl").read_text(encoding="utf-8").splitlines()[0])
    assert first["a"] == "L0-0.0"
    assert first["prompt"].endswith("What is the licence of Tool0?")
    shown = run.works("acme-look", "training.jsonl", "-n", "4")
    assert shown.count("assistant:") == 4
    code, _, err = run("acme-look", "no.jsonl")
    assert code == 2
    assert "no.jsonl" in err


def test_retriever_engine_metric_and_reporter_are_used(installed: Path, run: Dyag, documents: Path) -> None:
    questions = [
        {"id": str(i), "question": f"Which license has Tool{i}?", "expected_answer": f"L{i}-{i}.0", "document": str(i)}
        for i in range(12)
    ]
    Path("test.jsonl").write_text("".join(json.dumps(row) + "\n" for row in questions), encoding="utf-8")
    run.works("index-rag", documents, "--output", "d.index", "--retriever", "acme-letters", "-o", "letters=4")
    run.works(
        *("evaluate", "test.jsonl", "--arms", "base,rag", "--index", "d.index", "--engine", "acme-quote"),
        *("--base-model", "none", "--metric", "acme-numbers", "--output", "r"),
    )
    rag = json.loads(Path("r_rag.json").read_text(encoding="utf-8"))
    assert rag["metadata"]["index"]["retriever"] == "acme-letters"
    assert {row["sources"][0]["chunk"] for row in rag["results"]} == {str(i) for i in range(12)}
    assert rag["metrics"]["summaries"]["acme-numbers"]["mean"] == 100.0
    compared = run.works(
        *("compare-models", "--results", "base=r_base.json", "--results", "rag=r_rag.json", "--output", "c"),
        *("--metric", "acme-numbers", "-m", "acme-numbers.decimals=1", "--reporter", "acme-table", "--lang", "fr"),
    )
    lines = Path("c.tsv").read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("bras\tstrate\tmétrique\tmoyenne")
    assert any(line.startswith("rag\t\tacme-numbers\t100,0\t") for line in lines)
    head = next(line for line in compared.splitlines() if "s/question" in line)
    assert head.split()[-2:] == ["nombres", "s/question"]  # as the template says in French
    assert re.search(r"^RAG .* 100,0 % \([\d,]+ à 100,0\) +\S+$", compared, re.MULTILINE)


def test_a_reporter_as_a_format_is_told_the_option(installed: Path, run: Dyag) -> None:
    code, _, err = run("compare-models", "--format", "acme-table", "--output", "c")
    assert code == 2
    assert "--reporter acme-table" in err
    assert run("compare-models", "--format", "acme-tables", "--output", "c")[0] == 2


def test_what_an_option_leaves_out_does_not_count_as_lost(installed: Path, run: Dyag, documents: Path) -> None:
    shown = run.works(
        *("generate-training", documents, "--method", "acme-fields", "-o", "longest=6", "--lang", "en"),
        *("--min-yield", "100", "--output", "t.jsonl", "--json"),
    )
    assert json.loads(shown)["rejected"] == {}
    assert "Unit 10" not in Path("t.jsonl").read_text(encoding="utf-8")


def test_the_hook_keeps_personal_data_out(installed: Path, run: Dyag, tmp_path: Path) -> None:
    rows = DOCUMENTS.replace("Unit 3", "chef@example.org")
    (tmp_path / "with_mail.csv").write_text(rows, encoding="utf-8")
    run.works("generate-training", "with_mail.csv", "--method", "acme-fields", "--lang", "en", "--output", "t.jsonl")
    told = json.loads(Path("t.manifest.json").read_text(encoding="utf-8"))
    assert told["rejected"]["holds an e-mail address"] == 3
    for file in ("t.jsonl", "t.manifest.json", "t.report.html"):
        assert "chef@example.org" not in Path(file).read_text(encoding="utf-8")


def test_the_base_model_is_shown(installed: Path, run: Dyag) -> None:
    assert json.loads(run.works("models", "show", "acme-smol", "--json"))["licence"] == "Apache-2.0"


def test_the_trainer_s_model_is_loaded_and_differs(installed: Path, tiny_model: Path, tmp_path: Path) -> None:
    rows = [{"question": f"Which team has Tool{i}?", "expected_answer": f"Unit {i}"} for i in range(8)]
    data = tmp_path / "training.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    session = Session(tmp_path)
    options = {"learning_rate": 0.01, "batch_size": 4}
    made = session.finetune(data, base_model=str(tiny_model), epochs=4, trainer="acme-loop", options=options)
    assert made.steps == 8
    assert made.final_loss is not None
    assert made.first_loss is not None
    assert made.final_loss < made.first_loss
    passport = (made.folder / "dyag.json").read_text(encoding="utf-8")
    assert str(tmp_path) not in passport + (made.folder / "adapter_config.json").read_text(encoding="utf-8")
    assert session.query("Which team has Tool1?", model=made).answer is not None  # refused if the adapter had no effect


@pytest.mark.parametrize(
    ("family", "name", "said"),
    [
        ("metric", "two words", "two-words"),
        ("metric", "../x", "small letters"),
        ("metric", "/etc/x", "etc-x"),
        ("metric", "Acme-Numbers", "acme-numbers"),
        ("metric", "élan", "small letters"),
        ("metric", "", "small letters"),
        ("metric", "9lives", "small letters"),
        ("metric", "acme_numbers", "acme-numbers"),
        ("metric", "a" * 300, "at most"),
        ("metric", "class", "acme-class"),
        ("metric", "numbers", "acme-numbers"),
        ("metric", "jinja2", "installed already"),
        ("metric", "dyag-core", "installed already"),
        ("metric", "bleu", "dyag_plugins.metrics.bleu"),
        ("exporter", "sharegpt", "named 'sharegpt' already"),
        ("command", "ingest", "named 'ingest' already"),
        ("metrik", "acme-x", "'metrics'"),
    ],
)
def test_a_bad_name_exits_2_and_writes_nothing(run: Dyag, tmp_path: Path, family: str, name: str, said: str) -> None:
    code, out, err = run("plugins", "new", family, name)
    assert (code, out) == (2, "")
    assert said in err
    assert "Traceback" not in err
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_exists_is_left_alone(run: Dyag, tmp_path: Path) -> None:
    (tmp_path / "acme-x").mkdir()
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    for arguments in (["acme-x"], ["acme-y", "--output", "file"], ["acme-y", "--output", "file/below"]):
        code, _, err = run("plugins", "new", "metric", *arguments)
        assert code == 2
        assert "--output" in err
    assert list((tmp_path / "acme-x").iterdir()) == []
    assert (tmp_path / "file").read_text(encoding="utf-8") == "mine"


def test_a_write_that_fails_leaves_nothing(run: Dyag, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "rename", full)
    code, _, err = run("plugins", "new", "metric", "acme-x")
    assert code == 5
    assert "free some space" in err
    assert list(tmp_path.iterdir()) == []


def test_the_name_of_an_installed_package_is_taken(installed: Path, run: Dyag) -> None:
    code, _, err = run("plugins", "new", "metric", "acme-numbers", "--output", "elsewhere")
    assert code == 2
    assert "acme-numbers 0.1.0 -> acme_numbers" in err
    code, _, err = run("plugins", "new", "exporter", "acme-numbers", "--output", "elsewhere")
    assert code == 2
    assert "installed already" in err
