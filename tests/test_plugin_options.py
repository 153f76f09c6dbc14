"""One options model, every road: -o, DYAG_*, ./dyag.toml, the user's own file, --help; and completion by the shell."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from dyag_core.cli.root import root
from dyag_core.plugin import discovery

ECHO = """
from dyag_core import MetricResult, UsageError, hookimpl
from pydantic import BaseModel, Field

class Options(BaseModel, extra="forbid"):
    depth: int = Field(1, description="how far down to look")
    words: list[str] = Field(default_factory=list, description="words to look for")
    title: str = Field("none", description="what to call it")

def echo(options):
    raise UsageError(f"depth={options.depth} words={options.words} title={options.title}")

class Generator:
    Options = Options
    @hookimpl
    def dyag_generate(self, documents, options): echo(options)

class Metric:
    Options = Options
    @hookimpl
    def dyag_score(self, predictions, options): echo(options)

class Reporter:
    Options = Options
    @hookimpl
    def dyag_report(self, comparison, options): echo(options)
"""
COMMAND = ("generate-training", "d.jsonl", "--output", "o.jsonl", "--method", "echo", "--lang", "en")


@pytest.fixture
def dyag(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Commands in this process, beside a generator, a metric and a reporter that say the options they were given."""
    site = tmp_path / "site"
    info = site / "acme_echo-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-echo\nVersion: 1.0\n")
    points = "[dyag.generators]\necho = acme_echo:Generator\n[dyag.metrics]\necho = acme_echo:Metric\n"
    points += "[dyag.reporters]\necho = acme_echo:Reporter\n"
    (info / "entry_points.txt").write_text(points)
    (site / "acme_echo.py").write_text(ECHO)
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.delitem(sys.modules, "acme_echo", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "user"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "d.jsonl").write_text('{"id": "a", "content": "# A\\n\\n- Licence: MIT\\n"}\n', encoding="utf-8")

    def run(*arguments: str, **environment: str) -> Result:
        return CliRunner().invoke(root, list(arguments), prog_name="dyag", env=environment)

    return run


def said(result: Result) -> str:
    """The options that the plugin was given."""
    return str(getattr(result.exception, "message", result.exception))


def user_file(tmp_path: Path) -> Path:
    (tmp_path / "user" / "dyag").mkdir(parents=True, exist_ok=True)
    return tmp_path / "user" / "dyag" / "dyag.toml"


def test_each_road_alone_reaches_the_plugin(dyag: Callable[..., Result], tmp_path: Path) -> None:
    assert said(dyag(*COMMAND)) == "depth=1 words=[] title=none"
    expected = "depth=7 words=['a', 'b c'] title=3 x"
    assert said(dyag(*COMMAND, "-o", "depth=7", "-o", "words=[a, b c]", "-o", "title=3 x")) == expected
    variable = "depth=7 'words=[a, b c]' \"title=3 x\""
    assert said(dyag(*COMMAND, DYAG_GENERATE_TRAINING_OPTION=variable)) == expected
    table = '[generate-training.options]\ndepth = 7\nwords = ["a", "b c"]\ntitle = "3 x"\n'
    user_file(tmp_path).write_text(table)
    assert said(dyag(*COMMAND)) == expected
    user_file(tmp_path).unlink()
    (tmp_path / "dyag.toml").write_text(table)
    assert said(dyag(*COMMAND)) == expected


def test_a_flag_beats_the_environment_that_beats_the_folder_that_beats_the_user(
    dyag: Callable[..., Result], tmp_path: Path
) -> None:
    user_file(tmp_path).write_text("[generate-training.options]\ndepth = 2\nwords = ['user']\ntitle = 'user'\n")
    assert said(dyag(*COMMAND)) == "depth=2 words=['user'] title=user"
    (tmp_path / "dyag.toml").write_text("[generate-training]\noptions = {depth = 3, title = 'folder'}\n")
    assert said(dyag(*COMMAND)) == "depth=3 words=['user'] title=folder"
    variable = {"DYAG_GENERATE_TRAINING_OPTION": "depth=4"}
    assert said(dyag(*COMMAND, **variable)) == "depth=4 words=['user'] title=folder"
    assert said(dyag(*COMMAND, "-o", "depth=5", **variable)) == "depth=5 words=['user'] title=folder"


@pytest.mark.parametrize("road", ["flag", "environment", "file"])
def test_each_road_is_checked_against_the_model(dyag: Callable[..., Result], tmp_path: Path, road: str) -> None:
    for pair, message in (("depht=2", "no option 'depht'"), ("depth=deep", "depth: ")):
        key, _, value = pair.partition("=")
        environment = {"DYAG_GENERATE_TRAINING_OPTION": pair} if road == "environment" else {}
        if road == "file":
            (tmp_path / "dyag.toml").write_text(f"[generate-training.options]\n{key} = '{value}'\n")
        failed = dyag(*COMMAND, *(["-o", pair] if road == "flag" else []), **environment)
        assert getattr(failed.exception, "exit_code", None) == 2
        assert message in said(failed)


@pytest.mark.parametrize(("kind", "flag"), [("metric", "-m"), ("reporter", "-r")])
def test_options_of_a_metric_and_of_a_reporter_take_the_same_roads(
    dyag: Callable[..., Result], tmp_path: Path, kind: str, flag: str
) -> None:
    for arm in "ab":
        item = {"id": "1", "question": "q", "expected_answer": "x", "generated_answer": "y", "exact_match": False}
        (tmp_path / f"{arm}.json").write_text(f'{{"metadata": {{}}, "metrics": {{}}, "results": [{json.dumps(item)}]}}')
    command = ("compare-models", "--results", "a=a.json", "--results", "b=b.json", "--output", "c", "--force")
    command += (f"--{kind}", "echo")
    (tmp_path / "dyag.toml").write_text(f"[compare-models.{kind}_options.echo]\ndepth = 3\nwords = ['file']\n")
    assert "depth=3 words=['file']" in said(dyag(*command))
    variable = {f"DYAG_COMPARE_MODELS_{kind.upper()}_OPTION": "echo.depth=4 echo.title=env"}
    assert "depth=4 words=['file'] title=env" in said(dyag(*command, **variable))
    assert "depth=5 words=['file'] title=env" in said(dyag(*command, flag, "echo.depth=5", **variable))
    for wrong, message in (
        ("depth=5", f"is not {kind.upper()}.KEY=VALUE"),
        ("echo.depht=5", "no option 'depht'"),
        ("eko.depth=5", f"the {kind} 'eko', which takes no part"),
    ):
        failed = dyag(*command, flag, wrong)
        assert getattr(failed.exception, "exit_code", None) == 2
        assert message in said(failed)


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (("finetune", "--trainer", "lora"), ["Options of trainer lora", "-o rank=...", "-o learning_rate=..."]),
        (("generate-training", "--method", "llm"), ["Options of generator llm", "-o model=..."]),
        (("generate-training", "--method", "echo"), ["acme-echo 1.0", "-o depth=...", "how far down to look"]),
        (("index-rag", "--retriever=bm25"), ["Options of retriever bm25"]),
        (("export", "--format", "openai"), ["Options of exporter openai"]),
        (("evaluate", "--metric", "bleu", "--metric", "echo"), ["-m bleu.tokenize=...", "-m echo.depth=..."]),
        (("evaluate-rag", "--engine", "openai"), ["Options of engine openai"]),
        (("compare-models", "--reporter", "echo"), ["Options of reporter echo", "-r echo.depth=..."]),
    ],
)
def test_help_lists_the_options_of_the_plugin_that_is_chosen(
    dyag: Callable[..., Result], arguments: tuple[str, ...], shown: list[str]
) -> None:
    for typed in ((*arguments, "--help"), (arguments[0], "--help", *arguments[1:])):
        result = dyag(*typed)
        assert result.exit_code == 0, result.output
        text = " ".join(result.output.split())
        assert all(part in text for part in shown)


def test_help_lists_the_options_of_a_plugin_that_a_file_or_the_environment_chooses(
    dyag: Callable[..., Result], tmp_path: Path
) -> None:
    assert "-o depth" not in dyag("generate-training", "--help").output
    assert "-o depth" in dyag("generate-training", "--help", DYAG_GENERATE_TRAINING_METHOD="echo").output
    (tmp_path / "dyag.toml").write_text("[generate-training]\nmethod = 'echo'\n")
    assert "-o depth" in dyag("generate-training", "--help").output
    assert "no generator is named 'ecko'" in said(dyag("generate-training", "--method", "ecko", "--help"))


FAMILY_OF = [
    ("generate-training --method ", "generators"),
    ("generate-training x --base-model ", "base_models"),
    ("finetune --trainer ", "trainers"),
    ("finetune --dataset x --base-model ", "base_models"),
    ("index-rag x --retriever ", "retrievers"),
    ("export x --format ", "exporters"),
    ("evaluate x --metric ", "metrics"),
    ("evaluate-finetuned x --engine ", "engines"),
    ("compare-models --reporter ", "reporters"),
    ("compare-models --metric ", "metrics"),
    ("plugins show metrics ", "metrics"),
]


def complete(dyag: Callable[..., Result], shell: str, line: str) -> list[str]:
    """What the shell is offered for the last word of `dyag LINE`, by its own protocol."""
    words = ["dyag", *line.split(" ")]
    place = {"COMP_CWORD": words[-1] if shell == "fish" else str(len(words) - 1)}
    environment = {"_DYAG_COMPLETE": f"{shell}_complete", "COMP_WORDS": " ".join(words), **place}
    result = dyag(**environment)
    assert result.exit_code == 0, result.output
    if shell == "zsh":
        return result.output.split("\n")[1::3]
    return [row.split(",", 1)[1].split("\t")[0] for row in result.output.split("\n") if row]


@pytest.mark.parametrize(("line", "family"), FAMILY_OF)
def test_names_of_plugins_are_completed_without_importing_one(
    dyag: Callable[..., Result], tmp_path: Path, line: str, family: str
) -> None:
    (tmp_path / "site" / "acme_echo.py").write_text("raise SystemExit('imported')")
    for shell in ("bash", "zsh", "fish"):
        assert complete(dyag, shell, line) == [entry.name for entry in discovery.entries(family)]
    assert "acme_echo" not in sys.modules


def test_commands_options_and_beginnings_are_completed(dyag: Callable[..., Result]) -> None:
    assert complete(dyag, "bash", "ev") == ["evaluate-finetuned", "evaluate-rag", "evaluate"]
    assert complete(dyag, "zsh", "finetune --train") == ["--trainer"]
    assert complete(dyag, "fish", "evaluate x --metric ex") == ["exact_match"]
    assert complete(dyag, "bash", "finetune --base-model smollm2:") == ["smollm2-135m"]
    assert complete(dyag, "bash", "compare-models --format m") == ["markdown"]
    assert complete(dyag, "bash", "plugins show gen") == ["generators"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_is_one_that_its_shell_accepts(dyag: Callable[..., Result], tmp_path: Path, shell: str) -> None:
    printed = dyag("completion", shell)
    assert printed.exit_code == 0
    assert "_DYAG_COMPLETE" in printed.stdout
    if shutil.which(shell):
        script = tmp_path / "script"
        script.write_text(printed.stdout)
        subprocess.run([shell, "-n", str(script)], check=True)


@pytest.mark.skipif(not shutil.which("bash"), reason="no bash here")
def test_bash_completes_a_plugin_name_with_the_printed_script(dyag: Callable[..., Result], tmp_path: Path) -> None:
    binary = tmp_path / "bin" / "dyag"
    binary.parent.mkdir()
    binary.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m dyag_core.cli "$@"\n')
    binary.chmod(0o755)
    typed = f"{dyag('completion', 'bash').stdout}\nCOMP_WORDS=(dyag finetune --trainer lo)\nCOMP_CWORD=3\n"
    typed += '_dyag_completion dyag\necho "${COMPREPLY[@]}"\n'
    path = f"{binary.parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash"], input=typed, capture_output=True, text=True, check=True, env={**os.environ, "PATH": path}
    )
    assert done.stdout.split() == ["lora"]
