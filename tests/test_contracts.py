"""Every built-in passes the contract of its family; contracts/test_contracts_fail.py shows that each check can fail."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from dyag_core import testing
from dyag_core.plugin import discovery
from dyag_core.plugin.entry import Entry
from dyag_core.plugin.families import FAMILIES
from dyag_core.testing import plugin as fixtures

CONTRACTS = {
    "generators": testing.GeneratorContract,
    "base_models": testing.BaseModelContract,
    "trainers": testing.TrainerContract,
    "engines": testing.EngineContract,
    "retrievers": testing.RetrieverContract,
    "metrics": testing.MetricContract,
    "reporters": testing.ReporterContract,
    "exporters": testing.ExporterContract,
    "hooks": testing.HookContract,
    "commands": testing.CommandContract,
}
#: Those that ask a server are in endpoint/test_remote_contracts.py.
REMOTE = {"engines openai", "generators llm", "metrics judge"}


@pytest.fixture
def fine_tuned(self: Any, tiny_tuned: Path) -> Path:
    """What an exporter of models takes."""
    return tiny_tuned


#: Of exporters that write a folder with a model. What its answers are worth is tested in test_model_export.py.
MODELS: dict[str, Any] = {"source": fine_tuned, "suffix": "", "options": {"parity": "0"}}
#: What the contract of a plugin needs beyond the plugin itself.
MORE: dict[str, dict[str, Any]] = {
    "trainers lora": {"options": {"rank": "4", "save_every": "2", "device": "cpu"}},
    **{f"exporters {name}": MODELS for name in ("merged", "adapter", "hub")},
    # a conversion starts a process with torch in it
    **{f"exporters {name}": MODELS | {"pytestmark": pytest.mark.slow} for name in ("gguf", "ollama")},
}


def built_ins() -> dict[str, Entry]:
    """Every plugin of this distribution by family and name."""
    found = [entry for family in CONTRACTS for entry in discovery.entries(family)]
    return {f"{entry.family} {entry.name}": entry for entry in found if entry.distribution == "dyag"}


for _key, _entry in built_ins().items():
    if _key not in REMOTE:
        _name = f"Test_{_entry.family}_{_entry.name}"
        _fields = {"__module__": __name__, "plugin": discovery.load(_entry)} | MORE.get(_key, {})
        globals()[_name] = type(_name, (CONTRACTS[_entry.family],), _fields)


def test_every_family_has_a_contract_and_every_built_in_is_under_one() -> None:
    assert set(CONTRACTS) == set(FAMILIES)
    assert {contract.__name__ for contract in CONTRACTS.values()} == set(testing.__all__)
    table = (Path(__file__).parents[1] / "setup.cfg").read_text(encoding="utf-8")
    listed = re.findall(r"^    [\w.-]+ = dyag_(?:plugins|core\.cli)\.", table, re.MULTILINE)
    under_contract = [name for name in globals() if name.startswith("Test_")]
    assert len(listed) == len(built_ins()) == len(under_contract) + len(REMOTE)


def test_each_contract_and_each_fixture_stands_in_the_docs() -> None:
    page = (Path(__file__).parents[1] / "docs" / "contracts.md").read_text(encoding="utf-8")
    for contract in CONTRACTS.values():
        assert f"## {contract.section}\n\n`{contract.__name__}`" in page
    named = {name for name, value in vars(fixtures).items() if name.startswith("dyag_") and not inspect.isclass(value)}
    assert {name for name in named if f"`{name}`" not in page} == {"dyag_imports", "dyag_base_model", "dyag_trained"}


def test_the_pytest_plugin_costs_nothing_until_it_is_used() -> None:
    code = (
        "import sys, pytest\nbefore = set(sys.modules)\nimport dyag_core.testing.plugin\n"
        "print(*sorted(m for m in set(sys.modules) - before if not m.startswith('dyag_core')))\n"
        "print(*sorted(m for m in sys.modules if m.startswith('dyag_core')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, encoding="utf-8", check=True)
    others, own = done.stdout.splitlines()
    assert not others
    assert own.split() == ["dyag_core", "dyag_core.testing", "dyag_core.testing.plugin"]
