"""Stage `index`: documents in, a searchable folder out.

NAME.index/
    chunks.jsonl    the passages, with title and fields: id, text, metadata
    chunks.npy      where each of them begins, its digest, and the order of their ids
    retriever/      the retriever plugin's own files; a cache, rebuilt when missing or damaged
    times.json      how many seconds building took: the one file that differs from run to run
    index.json      the manifest, written last: without it the index does not exist

All but the manifest is made in `.next` inside the folder and moves to its place when it is whole, so an index that
stands there can be searched meanwhile, and stays if the new one can't be made.
"""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dyag_core.artifacts import (
    BadLine,
    atomic_text,
    disk_errors,
    file_sha256,
    manifest_of_rows,
    output_lock,
    read_json,
    relative_to,
    to_json,
    write_manifest,
)
from dyag_core.documents import read_documents
from dyag_core.documents.notices import Notices
from dyag_core.errors import UsageError
from dyag_core.plugin.run import Run
from dyag_core.progress import SilentProgress
from dyag_core.records.index import Index
from dyag_core.records.options import IndexOptions
from dyag_core.retrieval.chunk_file import open_chunks, write_chunks
from dyag_core.retrieval.index import CHUNKS, MANIFEST, RETRIEVER, TABLE, TIMES
from dyag_core.text.language import detect_language
from dyag_core.text.passage import passages_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dyag_core.plugin.entry import Chosen
    from dyag_core.plugin.host import Plugins
    from dyag_core.progress import Progress
    from dyag_core.records import Chunk
    from dyag_core.retrieval.chunk_file import ChunkFile

_NEXT = ".next"
_PARTS = (CHUNKS, TABLE, RETRIEVER, TIMES)


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
            made = _replace(output, source, given, chosen, run)
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
                chunks=made.told,
                lang=run.lang,
            )
            done.result = Index(
                folder=output,
                chunks=made.told["count"],
                sha256=made.told["sha256"],
                retriever=chosen.name,
                lang=run.lang,
                added=made.added,
                gone=made.gone,
            )
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


@dataclass(frozen=True)
class _Made:
    """What the manifest tells of the chunks; how many of them are new, and how many of the old index's are gone."""

    told: dict[str, Any]
    added: int | None = None
    gone: int | None = None


def _replace(output: Path, source: Path, given: IndexOptions, chosen: Chosen, run: Run) -> _Made:
    """Make the new index's files and put them where the old one's were."""
    new = output / _NEXT
    with disk_errors(output):
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(parents=True)
        try:
            before = _before(output, chosen, run) if given.update else None
            if before is not None:
                shutil.copytree(output / RETRIEVER, new / RETRIEVER)
            made = _build(new, source, given, chosen, run, before)
            (output / MANIFEST).unlink(missing_ok=True)
            shutil.rmtree(output / RETRIEVER, ignore_errors=True)
            for part in _PARTS:
                (new / part).replace(output / part)
        finally:
            shutil.rmtree(new, ignore_errors=True)
    return made


def _before(output: Path, chosen: Chosen, run: Run) -> ChunkFile | None:
    """The chunks of the index that stands in `output`; None, and said why, where it can't be gone on from."""
    try:
        manifest = read_json(output / MANIFEST)
        if manifest["options"]["retriever"] != chosen.name:
            raise UsageError(f"the index there is one of {manifest['options']['retriever']}")
        if not chosen.updates:
            raise UsageError(f"{chosen} doesn't update what it has made")
        return open_chunks(output / CHUNKS, output / TABLE, manifest["chunks"], "")
    except (UsageError, KeyError, TypeError) as error:
        run.progress.message(f"{output} is built from nothing: {error}")
        return None


def _build(
    folder: Path, source: Path, given: IndexOptions, chosen: Chosen, run: Run, before: ChunkFile | None
) -> _Made:
    """All of an index but its manifest."""
    started = time.perf_counter()
    told = write_chunks(folder / CHUNKS, folder / TABLE, _passages(source, given.names, run))
    chunks = open_chunks(folder / CHUNKS, folder / TABLE, told, "run the same command again")
    run.lang = detect_language(chunk.text for chunk in chunks)
    run.plugins.retriever(chosen, chunks, folder / RETRIEVER, run)
    (folder / RETRIEVER).mkdir(exist_ok=True)  # a retriever need not keep anything
    atomic_text(folder / TIMES, to_json({"seconds": round(time.perf_counter() - started, 3)}) + "\n")
    if before is None:
        return _Made(told)
    return _Made(told, added=chunks.not_in(before), gone=before.not_in(chunks))


def _passages(source: Path, fields: Mapping[str, str] | None, run: Run) -> Iterator[Chunk]:
    """The passages of `source`, as they are read. UsageError: there is none."""
    bad = list[BadLine]()
    found = False
    with run.progress.task(f"reading {source.name}") as task:
        for document in read_documents(source, bad.append, fields=fields, on_notice=Notices(run.progress).add):
            for passage in passages_of(document):
                found = True
                yield passage
            task.advance(len(document.chunks))
    if bad:
        run.warn(f"{source}: {len(bad)} lines could not be used; line {bad[0].line}: {bad[0].reason}")
    if not found:
        raise UsageError(f"{source}: no passages in it")


def _refuse_foreign(output: Path) -> None:
    """An index replaces an index, or what is left of one; never a folder that holds something else."""
    if output.is_file():
        raise UsageError(f"{output} is a file", "choose another --output")
    if not output.is_dir() or (output / MANIFEST).is_file():
        return
    foreign = {path.name for path in output.iterdir()} - {*_PARTS, _NEXT}
    if foreign:
        raise UsageError(f"{output} holds other files ({sorted(foreign)[0]})", "choose another --output")
