"""Options of the stage that serves."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator

from dyag_core.records.generation import Decoding
from dyag_core.records.options.answering import names
from dyag_core.records.options.declare import (
    Folder,
    PluginOptions,
    StageOptions,
    chat_template,
    option,
    plugin_options,
)


class ServeOptions(StageOptions):
    """Options of `dyag serve`."""

    model: Folder | None = option(None, "The fine-tuned model, for finetuned and hybrid.")
    base_model: str | None = option(
        None, "Preset, ORG/NAME or folder; by default the fine-tuned model's own base.", family="base_models"
    )
    chat_template: str | None = chat_template()
    index: Folder | None = option(None, "The index, for rag and hybrid.")
    arms: Annotated[Sequence[str] | None, BeforeValidator(names)] = option(
        None, "Which arms to serve, with commas between; by default all that model and index allow.", metavar="ARM,..."
    )
    k: int | None = option(
        None, "Passages to retrieve; by default as many as the report was measured with, else 3.", flags=("-k",), ge=1
    )
    engine: str = option("transformers", "Engine plugin.", family="engines")
    engine_options: PluginOptions | None = plugin_options("engine")
    decoding: Decoding | None = option(None, "How answers are decoded where a request doesn't say.")
    host: str = option("127.0.0.1", "Address to listen on; any but this machine's own asks for a token.")
    port: int = option(8765, "Port to listen on; 0 takes a free one.", ge=0, le=65535)
    token_file: Path | None = option(
        None, "File with the token that clients must send; without it DYAG_SERVE_TOKEN, if set."
    )
    allow_host: Annotated[Sequence[str] | None, BeforeValidator(names)] = option(
        None, "Names that this server is known by (the Host header), with commas between.", metavar="NAME,..."
    )
    report: Path | None = option(None, "The comparison that the page shows, PREFIX.json of dyag compare-models.")
    votes: Path | None = option(None, "File (SQLite) for blind votes; without it the page asks for none.")
    queue: int = option(64, "Requests that may wait for their turn; the next gets 429.", ge=0)
    timeout: float = option(120.0, "Seconds that a request may take, waiting included.", gt=0)
    watch: bool = option(False, "Index the documents anew when they change.")
    keep: Path | None = option(None, "Add every question and answer to this file, a line of JSON each.")
    log_content: bool = option(False, "Write questions and answers into the log, too.")
