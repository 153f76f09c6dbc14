"""Stage generate, before it starts: what it would ask a model for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dyag_core.artifacts import jsonl_file
from dyag_core.documents import read_documents
from dyag_core.plugin.run import Run
from dyag_core.text.language import check_language, in_their_languages

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from dyag_core.plugin.host import Plugins
    from dyag_core.progress import Progress
    from dyag_core.records import GenerationEstimate


def estimate_generation(
    *,
    source: Path,
    output: Path,
    method: str,
    count: int | None,
    options: Mapping[str, Any] | None = None,
    seed: int = 42,
    lang: str | None = None,
    plugins: Plugins,
    progress: Progress,
) -> GenerationEstimate:
    """What `generate` with these arguments would ask a model for. Nothing is asked and nothing is written.

    Raises:
        UsageError: bad input or options, or the generator asks no model.
    """
    check_language(lang)
    chosen = plugins.choose("generators", method, options)
    read = read_documents(source, lambda _line: None, strict=False)
    lang, read = in_their_languages(read, lang)
    output = jsonl_file(output)
    run = Run(
        stage="generate", folder=output.parent, output=output, plugins=plugins, seed=seed, lang=lang, progress=progress
    )
    return plugins.estimate_generation(chosen, read, count, run)
