"""Options of the stages around training data: ingest, generate, validate, export."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator

from dyag_core.errors import UsageError
from dyag_core.records.options.declare import (
    DocumentOptions,
    Folder,
    PluginOptions,
    StageOptions,
    option,
    plugin_options,
)
from dyag_core.records.review import Verdict

DEFAULT_SPLIT = "80/10/10"


def _split(value: str | bool | Sequence[float] | None) -> tuple[float, ...] | None:
    """`80/10/10`, or three numbers, as percentages of train, validation and test; True is the default split."""
    if value is None or value is False:
        return None
    parts: Any = DEFAULT_SPLIT if value is True else value
    text = parts if isinstance(parts, str) else "/".join(f"{part}" for part in parts)
    try:
        train, validation, test = (float(part) for part in text.split("/"))
    except ValueError:
        raise UsageError(f"--split {text!r} is not three numbers", f"write it as --split {DEFAULT_SPLIT}") from None
    if train == 0:
        raise UsageError(f"--split {text}: nothing is left to train on", f"try --split {DEFAULT_SPLIT}")
    if min(train, validation, test) < 0 or not abs(train + validation + test - 100) < 1e-6:  # "nan" is a number, too
        raise UsageError(f"--split {text}: the three shares must add up to 100", f"try --split {DEFAULT_SPLIT}")
    return train, validation, test


class IngestOptions(DocumentOptions):
    """Options of `dyag ingest`."""

    output: Path | None = option(None, "The file to write, documents.jsonl.")
    chunk_size: int | None = option(None, "The longest chunk; by default 2000 characters or 400 tokens.", ge=20)
    chunk_unit: Literal["characters", "tokens"] = option("characters", "What a chunk is measured in.")
    base_model: str | None = option(None, "The model whose tokens are counted.", family="base_models")
    overlap: int = option(0, "Sentences repeated from one chunk to the next.", ge=0)
    strict: bool = option(False, "Stop at the first bad line or file.")


class GenerateOptions(DocumentOptions):
    """Options of `dyag generate-training`."""

    method: str = option("augmented", "Generator plugin: rule, llm, augmented, ...", family="generators")
    count: int | None = option(None, "How many rows; by default all that can be made.", ge=1)
    split: Annotated[tuple[float, float, float] | None, BeforeValidator(_split)] = option(
        False, "Write train, val and test files too.", metavar="[A/B/C]", flag_value=DEFAULT_SPLIT
    )
    group_by: str | None = option(
        None, "Documents with one value of this field stay on one side of --split.", metavar="FIELD"
    )
    output: Path | None = option(None, "The file to write, NAME.jsonl.")
    options: PluginOptions | None = plugin_options("generator")
    system_prompt: str | None = option(None, "System turn of every row; empty for none. By default a short one.")
    min_yield: float = option(50.0, "Exit 3 if fewer per cent of the rows made are kept.", ge=0, le=100)
    strict: bool = option(False, "Stop at the first bad input line.")
    base_model: str | None = option(
        None, "Count lengths in tokens under this model's chat template: preset or folder.", family="base_models"
    )
    with_context: bool = option(False, "Put passages into the questions that are trained on (RAFT).")
    index: Folder | None = option(None, "Where they are searched; by default NAME.index, built if need be.")
    distractors: int | None = option(None, "Passages beside the right one; by default 2.", ge=0)


class ValidateOptions(StageOptions):
    """Options of `dyag validate`."""

    base_model: str | None = option(
        None, "Count lengths in tokens under this model's chat template: preset or folder.", family="base_models"
    )
    fix: Path | None = option(None, "Write what can be mended into this new file.", metavar="FIXED.jsonl")
    report: Path | None = option(None, "Write the figures and rows to read as a page.", metavar="FILE.html")


class ReviewOptions(StageOptions):
    """Options of `dyag review`."""

    documents: Path | None = option(None, "What the rows were made from; by default what their manifest names.")
    sample: int = option(50, "So many rows, by lot.", ge=1)
    verdicts: Path | None = option(None, "Where verdicts are kept; by default beside FILE.")
    page: Path | None = option(None, "Write a page to read in a browser, and ask nothing.", metavar="FILE.html")
    drop: Verdict | None = option(None, "Leave the rows so judged out of --output.")
    output: Path | None = option(None, "A new file with all rows but those dropped.")


class ExportOptions(StageOptions):
    """Options of `dyag export`."""

    format: str = option(
        ..., "Exporter plugin: openai, alpaca, sharegpt for data; merged, gguf, ... for models.", family="exporters"
    )
    output: Path = option(..., "The file to write; for a model, the folder.")
    options: PluginOptions | None = plugin_options("exporter")
