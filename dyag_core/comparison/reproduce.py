"""The commands that would measure a comparison again, as far as its result files tell."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from dyag_core.comparison.result_files import ResultFile, examples_shown
from dyag_core.records.arm import ARMS
from dyag_core.text.sanitize import plain


def commands(files: Mapping[str, ResultFile], primary: str) -> list[str]:
    """`dyag evaluate`, where all files come from it and say the same, then `dyag compare-models`.

    MODEL, INDEX, TEMPLATE and the folders of files are left for the reader to fill in: result files hold no paths.
    """
    results = [f"--results {shlex.quote(f'{arm}={plain(file.path.name)}')}" for arm, file in files.items()]
    compare = " ".join(["dyag compare-models", *results, f"--primary {shlex.quote(primary)} --output comparison"])
    measured = _evaluate(files)
    return [measured, compare] if measured else [compare]


def _evaluate(files: Mapping[str, ResultFile]) -> str | None:
    if not set(files) <= set(ARMS):
        return None
    told = [file.metadata for file in files.values()]
    questions, base = _same(told, "questions", "file"), _same(told, "base_model", "name")
    if not questions or not base:
        return None
    line = ["dyag evaluate", shlex.quote(str(questions)), "--arms", ",".join(files), "--base-model"]
    line.append(shlex.quote(str(base)))
    if any(ARMS[arm].finetuned for arm in files):
        line.append("--model MODEL")  # which knows its chat template
    elif _same(told, "base_model", "chat_template"):
        line.append("--chat-template TEMPLATE")
    if any(ARMS[arm].retrieval for arm in files):
        line.append("--index INDEX")
        indexed = [file.metadata for arm, file in files.items() if ARMS[arm].retrieval]
        if (k := _same(indexed, "index", "k")) is not None:
            line.append(f"-k {shlex.quote(str(k))}")
    shown = [count for about in told if (count := examples_shown(about)) is not None]
    if shown:
        line.append(f"--few-shot {shown[0]}")
    for name in ("max_new_tokens", "temperature", "top_p"):
        if (value := _same(told, "decoding", name)) is not None:
            line.append(f"--{name.replace('_', '-')} {shlex.quote(str(value))}")
    if (engine := _same(told, "engine", "name")) is not None:
        line.append(f"--engine {shlex.quote(str(engine))}")
    if (asked := _same(told, "questions", "asked")) is not None:
        line.append(f"--limit {shlex.quote(str(asked))}")
    seeds = {str(about.get("seed")) for about in told}
    if len(seeds) == 1 and "None" not in seeds:
        line.append(f"--seed {shlex.quote(seeds.pop())}")
    return " ".join([*line, "--output results"])


def _same(told: list[dict[str, Any]], name: str, key: str) -> Any:
    """What all say under `name` and `key`, or None."""
    values = [about[name].get(key) if isinstance(about.get(name), dict) else None for about in told]
    return values[0] if values and all(value == values[0] for value in values) else None
