"""Every built-in passes the contract of its family, and each check of a contract fails on a plugin that breaks it."""

from __future__ import annotations

from typing import Any

from dyag_core import registry, testing

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
#: Those that ask a server have one in tests/endpoint/test_remote_contracts.py.
REMOTE = ("engines openai", "generators llm")
#: Beyond the plugin itself: options that make a training quick.
SPECIAL: dict[str, dict[str, Any]] = {
    "trainers lora": {"options": {"rank": "4", "save_every": "2", "device": "cpu"}},
}

for _family, _contract in CONTRACTS.items():
    for _entry in registry.entries(_family):
        if _entry.distribution != "dyag" or f"{_family} {_entry.name}" in REMOTE:
            continue
        _name = f"Test_{_family}_{_entry.name}"
        _special = SPECIAL.get(f"{_family} {_entry.name}", {})
        globals()[_name] = type(
            _name, (_contract,), {"__module__": __name__, "plugin": registry.load(_entry), **_special}
        )
