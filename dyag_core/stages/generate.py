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
from dyag_core.dataset.splits import Choice, SampledSplit, StreamedSplit
from dyag_core.documents import read_documents
from dyag_core.documents.notices import Notices
from dyag_core.errors import GateError, UsageError
from dyag_core.plugin.run import Run
from dyag_core.records import GeneratedData
from dyag_core.retrieval.index import open_index
from dyag_core.stages.index import index_of
from dyag_core.text.language import check_language, in_their_languages

if TYPE_CHECKING:
    from dyag_core.plugin.entry import Chosen
    from dyag_core.plugin.host import Plugins
    from dyag_core.progress import Progress
    from dyag_core.records import Quality
    from dyag_core.records.options import GenerateOptions

__all__ = ["GeneratedData", "generate"]


def generate(
    given: GenerateOptions,
    *,
    source: Path,
    output: Path,
    seed: int = 42,
    lang: str | None = None,
    plugins: Plugins,
    progress: Progress,
) -> GeneratedData:
    """Make training data from `source` and write it to `output` (and its train, val and test files).

    Args:
        source: documents, see `dyag_core.documents`.
        output: NAME.jsonl.
        lang: None follows the documents.

    Raises:
        UsageError: bad input or options. GateError: nothing was made, less than `min_yield`, or too long for training.
    """
    check_language(lang)
    _check_together(given)
    output = jsonl_file(output)
    chosen = plugins.choose("generators", given.method, given.options)
    parts = [part_file(output, part) for part in PARTS]
    beside = [rejects_path(output), manifest_path(output), report_path(output), *(parts if given.split else [])]
    refuse_inputs([output, *beside], [source, *_option_files(chosen.options).values()])
    measure = Measure(Ruler.of(given.base_model, plugins, progress), seed)
    with output_lock(output), Rejects(output) as rejects:
        remove_leftovers(output, rejects.path, manifest_path(output), report_path(output), *parts)
        notices = Notices(progress)
        read = read_documents(
            source,
            partial(rejects.add, source.name),
            strict=given.strict,
            fields=given.names,
            on_notice=notices.add,
        )
        lang, read = in_their_languages(read, lang)
        run = Run(
            stage="generate", folder=output.parent, output=output, plugins=plugins,
            seed=seed, lang=lang, splits=given.split is not None, progress=progress,
        )  # fmt: skip
        system = SYSTEM[lang] if given.system_prompt is None else given.system_prompt
        groups = Groups(given.group_by)
        choice = _choice(given.split, given.count, seed, groups, costly=chosen.costly)
        passages = _passages(source, given, output, plugins, run, choice) if given.with_context else None
        rows = Rows(run, output, chosen.name, system, given.count, given.split is not None, choice, measure, passages)
        with plugins.stage(run) as done:
            rows.make(chosen, plugins, read, groups)
            data = rows.result(rejects, _report(rows, plugins))
            decided = {
                "method": chosen.name, "count": given.count, "split": given.split, "group_by": given.group_by,
                "lang": lang, "system_prompt": system, "min_yield": given.min_yield, "strict": given.strict,
                "fields": given.names, "base_model": measure.ruler.name, "with_context": given.with_context,
                "distractors": passages.distractors if passages else None,
            }  # fmt: skip
            _write_manifest(data, source, decided, chosen, plugins, run)
            done.result = data
    _check_outcome(data, given.min_yield, run, notices)
    return data


def _check_together(given: GenerateOptions) -> None:
    """Refuse options that say something only beside another."""
    if given.group_by and not given.split:
        raise UsageError(f"--group-by {given.group_by} says how to split, and --split is missing", "add --split")
    if not given.with_context and (given.index is not None or given.distractors is not None):
        raise UsageError("--index and --distractors say which passages to train with", "add --with-context")


def _choice(
    split: tuple[float, float, float] | None, count: int | None, seed: int, groups: Groups, *, costly: bool
) -> Choice | None:
    """Which rows are written, and to which part; None: all of them, to one file."""
    if count is not None:
        return SampledSplit(count, split or (1, 0, 0), seed, groups.of, costly=costly)
    return StreamedSplit(split, seed, groups.of) if split else None


def _passages(
    source: Path, given: GenerateOptions, output: Path, plugins: Plugins, run: Run, choice: Choice | None
) -> Passages:
    """What puts passages into questions, from an index that is built where it isn't there yet."""
    where = given.index or output.with_suffix(".index")
    folder = index_of(source, where, fields=given.names, plugins=plugins, seed=run.seed, progress=run.progress)
    found = open_index(folder, plugins=plugins, run=run)
    return Passages(found, DISTRACTORS if given.distractors is None else given.distractors, run, choice)


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


def _check_outcome(data: GeneratedData, min_yield: float, run: Run, notices: Notices) -> None:
    if run.stopped:
        reason, advice = run.stopped
        raise GateError(f"{reason}; {data.written} rows were written to {data.output}", advice)
    _check_yield(data, min_yield, notices)
    check_lengths(data.quality, data.output)


def _check_yield(data: GeneratedData, min_yield: float, notices: Notices) -> None:
    if data.written and data.yield_percent >= min_yield:
        return
    reasons = ", ".join(f"{reason}: {n}" for reason, n in data.rejected.items())
    if not (reasons and data.written):
        reasons = "; ".join(filter(None, [reasons, _nothing_found(data, notices)]))
    usable, of = data.usable
    raise GateError(
        f"{usable} of {of} requested rows were made ({data.yield_percent:.0f} %, "
        f"the least is {min_yield:g} %): {reasons}",
        f"see {data.manifest}; ask for fewer with --count, try another --method, or lower --min-yield",
    )


def _nothing_found(data: GeneratedData, notices: Notices) -> str:
    """Why a run without a single refused row made too few."""
    causes = [*notices.told, *(f"{reason}: {n}" for reason, n in data.left_out.items())]
    if data.bad_lines:
        causes.append(f"{data.bad_lines} bad lines, see {data.rejects}")
    if not causes:
        causes = [f"no fields, tables or labelled lines in {data.documents_total} documents; prose is for --method llm"]
    return f"nothing to ask was found ({'; '.join(causes)})"
