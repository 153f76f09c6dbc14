"""Stage generate, before it starts: what it would ask a model for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dyag_core.artifacts import jsonl_file
from dyag_core.dataset.covering import one_chunk_each
from dyag_core.documents import read_documents
from dyag_core.plugin.run import Run
from dyag_core.text.language import check_language, in_their_languages

if TYPE_CHECKING:
    from pathlib import Path

    from dyag_core.plugin.host import Plugins
    from dyag_core.progress import Progress
    from dyag_core.records import GenerationEstimate
    from dyag_core.records.options import GenerateOptions


def estimate_generation(
    given: GenerateOptions,
    *,
    source: Path,
    output: Path,
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
    chosen = plugins.choose("generators", given.method, given.options)
    read = read_documents(source, lambda _line: None, fields=given.names)
    lang, read = in_their_languages(read, lang)
    output = jsonl_file(output)
    run = Run(
        stage="generate", folder=output.parent, output=output, plugins=plugins, seed=seed, lang=lang, progress=progress
    )
    documents = read if given.count is None else one_chunk_each(read, given.count, seed)
    return plugins.estimate_generation(chosen, documents, given.count, run)
