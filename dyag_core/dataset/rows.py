"""The rows of a run of generate: examples are screened, split, measured, counted, and written as they come."""

from __future__ import annotations

import tempfile
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from dyag_core.artifacts import Rejects, atomic_write, manifest_path, to_json
from dyag_core.chat.prompts import system_messages
from dyag_core.dataset.batching import batches, rare_collections
from dyag_core.dataset.covering import one_chunk_each
from dyag_core.dataset.filters import Screen
from dyag_core.dataset.groups import Groups
from dyag_core.dataset.passages import Passages
from dyag_core.dataset.quality import Measure
from dyag_core.dataset.quality.counting import Tally
from dyag_core.dataset.quality.report import report_path
from dyag_core.dataset.splits import STRATA, Choice, Ledger
from dyag_core.plugin.run import Run
from dyag_core.progress import Throttled
from dyag_core.records import GeneratedData
from dyag_core.text.digests import DigestSet
from dyag_core.text.normalise import fold

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from dyag_core.plugin.entry import Chosen
    from dyag_core.plugin.host import Plugins
    from dyag_core.progress import Task
    from dyag_core.records import Document, Example, Quality

PARTS = ("train", "val", "test")
#: So many are read, or made, before the next step has its turn (`batches`). Where each row costs and a number of
#: them is wanted, examples go through one by one: none is made that may not be needed.
_DOCUMENTS, _EXAMPLES = 64, 256
#: So many names stand in a warning.
_SHOWN = 3


@dataclass(eq=False)
class Rows:
    """What a run writes, and the ledger of what became of everything that was made."""

    run: Run
    output: Path
    method: str
    system: str
    count: int | None
    splits: bool
    choice: Choice | None  # which examples become rows; None takes all
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

    def make(self, chosen: Chosen, plugins: Plugins, read: Iterator[Document], groups: Groups) -> None:
        """Let the generator `chosen` make examples of the documents that are read, and write them."""
        run = self.run
        documents = self.counted(groups.watch(read))
        with (
            rare_collections(),
            run.progress.task("generating", total=self.count) as bar,
            Throttled(bar, "rows") as task,
        ):
            costs = chosen.costly and self.count is not None
            asked = one_chunk_each(documents, self.count or 0, run.seed) if costs else documents
            examples = plugins.filter_examples(plugins.generate(chosen, self.screen.watch(asked), run), run)
            self.write(batches(examples, 1 if costs else _EXAMPLES), task, groups.check)
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
        return part_file(self.output, part)

    def name_leftovers(self) -> None:
        """Parts that an earlier run left beside the output: they belong to rows that are no more."""
        left = [self.file(part).name for part in PARTS if not self.splits and self.file(part).exists()]
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
        if self.choice is None or not self.choice.shares.test:
            return
        got, wanted = self.strata["recall"], self.choice.quotas.recall
        refused = len(self.choice.ledger.refused_for_recall)
        if not self.written["test"]:
            self.run.warn("the test part is empty: nothing could be held out, or all of it was too near to training")
        elif got < wanted / 2 <= got + refused:  # enough was held out: it is the wordings
            self.run.warn(
                f"recall has {got} of {wanted} questions: {refused} wordings held out for it came too near a training "
                "question; ask in fewer words (where two questions differ in one word of eight, they are too near)"
            )

    def write(self, examples: Iterable[list[Example]], task: Task, check: Callable[[], None]) -> None:
        """Drain batches of examples into the files until there are enough; `check` may still refuse what was read."""
        part = "train" if self.splits else None
        with ExitStack() as files:
            handles: dict[str, IO[Any]] = {"all": files.enter_context(atomic_write(self.output))}
            if self.splits:
                handles |= {part: files.enter_context(atomic_write(self.file(part))) for part in PARTS}
            questions = files.enter_context(tempfile.TemporaryFile("w+", encoding="utf-8", newline="\n"))

            def put(taken: list[Example]) -> None:
                self._put(handles, taken, part)
                if self.splits:
                    questions.writelines(example.question.replace("\n", " ") + "\n" for example in taken)
                task.advance(len(taken))

            for batch in examples:
                put([example for example in self._screened(batch) if self._is_taken(example)])
                if self.choice and self.choice.enough:
                    break
            check()
            if self.choice:
                for batch in batches(self.choice.waiting(), _EXAMPLES):
                    put(batch)
                for placed in self.choice.finish(self._trained_questions(questions, task)):
                    self._put(handles, [placed.example], placed.part, placed.stratum)
                    if placed.stratum:
                        self.largest = max(self.largest or 0.0, placed.similarity)
                    task.advance()
                self.run.rejected.update(self.choice.ledger.rejected)

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
        """Whether it is a row now; what waits for later, or is set aside, is noted."""
        if self.choice is None or self.choice.takes(example):
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
        reachable = self.choice.reachable(total) if self.choice else total
        rest = None
        if covered and reachable > covered and self.count is not None:  # a row to train on reaches one more
            rest = round((reachable - covered) * written / self.written["train" if self.splits else "all"])
        split, ledger = self.splits, self.choice.ledger if self.choice else Ledger()
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
            set_aside={reason: number for reason, number in ledger.set_aside.most_common() if number},
            drawn=ledger.drawn,
            left_out=dict(self.run.left_out.most_common()),
            bad_lines=rejects.count,
            by_split={part: self.written[part] for part in PARTS} if split else {},
            by_stratum={name: self.strata[name] for name in STRATA} if split else {},
            wanted_by_stratum=self.choice.quotas.by_stratum() if self.choice and split else {},
            by_method=dict(self.methods),
            documents_covered=covered,
            documents_total=total,
            facts=len(self.facts),
            facts_trained=self.choice.facts_trained if self.choice and split else len(self.facts),
            largest_similarity=self.largest,
            rows_for_the_rest=rest,
            passages=dict(self.passages.counts) if self.passages else {},
            quality=quality.figures(),
        )


def part_file(output: Path, part: str) -> Path:
    """Where the rows of `part` (train, val or test) go, beside `output`."""
    return output.with_name(f"{output.stem}_{part}.jsonl")


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
        if len(chunks := example.chunks) > 1:
            meta["chunks"] = list(chunks)
    if fact:
        meta["subject"], meta["attribute"] = fact.subject, fact.attribute
    meta["answerable"], meta["method"] = example.answerable, method
    if part:
        meta["split"] = part
    if stratum:
        meta["stratum"] = stratum
    meta.update(example.meta)
    return {"messages": messages, "meta": meta}
