"""Stage export: what DYAG made -> an exporter plugin -> files that another tool takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dyag_core.artifacts import manifest_path, output_lock, read_json, refuse_inputs, write_manifest
from dyag_core.errors import UsageError
from dyag_core.plugin.run import Run

if TYPE_CHECKING:
    from pathlib import Path

    from dyag_core.plugin.host import Plugins
    from dyag_core.progress import Progress
    from dyag_core.records import Exported
    from dyag_core.records.options import ExportOptions


def export(
    given: ExportOptions,
    *,
    source: Path,
    seed: int = 42,
    plugins: Plugins,
    progress: Progress,
) -> Exported:
    """Write `source` in the format of an exporter plugin, and a manifest beside it.

    Raises:
        UsageError: unknown format or option, or `source` isn't what this exporter takes.
    """
    chosen = plugins.choose("exporters", given.format, given.options)
    if not source.exists():
        raise UsageError(f"{source}: no such file or folder")
    output, manifest = given.output, manifest_path(given.output)
    refuse_inputs([output, manifest], [source])
    _refuse_foreign(manifest)
    with output_lock(output):
        run = Run(stage="export", folder=output.parent, plugins=plugins, seed=seed, progress=progress)
        with plugins.stage(run) as done:
            made = plugins.export(chosen, source, output, run)
            left_out = dict(run.rejected.most_common())
            made = made.model_copy(update={"format": chosen.name, "left_out": left_out, "manifest": manifest})
            write_manifest(
                manifest,
                stage="export",
                options={"format": chosen.name},
                seed=seed,
                inputs={"source": source},
                plugins=plugins.used(),
                files=[file.name for file in made.files],
                rows=made.rows,
                left_out=left_out,
                left_out_examples=run.rejected_examples,
            )
            done.result = made
    return made


def _refuse_foreign(manifest: Path) -> None:
    """An export replaces an export; the manifest of the training data itself stands under the same kind of name."""
    if not manifest.exists():
        return
    found = read_json(manifest)
    stage = found.get("stage") if isinstance(found, dict) else None
    if stage != "export":
        raise UsageError(
            f"{manifest} is the manifest of something else (stage {stage})", "choose another name for --output"
        )
