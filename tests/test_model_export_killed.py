"""An export of a model that is killed: no half folder under its name, and the same command again makes it whole."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest


@pytest.mark.parametrize(
    "kill",
    [
        {"write": "*/model.safetensors", "bytes": 1000},
        {"before": "open", "path": "*/README.md"},
        {"before": "os.rename", "path": "*/merged"},
    ],
    ids=["in the weights", "before the card", "before its name"],
)
def test_a_killed_export_leaves_no_half_folder(
    dyag: Any, tiny_tuned: Path, tmp_path: Path, kill: dict[str, Any]
) -> None:
    output = tmp_path / "merged"
    command = ["export", str(tiny_tuned), "--format", "merged", "--output", str(output), "-o", "parity=0"]
    assert dyag(tmp_path / "first", *command, kill=kill) in (-signal.SIGKILL, -signal.SIGXFSZ)
    assert not output.exists()
    assert dyag(tmp_path / "second", *command) == 0
    assert {"README.md", "config.json", "model.safetensors"} <= {file.name for file in output.iterdir()}
    assert [path.name for path in tmp_path.iterdir() if "partial" in path.name] == []
