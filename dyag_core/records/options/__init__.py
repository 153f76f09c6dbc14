"""The options of each stage, declared once: `Session`, the commands, `dyag.toml`, `DYAG_*` and the reference read them.

A new option is one line in a model here and the keyword in the method of `Session`, which an editor completes; a test
holds the two against each other. What a stage reads (documents, questions, ...) is an argument, no option.
"""

from dyag_core.records.options.answering import EvaluateOptions, IndexOptions, QueryOptions
from dyag_core.records.options.comparing import CompareOptions
from dyag_core.records.options.dataset import (
    ExportOptions,
    GenerateOptions,
    IngestOptions,
    ReviewOptions,
    ValidateOptions,
)
from dyag_core.records.options.declare import StageOptions
from dyag_core.records.options.serving import ServeOptions
from dyag_core.records.options.training import FinetuneOptions

#: The method of `Session` -> its options. A method that only looks ahead takes some of those of the stage itself.
OF_METHOD: dict[str, type[StageOptions]] = {
    "ingest": IngestOptions,
    "generate": GenerateOptions,
    "estimate_generation": GenerateOptions,
    "explain": GenerateOptions,
    "validate": ValidateOptions,
    "review": ReviewOptions,
    "export": ExportOptions,
    "finetune": FinetuneOptions,
    "estimate": FinetuneOptions,
    "index": IndexOptions,
    "query": QueryOptions,
    "conversation": QueryOptions,
    "evaluate": EvaluateOptions,
    "compare": CompareOptions,
    "serve": ServeOptions,
}

__all__ = [
    "OF_METHOD",
    "CompareOptions",
    "EvaluateOptions",
    "ExportOptions",
    "FinetuneOptions",
    "GenerateOptions",
    "IndexOptions",
    "IngestOptions",
    "QueryOptions",
    "ReviewOptions",
    "ServeOptions",
    "StageOptions",
    "ValidateOptions",
]
