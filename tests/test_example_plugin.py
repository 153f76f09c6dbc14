"""The example distribution, installed by pip and used through the real command line like anybody's plugins."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from dyag_core.testing.samples import document_rows, results_file, write_documents

EXAMPLE = Path(__file__).parents[1] / "plugins" / "dyag-plugin-example"

Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Command:
    """`python("-m", "dyag_core.cli", ...)` where the example is installed: in a folder of its own, without network."""
    folder = tmp_path_factory.mktemp("example")
    source, site = folder / "source", folder / "site"
    shutil.copytree(EXAMPLE, source, ignore=shutil.ignore_patterns("build", "*.egg-info", "__pycache__"))

    def run(*arguments: str | Path, cwd: Path = folder) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, *map(str, arguments)],
            capture_output=True,
            text=True,
            encoding="utf-8",
            cwd=cwd,
            env={**os.environ, "PYTHONPATH": str(site)},
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done

    offline = ("--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check")
    run("-m", "pip", "install", "--quiet", *offline, "--target", site, source)
    return run


def test_its_plugins_are_found_and_fit(python: Command) -> None:
    found = json.loads(python("-m", "dyag_core.cli", "plugins", "list", "--json").stdout)
    own = {(row["family"], row["name"]) for row in found if row["distribution"] == "dyag-plugin-example"}
    assert own == {
        ("metrics", "numbers"),
        ("generators", "cloze"),
        ("reporters", "csv"),
        ("exporters", "npz"),
        ("hooks", "mask"),
    }
    checked = json.loads(python("-m", "dyag_core.cli", "plugins", "check", "--json").stdout)
    assert [row["ok"] for row in checked if (row["family"], row["name"]) in own] == [True] * 5


def test_its_generator_makes_rows_and_its_hook_masks_them(python: Command, tmp_path: Path) -> None:
    rows = [
        *document_rows(6),
        {"id": "contact", "content": "Questions are answered at ann.lee@example.org every day.", "metadata": {}},
    ]
    source = write_documents(tmp_path / "documents.jsonl", rows)
    output = tmp_path / "rows.jsonl"
    options = ("--method", "cloze", "-o", "sentences=1", "-o", "shortest=5", "--output", output)
    done = python("-m", "dyag_core.cli", "generate-training", source, *options)
    assert "mail addresses were masked in 1 examples" in done.stderr
    made = [json.loads(line) for line in output.read_text(encoding="utf-8").splitlines()]
    assert len(made) == 7
    assert {row["meta"]["method"] for row in made} == {"cloze"}
    assert "[mail]" in made[-1]["messages"][-2]["content"]
    assert "@" not in output.read_text(encoding="utf-8")


def test_its_metric_scores_and_its_reporter_writes_a_table(python: Command, tmp_path: Path) -> None:
    files = {
        arm: results_file(tmp_path / f"{arm}.json", arm, (i % nth == 0 for i in range(40)))
        for arm, nth in {"rag": 2, "finetuned": 3}.items()
    }
    python(
        "-m", "dyag_core.cli", "compare-models",
        *(part for arm, file in files.items() for part in ("--results", f"{arm}={file}")),
        "--metric", "numbers", "-m", "numbers.decimals=1", "--reporter", "csv", "-r", "csv.delimiter=;",
        "--format", "json", "--lang", "fr", "--output", tmp_path / "out",
    )  # fmt: skip
    with (tmp_path / "out.csv").open(encoding="utf-8", newline="") as handle:
        table = list(csv.DictReader(handle, delimiter=";"))
    report = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    summaries = report["arms"][0]["metrics"]
    shown = {row["métrique"]: row for row in table if row["bras"] == "rag" and not row["strate"]}
    assert set(shown) == set(summaries) > {"numbers", "success"}
    assert float(shown["numbers"]["moyenne"]) == summaries["numbers"]["mean"]
    manifest = json.loads((tmp_path / "out.manifest.json").read_text(encoding="utf-8"))
    used = {(p["family"], p["name"]): p for p in manifest["plugins"] if p["distribution"] == "dyag-plugin-example"}
    assert used["metrics", "numbers"]["options"] == {"decimals": 1}
    assert used["reporters", "csv"]["options"] == {"delimiter": ";"}
    assert ("hooks", "mask") in used


def test_its_own_tests_pass_from_its_folder(python: Command, tmp_path: Path) -> None:
    """As its author runs them: `pytest` in the distribution's folder."""
    folder = tmp_path / "checkout"
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("src", "build", "__pycache__"))
    done = python("-m", "pytest", "-q", "-p", "no:cacheprovider", cwd=folder)
    assert " passed" in done.stdout
    assert "skipped" not in done.stdout
