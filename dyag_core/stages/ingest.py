"""Stage ingest: whatever people have -> one file of chunks, documents.jsonl."""

from __future__ import annotations

from array import array
from collections import Counter
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dyag_core.artifacts import (
    BadLine,
    Rejects,
    atomic_write,
    jsonl_file,
    manifest_path,
    output_lock,
    readable_name,
    refuse_inputs,
    rejects_path,
    remove_leftovers,
    to_json,
    write_manifest,
)
from dyag_core.documents import TITLE_FIELDS, read_documents
from dyag_core.documents.notices import Notices
from dyag_core.documents.texts import cut_chunks, texts_in
from dyag_core.errors import UsageError
from dyag_core.models.sources import fetch_tokenizer
from dyag_core.plugin.run import Run
from dyag_core.records import IngestedDocuments
from dyag_core.text.chunking import Chunking
from dyag_core.text.digests import DigestTable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from dyag_core.plugin.host import Plugins
    from dyag_core.progress import Progress
    from dyag_core.records import Chunk, Document
    from dyag_core.records.options import IngestOptions

    #: `read_documents` with what is the same for all sources.
    Read = Callable[..., Iterator[Document]]

#: The size of a chunk where none is asked for.
DEFAULT_SIZE = {"characters": 2000, "tokens": 400}


def ingest(
    given: IngestOptions,
    *,
    sources: Sequence[Path],
    output: Path,
    plugins: Plugins,
    progress: Progress,
) -> IngestedDocuments:
    """Read `sources`, cut what is longer than a chunk may be, and write `output`: one chunk a line.

    Args:
        sources: files and folders, see `dyag_core.documents`. With several, the documents of a folder are named after
            it too, so that two READMEs stay two.

    Raises:
        UsageError: bad input or options, or nothing usable in one of `sources`.
    """
    size = given.chunk_size or DEFAULT_SIZE[given.chunk_unit]
    output = jsonl_file(output)
    refuse_inputs([output, rejects_path(output), manifest_path(output)], sources)
    chunking = Chunking(size, _measure(given, plugins, progress), given.overlap)
    with output_lock(output), Rejects(output) as rejects:
        remove_leftovers(output, rejects.path)
        run = Run(stage="ingest", folder=output.parent, plugins=plugins, progress=progress)
        read = partial(read_documents, strict=given.strict, fields=given.names, on_notice=Notices(progress).add)
        work = _Work(sources, chunking, rejects, read)
        with plugins.stage(run) as done:
            with atomic_write(output) as handle, progress.task("reading") as task:
                for row in work.rows():
                    handle.write(to_json(row) + "\n")
                    task.advance(1, documents=work.documents)
            made = IngestedDocuments(
                output=output,
                manifest=manifest_path(output),
                rejects=rejects.path if rejects.count else None,
                documents=work.documents,
                chunks=len(work.sizes),
                recut=work.recut,
                unit=given.chunk_unit,
                chunk_size=size,
                sizes=_percentiles(work.sizes),
                bad_lines=rejects.count,
                left_out=dict(sorted(work.left_out.items())),
            )
            write_manifest(
                made.manifest,
                stage="ingest",
                options=given.model_dump(include={"chunk_unit", "overlap", "base_model", "strict"})
                | {"chunk_size": size, "fields": given.names},
                seed=run.seed,
                inputs=_roles(sources),
                plugins=plugins.used(),
                **made.model_dump(exclude={"output", "manifest", "rejects", "unit", "chunk_size"}),
                output=output.name,
                rejects=rejects.path.name if rejects.count else None,
            )  # fmt: skip
            done.result = made
    return made


def _measure(given: IngestOptions, plugins: Plugins, progress: Progress) -> Callable[[str], int]:
    if given.chunk_unit == "characters":
        if given.base_model is not None:
            raise UsageError("a base model counts tokens, not characters", "add --chunk-unit tokens")
        return len
    if given.base_model is None:
        raise UsageError("tokens of which model?", "add --base-model smollm2:135m, or another")
    tokenizer = fetch_tokenizer(plugins.base_model(given.base_model), progress)
    return lambda text: len(tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"])


class _Work:
    """The rows of all sources, and what was counted on the way."""

    def __init__(self, sources: Sequence[Path], chunking: Chunking, rejects: Rejects, read: Read) -> None:
        self.documents = 0
        self.recut = 0
        self.sizes = array("L")
        self.left_out: Counter[str] = Counter()
        self._sources, self._chunking, self._rejects, self._read = sources, chunking, rejects, read
        self._seen = DigestTable()

    def rows(self) -> Iterator[dict[str, Any]]:
        """One a chunk, in the order of the sources."""
        for number, source in enumerate(self._sources, 1):
            prefix = ""
            if source.is_dir():
                self.left_out += texts_in(source)[1]
                prefix = f"{readable_name(source.resolve().name)}/" if len(self._sources) > 1 else ""
            before = None
            for document in self._read(source, self._reject(source), chunking=self._chunking):
                self.documents += document.id != before
                before = document.id
                for chunk in self._cut(document):
                    row = _row(chunk, document, prefix)
                    if self._is_new(row, source, number):
                        self.sizes.append(self._chunking.measure(chunk.text))
                        yield row

    def _cut(self, document: Document) -> Iterator[Chunk]:
        for chunk in document.chunks:
            if self._chunking.measure(chunk.text) <= self._chunking.size:
                yield chunk
                continue
            fields = {k: v for k, v in chunk.metadata.items() if k not in ("document", "title")}
            self.recut += 1
            yield from cut_chunks(chunk.id, chunk.text, document.id, document.title, fields, self._chunking)

    def _is_new(self, row: dict[str, Any], source: Path, number: int) -> bool:
        first = self._seen.setdefault(row["id"], number)
        if first == number:  # within one source the reader has seen to it
            return True
        reason = f"the id {row['id'][:80]!r} stands already in {readable_name(self._sources[first - 1].name)}"
        self._reject(source)(BadLine(1, reason, row["content"][:200]))
        return False

    def _reject(self, source: Path) -> Callable[[BadLine], None]:
        return lambda line: self._rejects.add(readable_name(source.name), line)


def _row(chunk: Chunk, document: Document, prefix: str) -> dict[str, Any]:
    """A chunk as documents.jsonl has it; a title is added where the fields of the chunk don't say the same."""
    fields = {name: value for name, value in chunk.metadata.items() if name not in ("id", "document")}
    named = next((fields[name] for name in TITLE_FIELDS if name != "title" and fields.get(name)), None)
    if named == fields["title"]:
        del fields["title"]
    metadata = {"id": prefix + document.id, **fields}
    return {"id": prefix + chunk.id, "content": chunk.text, "metadata": metadata}


def _percentiles(sizes: array[int]) -> dict[str, int]:
    ordered = sorted(sizes)
    return {
        "median": ordered[(len(ordered) - 1) // 2],
        "p95": ordered[(len(ordered) - 1) * 95 // 100],
        "largest": ordered[-1],
    }


def _roles(sources: Sequence[Path]) -> dict[str, Path]:
    if len(sources) == 1:
        return {"documents": sources[0]}
    return {f"documents {number}": source for number, source in enumerate(sources, 1)}
