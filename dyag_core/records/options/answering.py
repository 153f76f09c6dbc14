"""Options of the stages that search and ask: index, query, evaluate."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from dyag_core.records.generation import Decoding
from dyag_core.records.options.declare import (
    DocumentOptions,
    Folder,
    OptionsByPlugin,
    PluginOptions,
    StageOptions,
    chat_template,
    metric_options,
    option,
    plugin_options,
)


def names(value: Any) -> Any:
    """What an option takes: `base,rag` as ("base", "rag")."""
    return tuple(name.strip() for name in value.split(",") if name.strip()) if isinstance(value, str) else value


class IndexOptions(DocumentOptions):
    """Options of `dyag index-rag`."""

    output: Path | None = option(None, "The index's folder, NAME.index.")
    retriever: str = option("bm25", "Retriever plugin.", family="retrievers")
    options: PluginOptions | None = plugin_options("retriever")
    update: bool = option(False, "Go on from the index that stands there: only what has changed is indexed.")


class QueryOptions(StageOptions):
    """Options of `dyag query-finetuned` and `dyag query-rag`."""

    model: Folder | None = option(None, "The fine-tuned model: OUTPUT/final.")
    base_model: str | None = option(
        None, "Preset, ORG/NAME or folder; by default the fine-tuned model's own base.", family="base_models"
    )
    chat_template: str | None = chat_template()
    index: Folder | None = option(None, "Give the model what a search in this index finds.")
    k: int = option(3, "Passages to retrieve.", flags=("-k",), ge=1)
    engine: str = option("transformers", "Engine plugin.", family="engines")
    engine_options: PluginOptions | None = plugin_options("engine")
    decoding: Decoding | None = option(None, "How answers are decoded; greedily by default.")


class EvaluateOptions(StageOptions):
    """Options of `dyag evaluate`, `dyag evaluate-finetuned` and `dyag evaluate-rag`."""

    arms: Annotated[Sequence[str], BeforeValidator(names)] = option(
        ("base", "rag", "finetuned", "hybrid"),
        "Which arms, with commas between; oracle, the ceiling of retrieval, may be added.",
    )
    model: Folder | None = option(None, "The fine-tuned model, for finetuned and hybrid.")
    base_model: str | None = option(
        None, "Preset, ORG/NAME or folder; by default the fine-tuned model's own base.", family="base_models"
    )
    chat_template: str | None = chat_template()
    index: Folder | None = option(None, "The index, for rag, hybrid and oracle; built where it isn't there yet.")
    output: Path | None = option(None, "Prefix of the results files: PREFIX_ARM.json.")
    k: Annotated[int, Field(ge=1)] | Literal["auto"] = option(
        3, "Passages to retrieve; auto chooses how many.", flags=("-k",), metavar="N|auto"
    )
    few_shot: Annotated[int, Field(ge=0)] | Literal["auto"] = option(
        "auto",
        "Answered validation questions before each question of the base model's arms; auto: a few for a model that "
        "was never taught a chat, none for others.",
        metavar="N|auto",
    )
    validation: Path | None = option(
        None,
        "The questions that -k auto chooses on and --few-shot shows; by default NAME_val.jsonl beside NAME_test.jsonl.",
    )
    metrics: Sequence[str] | None = option(
        None,
        "Metric plugin, may be repeated; by default those that say so of themselves, some only with passages "
        "(see: dyag plugins show metrics NAME). Some are always scored.",
        flags=("--metric",),
        family="metrics",
    )
    metric_options: OptionsByPlugin | None = metric_options()
    engine: str = option("transformers", "Engine plugin.", family="engines")
    engine_options: PluginOptions | None = plugin_options("engine")
    limit: int | None = option(None, "Ask only N questions, spread over the file.", ge=1)
    repeat: int = option(
        1, "Ask everything N times; the comparison then shows how far each arm differs from itself.", ge=1
    )
    decoding: Decoding | None = option(None, "How answers are decoded; greedily by default.")
