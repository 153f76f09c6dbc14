"""Stage generate: documents -> a generator plugin -> screened, split, written training data."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dyag_core.artifacts import (
    Rejects,
    jsonl_file,
    manifest_path,
    output_lock,
    refuse_inputs,
    rejects_path,
    relative_to,
    remove_leftovers,
    write_manifest,
)
from dyag_core.chat.prompts import SYSTEM
from dyag_core.dataset.groups import Groups
from dyag_core.dataset.passages import DISTRACTORS, Passages
from dyag_core.dataset.quality import Measure, Ruler
from dyag_core.dataset.quality.report import check_lengths, report_path, write_report
from dyag_core.dataset.rows import PARTS, Rows, part_file
from dyag_core.dataset.splits import Splitter
from dyag_core.documents import read_documents
from dyag_core.errors import GateError, UsageError
from dyag_core.plugin.run import Run
from dyag_core.records import GeneratedData
from dyag_core.retrieval.index import open_index
from dyag_core.stages.index import index_of
from dyag_core.text.language import check_language, in_their_languages

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dyag_core.plugin.entry import Chosen
    from dyag_core.plugin.host import Plugins
    from dyag_core.progress import Progress
    from dyag_core.records import Quality

__all__ = ["GeneratedData", "generate"]


def generate(
    *,
    source: Path,
    output: Path,
    method: str,
    count: int | None,
    split: tuple[float, float, float] | None,
    group_by: str | None = None,
    options: Mapping[str, Any] | None = None,
    seed: int = 42,
    lang: str | None = None,
    system_prompt: str | None = None,
    min_yield: float = 50.0,
    strict: bool = False,
    base_model: str | None = None,
    with_context: bool = False,
    index: Path | None = None,
    distractors: int | None = None,
    plugins: Plugins,
    progress: Progress,
) -> GeneratedData:
    """Make training data from `source` and write it to `output` (and its train, val and test files).

    Args:
        source: documents, see `dyag_core.documents`.
        count: rows wanted; None takes all that can be made.
        split: shares of train, validation and test; None writes `output` alone.
        group_by: a metadata field; documents that share its value are all trained on, or all held out.
        lang: None follows the documents.
        system_prompt: None is the default of the language, "" leaves it out.
        min_yield: percentage of the requested rows below which the stage fails, after its files were written.
        strict: stop at the first bad input line.
        base_model: measure lengths in tokens under this model's chat template; None counts words.
        with_context: put passages into the questions of training and validation, see `dyag_core.dataset.passages`.
        index: where they are searched; by default NAME.index, built where it isn't there yet.
        distractors: passages beside the right one.

    Raises:
        UsageError: bad input or options. GateError: nothing was made, less than `min_yield`, or too long for training.
    """
    check_language(lang)
    _check_arguments(split, group_by, min_yield, with_context, index, distractors)
    output = jsonl_file(output)
    chosen = plugins.choose("generators", method, options)
    parts = [part_file(output, part) for part in PARTS]
    beside = [rejects_path(output), manifest_path(output), report_path(output), *(parts if split else [])]
    refuse_inputs([output, *beside], [source, *_option_files(chosen.options).values()])
    measure = Measure(Ruler.of(base_model, plugins, progress), seed)
    with output_lock(output), Rejects(output) as rejects:
        remove_leftovers(output, rejects.path, manifest_path(output), report_path(output), *parts)
        read = read_documents(source, partial(rejects.add, source.name), strict=strict)
        lang, read = in_their_languages(read, lang)
        run = Run(
            stage="generate", folder=output.parent, output=output, plugins=plugins,
            seed=seed, lang=lang, progress=progress,
        )  # fmt: skip
        system = SYSTEM[lang] if system_prompt is None else system_prompt
        groups = Groups(group_by)
        splitter = Splitter(split, seed, count, groups.of) if split else None
        where = index or output.with_suffix(".index")
        passages = _passages(source, where, distractors, plugins, run, splitter) if with_context else None
        rows = Rows(run, output, chosen.name, system, count, splitter, measure, passages)
        with plugins.stage(run) as done:
            rows.make(chosen, plugins, read, groups)
            data = rows.result(rejects, _report(rows, plugins))
            decided = {
                "method": chosen.name, "count": count, "split": split, "group_by": group_by, "lang": lang,
                "system_prompt": system, "min_yield": min_yield, "strict": strict, "base_model": measure.ruler.name,
                "with_context": with_context, "distractors": passages.distractors if passages else None,
            }  # fmt: skip
            _write_manifest(data, source, decided, chosen, plugins, run)
            done.result = data
    _check_outcome(data, min_yield, run)
    return data


def _check_arguments(
    split: tuple[float, float, float] | None,
    group_by: str | None,
    min_yield: float,
    with_context: bool,
    index: Path | None,
    distractors: int | None,
) -> None:
    if not 0 <= min_yield <= 100:
        raise UsageError(f"--min-yield {min_yield:g} is no percentage", "give a number from 0 to 100")
    if group_by and not split:
        raise UsageError(f"--group-by {group_by} says how to split, and --split is missing", "add --split")
    if not with_context and (index is not None or distractors is not None):
        raise UsageError("--index and --distractors say which passages to train with", "add --with-context")


def _passages(
    source: Path, index: Path, distractors: int | None, plugins: Plugins, run: Run, splitter: Splitter | None
) -> Passages:
    """What puts passages into questions, from an index that is built where it isn't there yet."""
    folder = index_of(source, index, plugins=plugins, seed=run.seed, progress=run.progress)
    found = open_index(folder, plugins=plugins, run=run)
    return Passages(found, DISTRACTORS if distractors is None else distractors, run, splitter)


def _write_manifest(
    data: GeneratedData, source: Path, decided: dict[str, Any], chosen: Chosen, plugins: Plugins, run: Run
) -> None:
    write_manifest(
        data.manifest,
        stage="generate",
        options=decided,
        seed=run.seed,
        inputs={"documents": source, **_option_files(chosen.options)},
        plugins=_portable(plugins.used(), chosen.options, data.output.parent),
        **_findings(data, run),
    )


def _report(rows: Rows, plugins: Plugins) -> Quality:
    """The quality of what was written, rendered beside it."""
    run = rows.run
    quality = rows.measure.result(
        rows.output.name, method=rows.method, rejected=run.rejected, rejected_examples=run.rejected_examples
    )
    write_report(quality, report_path(rows.output), plugins, run.lang)
    return quality


def _option_files(options: Any) -> dict[str, Path]:
    """Files that a plugin's options name: they are inputs, and hashed as such."""
    values = {name: getattr(options, name) for name in type(options).model_fields}
    return {f"option {name}": value for name, value in values.items() if isinstance(value, Path) and value.exists()}


def _portable(used: list[dict[str, Any]], options: Any, folder: Path) -> list[dict[str, Any]]:
    """Manifests hold no absolute path."""
    files = {str(path): relative_to(path, folder) for path in _option_files(options).values()}
    for plugin in used:
        plugin["options"] = {
            name: files.get(value, value) if isinstance(value, str) else value
            for name, value in plugin.get("options", {}).items()
        }
    return used


def _findings(data: GeneratedData, run: Run) -> dict[str, Any]:
    dumped = data.model_dump(mode="json", exclude={"output", "manifest", "method", "lang", "count"})
    for name in ("train", "validation", "test", "rejects", "report"):
        dumped[name] = Path(dumped[name]).name if dumped[name] else None
    return dumped | {
        "output": data.output.name,
        "similarity": "largest Jaccard (words or character trigrams) of a test to a training question",
        "rejected_examples": run.rejected_examples,
    }


def _check_outcome(data: GeneratedData, min_yield: float, run: Run) -> None:
    if run.stopped:
        reason, advice = run.stopped
        raise GateError(f"{reason}; {data.written} rows were written to {data.output}", advice)
    _check_yield(data, min_yield)
    check_lengths(data.quality, data.output)


def _check_yield(data: GeneratedData, min_yield: float) -> None:
    if data.written and data.yield_percent >= min_yield:
        return
    counts = data.rejected or data.left_out
    reasons = ", ".join(f"{reason}: {n}" for reason, n in counts.items()) or "nothing to ask was found"
    if not data.rejected and data.left_out:
        reasons = f"nothing to ask was found, but for what rules can't ask about ({reasons})"
    raise GateError(
        f"{data.written} of {data.requested} requested rows were made ({data.yield_percent:.0f} %, "
        f"the least is {min_yield:g} %): {reasons}",
        f"see {data.manifest}; ask for fewer with --count, try another --method, or lower --min-yield",
    )
