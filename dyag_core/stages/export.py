"""Stage export: what DYAG made -> an exporter plugin -> files that another tool takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dyag_core.artifacts import manifest_path, output_lock, read_json, refuse_inputs, relative_to, write_manifest
from dyag_core.errors import GateError, UsageError
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
        UsageError: unknown format or option, `source` isn't what this exporter takes, or something else stands where
            the files should go. GateError: they were written, and are not as good as they have to be.
    """
    chosen = plugins.choose("exporters", given.format, given.options)
    chosen.need_libraries()
    if not source.exists():
        raise UsageError(f"{source}: no such file or folder")
    output, manifest = given.output, manifest_path(given.output)
    refuse_inputs([output, manifest], [source])
    _refuse_foreign(output, manifest, source)
    with output_lock(output):
        run = Run(stage="export", folder=output.parent, output=output, plugins=plugins, seed=seed, progress=progress)
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
                files=[relative_to(file, manifest.parent) for file in made.files],
                rows=made.rows,
                left_out=left_out,
                left_out_examples=run.rejected_examples,
                **({"details": made.details} if made.details else {}),
            )
            if made.gate:
                for line in made.summary_lines():
                    progress.message(line)
                raise GateError(made.gate, made.next or None)
            done.result = made
    return made


def _refuse_foreign(output: Path, manifest: Path, source: Path) -> None:
    """An export replaces an export; the manifest of the training data itself stands under the same kind of name."""
    if output.is_dir() and any(output.iterdir()) and not manifest.exists():
        raise UsageError(f"{output} is a folder with something else in it", "choose another name for --output")
    if output.resolve() in source.resolve().parents:
        raise UsageError(f"{output} holds what is exported, {source}", "choose another place for --output")
    if not manifest.exists():
        return
    found = read_json(manifest)
    stage = found.get("stage") if isinstance(found, dict) else None
    if stage != "export":
        raise UsageError(
            f"{manifest} is the manifest of something else (stage {stage})", "choose another name for --output"
        )
