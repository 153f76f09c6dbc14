"""Exporters that each break one check; the good one breaks none."""

from __future__ import annotations

import itertools
import shutil

from dyag_core import (
    Exported,
    hookimpl,
)
from dyag_core.dataset.export import export_rows
from dyag_core.testing import (
    ExporterContract,
)

count = itertools.count()


class Exporter:
    """Question and answer."""

    dyag_api = 1

    def row(self, conversation, run):
        return {"q": conversation.messages[-2].content, "a": conversation.messages[-1].content}

    @hookimpl
    def dyag_export(self, source, output, run):
        return export_rows(source, output, run, lambda conversation: self.row(conversation, run))


class TestGoodExporter(ExporterContract):
    plugin = Exporter


class TestNoFile(ExporterContract):
    breaks, says = "test_it_writes_files_and_a_manifest", "which does not exist"

    class plugin(Exporter):
        @hookimpl
        def dyag_export(self, source, output, run):
            return Exported(files=(output,))


class TestPythonIsNoJSON(ExporterContract):
    breaks, raises = "test_its_files_can_be_read", "JSONDecodeError"

    class plugin(Exporter):
        @hookimpl
        def dyag_export(self, source, output, run):
            made = export_rows(source, output, run, lambda conversation: self.row(conversation, run))
            output.write_text(output.read_text(encoding="utf-8").replace('"', "'"), encoding="utf-8")
            return made


class TestLosesDialogues(ExporterContract):
    breaks, says = "test_it_loses_nothing_in_silence", "run.reject(reason)"

    class plugin(Exporter):
        def row(self, conversation, run):
            return super().row(conversation, run) if len(conversation.messages) < 4 else None


class TestNumbersItsRows(ExporterContract):
    breaks, says = "test_it_writes_the_same_twice_and_leaves_its_source_alone", "two exports of one source differ"

    class plugin(Exporter):
        def row(self, conversation, run):
            return {"n": next(count)}


class TestMovesItsSource(ExporterContract):
    breaks, says = "test_it_writes_the_same_twice_and_leaves_its_source_alone", "changed its source"

    class plugin(Exporter):
        @hookimpl
        def dyag_export(self, source, output, run):
            made = export_rows(source, output, run, lambda conversation: self.row(conversation, run))
            source.write_text(source.read_text(encoding="utf-8") + "\n", encoding="utf-8")
            return made


class TestTakesAnything(ExporterContract):
    breaks, says = "test_it_refuses_what_it_cannot_read", "which is nothing of the kind"

    class plugin(Exporter):
        @hookimpl
        def dyag_export(self, source, output, run):
            shutil.copy(source, output)
            return Exported(files=(output,))


class TestDamagesWhatWasThere(ExporterContract):
    breaks, says = "test_it_refuses_what_it_cannot_read", "damaged the older file"

    class plugin(Exporter):
        @hookimpl
        def dyag_export(self, source, output, run):
            output.write_text("half", encoding="utf-8")
            return export_rows(source, output, run, lambda conversation: self.row(conversation, run))
