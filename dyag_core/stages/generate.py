"""Stage generate: documents -> a generator plugin -> screened, split, written training data."""

from __future__ import annotations

import tempfile
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from dyag_core.artifacts import (
    Rejects,
    atomic_write,
    jsonl_file,
    manifest_path,
    output_lock,
    refuse_inputs,
    rejects_path,
    relative_to,
    remove_leftovers,
    to_json,
    write_manifest,
)
from dyag_core.digests import DigestSet
from dyag_core.documents import read_documents
from dyag_core.errors import GateError, UsageError
from dyag_core.groups import Groups
from dyag_core.language import check_language, language_of
from dyag_core.normalise import fold
from dyag_core.pace import Paced, batches, rare_collections
from dyag_core.prompts import SYSTEM, system_messages
from dyag_core.quality import Measure, Ruler
from dyag_core.quality.counting import Tally
from dyag_core.records import GeneratedData
from dyag_core.run import Run
from dyag_core.screening import Screen
from dyag_core.splits import STRATA, Splitter
from dyag_core.stages.index import index_of, open_index
from dyag_core.stages.passages import DISTRACTORS, Passages
from dyag_core.stages.quality import check_lengths, report_path, write_report

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from dyag_core.manager import Chosen, Plugins
    from dyag_core.protocols import Progress, Task
    from dyag_core.records import Document, Example, Quality

__all__ = ["GeneratedData", "generate"]

_PARTS = ("train", "val", "test")
#: So many are read, or made, before the next step has its turn (`batches`). Where rows are counted off, each example
#: goes through by itself: none is made that may not be needed.
_DOCUMENTS, _EXAMPLES = 64, 256
#: So many names stand in a warning.
_SHOWN = 3


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
        with_context: put passages into the questions of training and validation, see `dyag_core.stages.passages`.
        index: where they are searched; by default NAME.index, built where it isn't there yet.
        distractors: passages beside the right one.

    Raises:
        UsageError: bad input or options. GateError: nothing was made, less than `min_yield`, or too long for training.
    """
    check_language(lang)
    _check_arguments(split, group_by, min_yield, with_context, index, distractors)
    output = jsonl_file(output)
    chosen = plugins.choose("generators", method, options)
    parts = [_part_file(output, part) for part in _PARTS]
    beside = [rejects_path(output), manifest_path(output), report_path(output), *(parts if split else [])]
    refuse_inputs([output, *beside], [source, *_option_files(chosen.options).values()])
    measure = Measure(Ruler.of(base_model, plugins, progress), seed)
    with output_lock(output), Rejects(output) as rejects:
        remove_leftovers(output, rejects.path, manifest_path(output), report_path(output), *parts)
        read = read_documents(source, partial(rejects.add, source.name), strict=strict)
        if lang is None:
            lang, read = language_of(read)
        run = Run(
            stage="generate", folder=output.parent, output=output, plugins=plugins,
            seed=seed, lang=lang, progress=progress,
        )  # fmt: skip
        system = SYSTEM[lang] if system_prompt is None else system_prompt
        groups = Groups(group_by)
        splitter = Splitter(split, seed, count, groups.of) if split else None
        where = index or output.with_suffix(".index")
        passages = _passages(source, where, distractors, run, splitter) if with_context else None
        work = _Work(run, output, chosen.name, system, count, splitter, measure, passages)
        with plugins.stage(run) as done:
            work.make(chosen, read, groups)
            data = work.result(rejects, _report(work))
            decided = {
                "method": chosen.name, "count": count, "split": split, "group_by": group_by, "lang": lang,
                "system_prompt": system, "min_yield": min_yield, "strict": strict, "base_model": measure.ruler.name,
                "with_context": with_context, "distractors": passages.distractors if passages else None,
            }  # fmt: skip
            _write_manifest(data, source, decided, chosen, run)
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


def _passages(source: Path, index: Path, distractors: int | None, run: Run, splitter: Splitter | None) -> Passages:
    """What puts passages into questions, from an index that is built where it isn't there yet."""
    folder = index_of(source, index, plugins=run.plugins, seed=run.seed, progress=run.progress)
    found = open_index(folder, plugins=run.plugins, run=run)
    return Passages(found, DISTRACTORS if distractors is None else distractors, run, splitter)


def _write_manifest(data: GeneratedData, source: Path, decided: dict[str, Any], chosen: Chosen, run: Run) -> None:
    write_manifest(
        data.manifest,
        stage="generate",
        options=decided,
        seed=run.seed,
        inputs={"documents": source, **_option_files(chosen.options)},
        plugins=_portable(run.plugins.used(), chosen.options, data.output.parent),
        **_findings(data, run),
    )


@dataclass(eq=False)
class _Work:
    run: Run
    output: Path
    method: str
    system: str
    count: int | None
    splitter: Splitter | None
    measure: Measure
    passages: Passages | None = None
    screen: Screen = field(default_factory=Screen)
    written: Counter[str] = field(default_factory=Counter)
    strata: Counter[str] = field(default_factory=Counter)
    methods: Counter[str] = field(default_factory=Counter)
    documents: DigestSet = field(default_factory=DigestSet)
    names: DigestSet = field(default_factory=DigestSet)
    torn: Tally = field(default_factory=lambda: Tally(_SHOWN))  # documents in parts that don't stand together
    namesakes: Tally = field(default_factory=lambda: Tally(_SHOWN))
    covered: DigestSet = field(default_factory=DigestSet)
    facts: DigestSet = field(default_factory=DigestSet)
    largest: float | None = None

    def make(self, chosen: Chosen, read: Iterator[Document], groups: Groups) -> None:
        """Let the generator `chosen` make examples of the documents that are read, and write them."""
        run, plugins = self.run, self.run.plugins
        documents = self.counted(groups.watch(read))
        with rare_collections(), run.progress.task("generating", total=self.count) as bar, Paced(bar, "rows") as task:
            examples = plugins.filter_examples(plugins.generate(chosen, self.screen.watch(documents), run), run)
            self.write(examples, task, groups.check)
            for _ in documents:  # the rest of the input is read for its bad lines, and counted
                pass
        self.name_leftovers()
        self.name_empty_parts()
        self.name_doubles()

    def counted(self, documents: Iterator[Document]) -> Iterator[Document]:
        """Documents as they are read, with their number noted."""
        for batch in batches(documents, _DOCUMENTS):
            for document in batch:
                name = fold(document.title)
                if document.id in self.documents:
                    self.torn.add(document.title)
                elif name in self.names:
                    self.namesakes.add(document.title)
                self.documents.add(document.id)
                self.names.add(name)
                self.measure.document(document)
            yield from batch

    def file(self, part: str) -> Path:
        """Where the rows of a part go."""
        return _part_file(self.output, part)

    def name_leftovers(self) -> None:
        """Parts that an earlier run left beside the output: they belong to rows that are no more."""
        left = [self.file(part).name for part in _PARTS if not self.splitter and self.file(part).exists()]
        if left:
            self.run.warn(f"{', '.join(left)}: left by an earlier run with --split, not made from {self.output.name}")

    def name_doubles(self) -> None:
        """Documents whose questions may contradict each other: what one doesn't tell, the other does."""
        for found, what, remedy in (
            (self.torn, "documents in parts that don't stand together", "put the chunks of a document side by side"),
            (self.namesakes, "documents with the name of another", "give each a name of its own, or merge them"),
        ):
            if found.counts:
                shown = ", ".join([*found.counts, *(["..."] if found.others else [])])
                self.run.warn(
                    f"{what}: {found.counts.total() + found.others} ({shown}); one question may have two answers, "
                    f"or an answer and «not known»: {remedy}"
                )

    def name_empty_parts(self) -> None:
        """A test part without questions, or without those of the stratum recall, is seldom what was asked for."""
        if not self.splitter or not self.splitter.wants_test:
            return
        got, wanted, refused = self.strata["recall"], self.splitter.wants_recall, len(self.splitter.refused_for_recall)
        if not self.written["test"]:
            self.run.warn("the test part is empty: nothing could be held out, or all of it was too near to training")
        elif got < wanted / 2 <= got + refused:  # enough was held out: it is the wordings
            self.run.warn(
                f"recall has {got} of {wanted} questions: {refused} wordings held out for it came too near a training "
                "question; ask in fewer words (where two questions differ in one word of eight, they are too near)"
            )

    def write(self, examples: Iterable[Example], task: Task, check: Callable[[], None]) -> None:
        """Drain `examples` into the files until there are enough; `check` may still refuse what was read."""
        with ExitStack() as files:
            handles: dict[str, IO[Any]] = {"all": files.enter_context(atomic_write(self.output))}
            if self.splitter:
                handles |= {part: files.enter_context(atomic_write(self.file(part))) for part in _PARTS}
            questions = files.enter_context(tempfile.TemporaryFile("w+", encoding="utf-8", newline="\n"))
            for batch in batches(examples, _EXAMPLES if self.count is None else 1):
                taken = [example for example in self._screened(batch) if self._is_taken(example)]
                self._put(handles, taken, "train" if self.splitter else None)
                if self.splitter:
                    questions.writelines(example.question.replace("\n", " ") + "\n" for example in taken)
                task.advance(len(taken))
                if self.splitter.full if self.splitter else self.written["all"] == self.count:
                    break
            check()
            if self.splitter:
                for placed in self.splitter.finish(self._trained_questions(questions, task)):
                    self._put(handles, [placed.example], placed.part, placed.stratum)
                    if placed.stratum:
                        self.largest = max(self.largest or 0.0, placed.similarity)
                    task.advance()
                for reason, number in self.splitter.rejected.items():
                    self.run.rejected[reason] += number

    def _screened(self, examples: list[Example]) -> list[Example]:
        """Those that are fit to train on; the others are noted with the reason against them."""
        fit = []
        for example in examples:
            reason = self.screen.reason(example)
            if reason is None:
                fit.append(example)
            else:
                self.run.reject(reason, example.question)
                self.measure.example(example)
        return fit

    def _is_taken(self, example: Example) -> bool:
        """Whether it is a row now; what the splitter keeps for later, or sets aside, is noted."""
        if self.splitter is None or self.splitter.takes(example):
            return True
        self.measure.example(example)
        return False

    def _trained_questions(self, handle: IO[str], task: Task) -> Iterator[str]:
        handle.seek(0)
        for number, line in enumerate(handle, 1):
            task.advance(0, compared=f"{number}/{self.written['train']}")
            yield line.rstrip("\n")

    def _put(
        self, handles: dict[str, IO[Any]], examples: list[Example], part: str | None, stratum: str | None = None
    ) -> None:
        """Write rows of these examples; step by step for all of them, see `batches`."""
        facts = [[fact.id for fact in example.facts] for example in examples]
        both = zip(examples, facts, strict=True)
        rows = [_row(example, ids, self.system, self.method, part, stratum) for example, ids in both]
        if self.passages and part != "test":  # an arm that retrieves adds its own
            rows = [self.passages.put_into(row, example) for row, example in zip(rows, examples, strict=True)]
        self.measure.rows(rows)
        lines = "".join([to_json(row) + "\n" for row in rows])
        handles["all"].write(lines)
        if part:
            handles[part].write(lines)
        if stratum:
            self.strata[stratum] += len(rows)
        self.written[part or "all"] += len(rows)
        self.methods.update([row["meta"]["method"] for row in rows])
        self.facts.update([fact for ids in facts for fact in ids])
        if part in (None, "train"):
            self.covered.update([example.document for example in examples])

    def result(self, rejects: Rejects, quality: Quality) -> GeneratedData:
        """The ledger."""
        written = sum(self.written.values())
        rejected = dict(self.run.rejected.most_common())
        missing = (self.count or 0) - written - sum(rejected.values())
        if missing > 0:
            rejected[self.run.stopped[0] if self.run.stopped else "the documents hold no more"] = missing
        covered, total = len(self.covered), len(self.documents)
        reachable = total * (1 - self.splitter.shares[2] / sum(self.splitter.shares)) if self.splitter else total
        rest = None
        if covered and reachable > covered and self.count is not None:
            rest = round(written / covered * (reachable - covered))
        split = self.splitter is not None
        return GeneratedData(
            output=self.output,
            train=self.file("train") if split else None,
            validation=self.file("val") if split else None,
            test=self.file("test") if split else None,
            rejects=rejects.path if rejects.count else None,
            report=report_path(self.output),
            manifest=manifest_path(self.output),
            method=self.method,
            lang=self.run.lang,
            count=self.count,
            requested=written + sum(rejected.values()),
            written=written,
            rejected=rejected,
            set_aside={k: n for k, n in self.splitter.set_aside.most_common() if n} if self.splitter else {},
            bad_lines=rejects.count,
            by_split={part: self.written[part] for part in _PARTS} if split else {},
            by_stratum={name: self.strata[name] for name in STRATA} if split else {},
            by_method=dict(self.methods),
            documents_covered=covered,
            documents_total=total,
            facts=len(self.facts),
            facts_trained=self.splitter.facts_trained if self.splitter else len(self.facts),
            largest_similarity=self.largest,
            rows_for_the_rest=rest,
            passages=dict(self.passages.counts) if self.passages else {},
            quality=quality.figures(),
        )


def _part_file(output: Path, part: str) -> Path:
    return output.with_name(f"{output.stem}_{part}.jsonl")


def _report(work: _Work) -> Quality:
    """The quality of what was written, rendered beside it."""
    run = work.run
    quality = work.measure.result(
        work.output.name, method=work.method, rejected=run.rejected, rejected_examples=run.rejected_examples
    )
    write_report(quality, report_path(work.output), run)
    return quality


def _row(
    example: Example, facts: list[str], system: str, method: str, part: str | None, stratum: str | None
) -> dict[str, Any]:
    """A training row: the chat, and where it comes from (G1). `facts` are the ids of those that it rests on."""
    before = system_messages(system) + example.history
    messages = [{"role": turn.role, "content": turn.content} for turn in before]
    messages.append({"role": "user", "content": example.question})
    messages.append({"role": "assistant", "content": example.answer})
    fact = example.fact
    meta: dict[str, Any] = {"document": example.document, "chunk": example.chunk, "fact": facts[0] if fact else None}
    if example.other_facts:
        meta["facts"] = facts
    if fact:
        meta["subject"], meta["attribute"] = fact.subject, fact.attribute
    meta["answerable"], meta["method"] = example.answerable, method
    if part:
        meta["split"] = part
    if stratum:
        meta["stratum"] = stratum
    meta.update(example.meta)
    return {"messages": messages, "meta": meta}


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
    reasons = ", ".join(f"{reason}: {n}" for reason, n in data.rejected.items()) or "nothing to ask was found"
    raise GateError(
        f"{data.written} of {data.requested} requested rows were made ({data.yield_percent:.0f} %, "
        f"the least is {min_yield:g} %): {reasons}",
        f"see {data.manifest}; ask for fewer with --count, try another --method, or lower --min-yield",
    )
