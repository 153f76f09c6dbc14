"""The command line from outside: exit codes, streams, settings, start-up."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest

from dyag_core.cli.root import SUMMARIES, root
from dyag_core.plugin import discovery
from dyag_core.plugin.families import COMMANDS, FAMILIES, FAMILY_HOOKS


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys\nfrom dyag_core.cli import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "heavy = {'torch', 'transformers', 'scipy', 'numpy', 'pydantic', 'rich', 'stevedore'} & set(sys.modules)\n"
        "commands = {m for m in sys.modules if m.startswith('dyag_core.cli.')}\n"
        "commands -= {'dyag_core.cli.root', 'dyag_core.cli.config'}\n"
        "sys.exit(f'{heavy} {commands}' if heavy or commands else 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr
    assert "generate-training" in done.stdout


def test_the_summaries_are_those_of_the_commands() -> None:
    context = click.Context(root)
    for name in root.list_commands(context):
        command = root.get_command(context, name)
        assert command is not None
        assert command.get_short_help_str(200).rstrip(".") == SUMMARIES[name].rstrip(".")


@pytest.mark.parametrize("name", SUMMARIES)
def test_every_command_explains_itself_and_every_option(name: str) -> None:
    context = click.Context(root)
    command = root.get_command(context, name)
    assert command is not None
    assert command.help
    for parameter in command.params:
        if isinstance(parameter, click.Option) and parameter.name not in ("format_", "help"):
            assert parameter.help, parameter.name


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["finetun"], "'finetune'"),
        (["finetune", "--datset", "x"], "--dataset"),
        (["finetune", "--dataset", "no.jsonl", "--output", "o", "-o", "rnak=3"], "'rank'"),
        (["plugins", "list", "metric-s"], "'metrics'"),
        (["plugins", "show", "metrics", "exact_mach"], "'exact_match'"),
        (["generate-training", "no.jsonl", "--output", "o.jsonl", "--method", "ruel"], "'rule'"),
        (["generate-training", "no.jsonl", "--output", "o.jsonl", "--split", "80/30/10"], "add up to 100"),
        (["compare-models", "--output", "c"], "two result files"),
        (["evaluate", "no.jsonl", "--output", "o", "--metric", "chrf", "-m", "beta=2"], "-m chrf.beta=2"),
    ],
)
def test_a_misspelt_name_exits_2_with_the_nearest(arguments: list[str], expected: str, run_dyag: Any) -> None:
    done = run_dyag(*arguments)
    assert done.returncode == 2, done.stderr
    assert expected in done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr


def test_settings_files_are_read_and_their_mistakes_named(tmp_path: Path, run_dyag: Any) -> None:
    (tmp_path / "dyag.toml").write_text("[plugins]\nfamly = 'x'\n[finetune]\nepoch = 3\n", encoding="utf-8")
    done = run_dyag("finetune", "--dataset", "x", "--output", "y")
    assert done.returncode == 2
    assert "'epochs'" in done.stderr
    (tmp_path / "dyag.toml").write_text("not toml", encoding="utf-8")
    assert "not TOML" in run_dyag("finetune", "--dataset", "x", "--output", "y").stderr


def test_flags_beat_the_environment_and_that_beats_files(tmp_path: Path, run_dyag: Any) -> None:
    (tmp_path / "dyag.toml").write_text("[generate-training]\nmethod = 'from_file'\n", encoding="utf-8")
    arguments = ["generate-training", "no.jsonl", "--output", "o.jsonl"]
    assert "'from_file'" in run_dyag(*arguments).stderr
    assert "'from_env'" in run_dyag(*arguments, DYAG_GENERATE_TRAINING_METHOD="from_env").stderr
    flag = run_dyag(*arguments, "--method", "from_flag", DYAG_GENERATE_TRAINING_METHOD="from_env")
    assert "'from_flag'" in flag.stderr


def test_json_is_one_document_on_stdout(run_dyag: Any) -> None:
    listed = json.loads(run_dyag("plugins", "list", "--json").stdout)
    assert {"family": "trainers", "name": "lora"}.items() <= next(r for r in listed if r["name"] == "lora").items()
    models = json.loads(run_dyag("models", "list", "--json").stdout)
    assert {m["name"] for m in models} >= {
        "qwen2.5:1.5b",
        "tinyllama",
        "llama3.2:1b",
        "llama3.1:8b",
        "phi3",
        "smollm2:135m",
    }


def test_plugins_show_lists_every_option_of_the_plugin(run_dyag: Any) -> None:
    shown = json.loads(run_dyag("plugins", "show", "trainer", "lora", "--json").stdout)
    options = {option["name"] for option in shown["options"]}
    assert {"rank", "alpha", "learning_rate", "batch_size"} <= options
    assert all(option["description"] for option in shown["options"])


def test_plugins_check_passes_for_the_built_ins(run_dyag: Any) -> None:
    done = run_dyag("plugins", "check")
    assert done.returncode == 0, done.stdout + done.stderr
    installed = [entry for family in FAMILIES for entry in discovery.entries(family)]
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["ok"] * len(installed)
    assert len(installed) > 30


def test_a_closed_stdout_and_a_c_locale_give_no_traceback(tmp_path: Path) -> None:
    done = subprocess.run(
        f"{sys.executable} -m dyag_core.cli plugins list | head -n 1",
        shell=True,
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={**os.environ, "LANG": "C", "LC_ALL": "C", "PYTHONUTF8": "0"},
        check=False,
    )
    assert "Traceback" not in done.stderr
    assert done.stdout.startswith("family")


def test_every_entry_point_of_the_table_exists() -> None:
    for family in (*FAMILY_HOOKS, COMMANDS):
        for entry in discovery.entries(family):
            assert discovery.load(entry) is not None
