"""What `ingest` made."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from dyag_core.records.base import Record

#: Kinds of files that hold many documents each; in a folder of texts they are not looked for.
_ON_THEIR_OWN = (".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".parquet")
#: Texts in a markup that others turn into one that is read.
_MARKUP = (".rst", ".adoc", ".asciidoc", ".org", ".textile", ".rtf", ".odt", ".tex", ".epub", ".mediawiki", ".doc")


class IngestedDocuments(Record):
    """One file of chunks. `sizes` holds the median, the 95th percentile and the largest, in `unit`.

    `left_out` counts the files of folders whose kind isn't read, by suffix; `bad_lines` what should have been readable
    and wasn't.
    """

    output: Path
    manifest: Path
    rejects: Path | None = None
    documents: int
    chunks: int
    recut: int = 0
    unit: str
    chunk_size: int
    sizes: dict[str, int] = Field(default_factory=dict)
    bad_lines: int = 0
    left_out: dict[str, int] = Field(default_factory=dict)

    def summary_lines(self) -> list[str]:
        """What was made, in words."""
        sizes = ", ".join(f"{name} {size}" for name, size in self.sizes.items())
        lines = [f"{self.documents} documents, {self.chunks} chunks; {self.unit} a chunk: {sizes}"]
        if self.recut:
            lines.append(
                f"{self.recut} chunks of the input were longer than {self.chunk_size} {self.unit} and were cut"
            )
        if self.left_out:
            kinds = ", ".join(f"{count} {suffix}" for suffix, count in self.left_out.items())
            tables = any(suffix in _ON_THEIR_OWN for suffix in self.left_out)
            markup = any(suffix in _MARKUP for suffix in self.left_out)
            lines.append(
                f"files of a kind that isn't read: {kinds}"
                + ("; of a folder only texts are: name a table or JSON file itself" if tables else "")
                + ("; convert them first, to Markdown say (pandoc)" if markup else "")
            )
        if self.bad_lines and self.rejects:
            lines.append(f"{self.bad_lines} bad lines or files, each with its reason in {self.rejects}")
        return lines
