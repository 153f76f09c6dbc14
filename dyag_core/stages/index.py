"""Stage `index`: documents in, a searchable folder out.

NAME.index/
    chunks.jsonl    the passages, with title and fields: id, text, metadata
    retriever/      the retriever plugin's own files; a cache, rebuilt when missing or damaged
    times.json      how many seconds building took: the one file that differs from run to run
    index.json      the manifest, written last: without it the index does not exist
"""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING

from dyag_core.artifacts import (
    BadLine,
    atomic_text,
    file_sha256,
    manifest_of_rows,
    output_lock,
    read_json,
    relative_to,
    to_json,
    write_jsonl,
    write_manifest,
)
from dyag_core.documents import read_documents
from dyag_core.documents.notices import Notices
from dyag_core.errors import UsageError
from dyag_core.plugin.run import Run
from dyag_core.progress import SilentProgress
from dyag_core.records import Chunk
from dyag_core.records.index import Index
from dyag_core.records.options import IndexOptions
from dyag_core.retrieval.index import CHUNKS, MANIFEST, RETRIEVER, TIMES
from dyag_core.text.language import detect_language
from dyag_core.text.passage import passages_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dyag_core.plugin.host import Plugins
    from dyag_core.progress import Progress


def index(
    given: IndexOptions,
    *,
    source: Path,
    output: Path,
    plugins: Plugins,
    seed: int = 42,
    progress: Progress | None = None,
) -> Index:
    """Build an index of `source` (documents in any form that `generate` reads) in the folder `output`.

    Args:

    Raises:
        UsageError: no readable document, or `output` is a folder of something else.
    """
    progress = progress or SilentProgress()
    chosen = plugins.choose("retrievers", given.retriever, given.options)
    chosen.need_libraries()
    _refuse_foreign(output)
    with output_lock(output):
        run = Run(stage="index", folder=output, plugins=plugins, seed=seed, progress=progress)
        with plugins.stage(run) as done:
            started = time.perf_counter()
            chunks = _read_source(source, given.names, run)
            run.lang = detect_language(chunk.text for chunk in chunks)
            (output / MANIFEST).unlink(missing_ok=True)
            shutil.rmtree(output / RETRIEVER, ignore_errors=True)
            write_jsonl(output / CHUNKS, (chunk.model_dump(mode="json") for chunk in chunks))
            plugins.retriever(chosen, chunks, output / RETRIEVER, run)
            digest = file_sha256(output / CHUNKS)
            atomic_text(output / TIMES, to_json({"seconds": round(time.perf_counter() - started, 3)}) + "\n")
            write_manifest(
                output / MANIFEST,
                stage="index",
                options={
                    "retriever": chosen.name,
                    "retriever_options": chosen.options.model_dump(mode="json"),
                    "fields": given.names,
                },
                seed=seed,
                inputs={"documents": source},
                plugins=plugins.used(),
                chunks={"count": len(chunks), "sha256": digest},
                lang=run.lang,
            )
            done.result = Index(folder=output, chunks=len(chunks), sha256=digest, retriever=chosen.name, lang=run.lang)
    result: Index = done.result
    return result


def index_of(
    source: Path,
    folder: Path,
    *,
    fields: Mapping[str, str] | None = None,
    plugins: Plugins,
    seed: int,
    progress: Progress | None = None,
) -> Path:
    """`folder` if an index of the documents `source` stands there, else one built there.

    Raises:
        UsageError: the index is one of other documents.
    """
    if not (folder / MANIFEST).is_file():
        if progress is not None:
            progress.message(f"no index at {folder}: building it from {source}")
        given = IndexOptions(fields=fields)
        return index(given, source=source, output=folder, plugins=plugins, seed=seed, progress=progress).folder
    told = (read_json(folder / MANIFEST).get("inputs") or {}).get("documents") or {}
    if told.get("sha256") != file_sha256(source):
        raise UsageError(
            f"{folder} is no index of {source} as it is now",
            f"name another --index, or build it again: dyag index-rag {source} --output {folder}",
        )
    return folder


def index_for_questions(
    questions: Path, folder: Path, *, plugins: Plugins, seed: int = 42, progress: Progress | None = None
) -> Path:
    """`folder` if an index stands there, else an index built there from the documents that the questions came from.

    `generate-training` names its documents in NAME.manifest.json beside NAME_test.jsonl.

    Raises:
        UsageError: there is no index and the documents aren't known, are gone, or have changed since.
    """
    if (folder / MANIFEST).is_file():
        return folder
    command = f"dyag index-rag DOCUMENTS --output {folder}"
    manifest = manifest_of_rows(questions)
    if manifest is None:
        raise UsageError(f"{folder}: no index here", f"build it: {command}")
    made = read_json(manifest)
    documents = (made.get("inputs") or {}).get("documents")
    fields = (made.get("options") or {}).get("fields")
    if not isinstance(documents, dict) or not {"path", "sha256"} <= documents.keys():
        raise UsageError(f"{folder}: no index here, and {manifest.name} names no documents", f"build it: {command}")
    source = manifest.parent / documents["path"]
    if not source.exists():
        raise UsageError(f"{folder}: no index here, and the documents {source} are gone", f"build it: {command}")
    if file_sha256(source) != documents["sha256"]:
        raise UsageError(
            f"{folder}: no index here, and {source} has changed since the questions were made from it",
            f"if that is right, build it: dyag index-rag {source} --output {folder}",
        )
    if progress is not None:
        progress.message(f"no index at {folder}: building it from {relative_to(source, Path.cwd())}")
    given = IndexOptions(fields=fields)
    return index(given, source=source, output=folder, plugins=plugins, seed=seed, progress=progress).folder


def _read_source(source: Path, fields: Mapping[str, str] | None, run: Run) -> list[Chunk]:
    with run.progress.task(f"reading {source.name}") as task:
        chunks, bad = list[Chunk](), list[BadLine]()
        for document in read_documents(source, bad.append, fields=fields, on_notice=Notices(run.progress).add):
            chunks += passages_of(document)
            task.advance(len(document.chunks))
    if bad:
        run.warn(f"{source}: {len(bad)} lines could not be used; line {bad[0].line}: {bad[0].reason}")
    if not chunks:
        raise UsageError(f"{source}: no passages in it")
    return chunks


def _refuse_foreign(output: Path) -> None:
    """An index replaces an index, or what is left of one; never a folder that holds something else."""
    if output.is_file():
        raise UsageError(f"{output} is a file", "choose another --output")
    if not output.is_dir() or (output / MANIFEST).is_file():
        return
    foreign = {path.name for path in output.iterdir()} - {CHUNKS, RETRIEVER, TIMES}
    if foreign:
        raise UsageError(f"{output} holds other files ({sorted(foreign)[0]})", "choose another --output")
