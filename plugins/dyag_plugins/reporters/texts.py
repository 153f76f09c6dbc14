"""The reports' own words, from texts.yaml and quality.yaml."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any


@cache
def texts(lang: str, file: str = "texts.yaml") -> dict[str, Any]:
    """Every text of one language by its key."""
    import yaml

    loaded: dict[str, Any] = yaml.safe_load((Path(__file__).parent / file).read_text(encoding="utf-8"))[lang]
    return loaded
