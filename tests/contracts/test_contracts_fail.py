"""A contract that can't fail is worthless: each check fails on a plugin that breaks it, and says what it wants.

bad_FAMILY.py holds the plugins. `breaks` is the check that must fail, `says` a part of its message; where it fails by
the plugin's own exception, `raises` stands instead.
"""

from __future__ import annotations

import importlib
import inspect
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dyag_core import Session, testing
from dyag_core.testing.contract import Contract
from dyag_core.testing.samples import training_rows, write_documents

HERE = Path(__file__).parent
HEAVY = '"""A metric."""\nimport nltk\ndyag_api = 1\n'
CONTRACTS = [getattr(testing, name) for name in testing.__all__]

Check = tuple[str, str]


class Outcomes:
    """A pytest plugin that keeps how each check of each class ended; a failure with what was said."""

    def __init__(self) -> None:
        self.failed: dict[Check, str] = {}
        self.fine: set[Check] = set()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        name, check = report.nodeid.split("::")[1:]
        if report.failed:
            self.failed[name, check] = str(report.longrepr)
        elif report.when == "call" or report.skipped:
            self.fine.add((name, check))


def bad_classes(contract: type[Contract]) -> dict[str, Any]:
    """The test classes of a family's bad plugins, and of its good one."""
    module = importlib.import_module(f"bad_{contract.__module__.rpartition('.')[2]}")
    found = {name: cls for name, cls in vars(module).items() if name.startswith("Test") and inspect.isclass(cls)}
    assert all(issubclass(cls, contract) for cls in found.values())
    return found


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder on the path with the files of bad plugins, and a module that imports what it shouldn't."""
    folder = tmp_path_factory.mktemp("bad")
    for file in HERE.glob("bad_*.py"):
        shutil.copy(file, folder / file.name)
    (folder / "nltk.py").touch()
    (folder / "bad_heavy.py").write_text(HEAVY, encoding="utf-8")
    with pytest.MonkeyPatch.context() as path:
        path.syspath_prepend(str(folder))
        yield folder
    for name in [name for name in sys.modules if name.startswith("bad_") or name == "nltk"]:
        del sys.modules[name]


@pytest.mark.parametrize("contract", CONTRACTS, ids=testing.__all__)
def test_each_bad_plugin_fails_the_check_that_it_breaks_and_the_good_one_none(
    contract: type[Contract], place: Path, request: pytest.FixtureRequest
) -> None:
    if contract is testing.TrainerContract:
        request.getfixturevalue("an_adapter")
    cases = bad_classes(contract)
    good = [name for name, cls in cases.items() if not hasattr(cls, "breaks")]
    file = place / f"bad_{contract.__module__.rpartition('.')[2]}.py"
    nodes = [f"{file}::{name}" + (f"::{cls.breaks}" if name not in good else "") for name, cls in cases.items()]
    outcomes = Outcomes()
    # In this process, and not by pytester: it would unload numpy and torch, which can't be loaded twice.
    quiet = ("-p", "no:cacheprovider", "-p", "no:timeout", "--rootdir", str(place))
    pytest.main([*quiet, *nodes], plugins=[outcomes])
    assert set(outcomes.failed) == {(name, cls.breaks) for name, cls in cases.items() if name not in good}
    for (name, _), said in outcomes.failed.items():
        wanted = getattr(cases[name], "raises", None) or cases[name].says
        assert wanted in said, f"{name}: {said[-2000:]}"
        assert ("docs/contracts.md" in said) == hasattr(cases[name], "says"), name
    checks = {name for name in dir(contract) if name.startswith("test_")}
    # One that prints is found out only after the check.
    assert outcomes.fine - outcomes.failed.keys() == {(name, check) for name in good for check in checks}


def test_every_check_has_a_plugin_that_breaks_it(place: Path) -> None:
    bad = [cls for contract in CONTRACTS for cls in bad_classes(contract).values()]
    for owner in {cls for contract in CONTRACTS for cls in contract.__mro__ if issubclass(cls, Contract)}:
        broken = {getattr(cls, "breaks", None) for cls in bad if issubclass(cls, owner)}
        missing = {name for name in vars(owner) if name.startswith("test_")} - broken
        assert not missing, owner


@pytest.fixture
def an_adapter(tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An adapter of the tiny model, which the trainers here hand out as theirs."""
    rows = write_documents(tmp_path / "rows.jsonl", training_rows(24))
    options = {"rank": 2, "device": "cpu", "learning_rate": 0.01}
    made = Session(tmp_path).finetune(rows, base_model=str(tiny_model), epochs=1, options=options)
    final = tmp_path / "adapter"
    shutil.copytree(made.folder, final, ignore=shutil.ignore_patterns("dyag.json", "trained_questions.txt"))
    monkeypatch.setenv("DYAG_TEST_ADAPTER", str(final))
