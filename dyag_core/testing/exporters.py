"""What an exporter keeps to."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from dyag_core.artifacts import file_sha256, read_json
from dyag_core.errors import DyagError
from dyag_core.testing.contract import FamilyContract
from dyag_core.testing.samples import odd_training_rows, training_rows, write_documents

if TYPE_CHECKING:
    from dyag_core.plugin.host import Plugins
    from dyag_core.records import Exported

Export = Callable[..., Any]


class ExporterContract(FamilyContract):
    """A file that another tool reads, in which nothing was lost without a word.

    An exporter of something else than training data (the folder of a fine-tuned model, say) overrides the fixture
    `source` in its class, and `suffix` where it writes a folder.
    """

    family = "exporters"
    section: ClassVar[str] = "Exporters"
    #: of the file that is written
    suffix: ClassVar[str] = ".jsonl"

    @pytest.fixture
    def source(self, tmp_path: Path) -> Path:
        """What is exported: training rows of one turn and of several, ordinary and odd."""
        return write_documents(tmp_path / "rows.jsonl", [*training_rows(24), *odd_training_rows()])

    @pytest.fixture
    def export(self, dyag_host: Plugins, tmp_path: Path) -> Export:
        """`export(source, "NAME")` through a session, as `dyag export` does."""
        from dyag_core.session import Session

        plugin = dyag_host.objects[0]

        def made(source: Path, name: str = "exported") -> Exported:
            session = Session(tmp_path, plugins=[plugin])
            output = tmp_path / f"{name}{self.suffix}"
            return session.export(source, format=self.name(plugin), output=output, options=self.options)

        return made

    def test_it_writes_files_and_a_manifest(self, export: Export, source: Path) -> None:
        """The files it names are there, and the manifest says what made them."""
        made = export(source)
        self.wants(made.files, "Exported.files names no file")
        for file in made.files:
            self.wants(file.exists(), f"Exported.files names {file.name}, which does not exist")
            self.wants(file.is_dir() or file.stat().st_size, f"{file.name} is empty")
        manifest = read_json(made.manifest)
        self.wants(manifest["stage"] == "export" and manifest["plugins"], "the manifest does not name the plugin")

    def test_its_files_can_be_read(self, export: Export, source: Path) -> None:
        """Text in UTF-8, whole JSON values where the suffix says JSON."""
        for file in export(source).files:
            if file.suffix == ".json":
                json.loads(file.read_text(encoding="utf-8"))
            elif file.suffix == ".jsonl":
                for line in file.read_text(encoding="utf-8").rstrip("\n").split("\n"):
                    json.loads(line)

    def test_it_loses_nothing_in_silence(self, export: Export, source: Path) -> None:
        """Rows written and rows left out, with a reason each, are all rows."""
        made = export(source)
        if made.rows is None:
            return
        given = sum(1 for line in source.read_text(encoding="utf-8").split("\n") if line.strip())
        told = made.rows + sum(made.left_out.values())
        self.wants(
            told == given,
            f"{given} rows came in, {made.rows} were written and {sum(made.left_out.values())} left out: "
            "run.reject(reason) for each row that the format can't hold",
        )

    def test_it_writes_the_same_twice_and_leaves_its_source_alone(self, export: Export, source: Path) -> None:
        """The same source gives the same bytes."""
        before = file_sha256(source)
        once, again = export(source, "once"), export(source, "again")
        for one, other in zip(once.files, again.files, strict=True):
            if one.is_file():
                self.wants(one.read_bytes() == other.read_bytes(), f"two exports of one source differ: {one.name}")
        self.wants(file_sha256(source) == before, "the exporter changed its source")

    def test_it_refuses_what_it_cannot_read(self, export: Export, source: Path, tmp_path: Path) -> None:
        """Something else than its kind of source: a clear error, and the older file stays as it was."""
        kept = {file: file.read_bytes() for file in export(source).files if file.is_file()}
        for name, content in {
            "list.json": b"[1, 2]",
            "text.txt": b"Just a text.",
            "binary.jsonl": bytes(range(256)),
        }.items():
            foreign = tmp_path / name
            foreign.write_bytes(content)
            try:
                export(foreign)
            except DyagError:
                pass
            else:
                self.wants(False, f"it exported {name}, which is nothing of the kind: raise UsageError")
            self.wants(all(f.read_bytes() == was for f, was in kept.items()), f"refusing {name} damaged the older file")
