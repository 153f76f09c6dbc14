"""Stage validate: a training file made anywhere -> what is wrong with it, its figures, and a mended copy."""

from __future__ import annotations

import hashlib
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any

from dyag_core.artifacts import BadLine, atomic_write, is_one_array, output_lock, read_rows, refuse_inputs, to_json
from dyag_core.chat.faults import MILD
from dyag_core.chat.prompts import SYSTEM, without_context
from dyag_core.chat.repair import Mended, mend
from dyag_core.chat.template import control_tokens
from dyag_core.dataset.quality import Measure, Ruler
from dyag_core.dataset.quality.report import write_report
from dyag_core.errors import GateError, UsageError
from dyag_core.plugin.run import Run
from dyag_core.records import Problem, ProblemCount, Validation
from dyag_core.text.language import check_language, detect_language
from dyag_core.text.normalise import normalise

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dyag_core.plugin.host import Plugins
    from dyag_core.progress import Progress
    from dyag_core.records import Message
    from dyag_core.records.options import ValidateOptions

_BOM = b"\xef\xbb\xbf"
_EXAMPLES = 5
#: Slips in a line's JSON, and what becomes of them.
_SLIPS = {"bare_turns": "lists of turns put into objects", "trailing_comma": "trailing commas taken out"}
_SIDES = {"_train": "_test", "_test": "_train"}


def validate(
    given: ValidateOptions,
    *,
    path: Path,
    seed: int = 42,
    lang: str | None = None,
    plugins: Plugins,
    progress: Progress,
) -> Validation:
    """Look at every line of a training file as training would. Problems are returned, not raised.

    Args:
        path: JSONL (or one JSON array) of rows in any of the shapes of `dyag_core.chat.row_shapes`. Where it is
            called NAME_train.jsonl, questions that also stand in NAME_test.jsonl are problems, and the other way round.
        given: with a base model, its control tokens are looked for, too.
        seed: of the samples.
        lang: of the report; None follows the rows.

    Raises:
        UsageError: no such file, not text, or a bad argument. ResourceError: no room to write.
    """
    check_language(lang)
    fix, report = given.fix, given.report
    refuse_inputs([file for file in (fix, report) if file is not None], [path])
    if fix is not None and report is not None and fix.resolve() == report.resolve():
        raise UsageError(f"{fix}: is both --fix and --report", "choose another place for one of them")
    spoken = detect_language(_texts(path))
    ruler = Ruler.of(given.base_model, plugins, progress)
    run = Run(stage="validate", folder=path.parent, plugins=plugins, seed=seed, lang=lang or spoken, progress=progress)
    with ExitStack() as files, plugins.stage(run) as done:
        if fix is not None:
            files.enter_context(output_lock(fix))
        check = _Check(path, SYSTEM[spoken], Measure(ruler, seed), _other_side(path, SYSTEM[spoken]))
        if fix is None:
            check.read(None)
        else:
            with atomic_write(fix) as handle:
                check.read(handle)
        done.result = result = check.result(fix, report)
        if report is not None:
            write_report(result.quality, report, plugins, run.lang)
    return result


@dataclass
class _Check:
    """One pass over the file. Hashes of rows and questions are kept, the rows themselves are not."""

    path: Path
    system: str
    measure: Measure
    other_side: frozenset[bytes]
    rows: int = 0
    bad: int = 0
    written: int = 0
    fixes: Counter[str] = field(default_factory=Counter)
    lasting: Counter[str] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[Problem]] = field(default_factory=dict)
    latest: dict[str, int] = field(default_factory=dict)
    left_out: int = 0
    seen: dict[bytes, int] = field(default_factory=dict)
    answers: dict[bytes, tuple[int, bytes]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        tokenizer = self.measure.ruler.tokenizer
        self._control = control_tokens(tokenizer) if tokenizer is not None else ()

    def read(self, fixed: IO[Any] | None) -> None:
        """Go through the file; mended rows go to `fixed`."""
        if _starts_with_mark(self.path):
            self._note(1, "byte_order_mark", "EF BB BF")
            self.fixes["byte-order mark taken off"] += 1
        for line, row in read_rows(self.path):
            self.rows += 1
            kinds = self._line(line, row, fixed)
            self.bad += any(kind not in MILD for kind in kinds)
        if is_one_array(self.path):
            self._note(1, "one_array", f"items: {self.rows}")
            self.fixes["array unpacked, one object a line"] += 1
        if not self.rows:
            self._note(0, "no_row", self.path.name)
            self.lasting["no_row"] += 1

    def _line(self, line: int, row: dict[str, Any] | BadLine, fixed: IO[Any] | None) -> set[str]:
        """Judge one line, and write it mended; returns the kinds of problem found."""
        value, slip = _object(row)
        if value is None:
            self._note(line, "not_json", row.reason if isinstance(row, BadLine) else "")
            kinds, kept = {"not_json"}, False
            self.left_out += 1
            lasting = {"not_json"}
        else:
            mended = mend(value, self.system, self._control)
            if slip is not None and isinstance(row, BadLine):
                mended.problems.insert(0, (slip, row.reason))
                mended.fixes.append(_SLIPS[slip])
            for kind, detail in mended.problems:
                self._note(line, kind, detail)
            kept = self._compare(line, mended)
            kinds = {kind for kind, _ in mended.problems}
            lasting = set(mended.lasting)
            if mended.messages is None:
                self.left_out += 1
            else:
                self.fixes.update(mended.fixes)
            if fixed is not None and kept:
                fixed.write(to_json(_written(value, mended)) + "\n")
                self.written += 1
        remaining = (lasting if kept else set()) if fixed is not None else kinds
        self.lasting.update(kind for kind in remaining if kind not in MILD)
        return kinds

    def _compare(self, line: int, mended: Mended) -> bool:
        """Hold a row against those before it, the other file and the base model; whether it is kept."""
        messages = mended.messages
        if messages is None:
            return False
        found: list[tuple[str, str]] = []
        others: dict[str, int] = {}
        try:
            length = self.measure.row(_as_row(mended), line)
            limit = self.measure.ruler.limit
            if limit is not None and length > limit:
                found.append(("over_long", f"{length} > {limit}"))
        except GateError as error:
            found.append(("not_rendered", error.message))
        question = _digest([f"{m.role}: {normalise(m.content)}" for m in messages[:-1]])
        answer = _digest([normalise(messages[-1].content)])
        before, other = self.answers.setdefault(question, (line, answer))
        if other != answer:
            found.append(("contradiction", repr(_asked(messages)[:120])))
            others["contradiction"] = before
        mended.lasting += [kind for kind, _ in found]
        first = self.seen.setdefault(_digest([f"{m.role}: {m.content}" for m in messages]), line)
        kept = first == line
        if not kept:
            found.append(("duplicate", repr(_asked(messages)[:120])))
            others["duplicate"] = first
            mended.fixes.append("exact duplicates dropped")
        if _key(messages) in self.other_side:
            found.append(("test_leak", repr(_asked(messages)[:120])))
            mended.fixes.append("rows of the other file dropped")
            kept = False
        for kind, detail in found:
            self._note(line, kind, detail, others.get(kind))
        mended.problems += found
        return kept

    def _note(self, line: int, kind: str, detail: str, other: int | None = None) -> None:
        if self.latest.get(kind) == line:
            return  # a kind counts once a line
        self.latest[kind] = line
        self.counts[kind] += 1
        examples = self.examples.setdefault(kind, [])
        if len(examples) < _EXAMPLES:
            examples.append(Problem(line=line, kind=kind, detail=detail, other=other))

    def result(self, fix: Path | None, report: Path | None) -> Validation:
        """All that was found; the gravest first."""
        problems = tuple(
            ProblemCount(kind=kind, lines=lines, grave=kind not in MILD, examples=tuple(self.examples[kind]))
            for kind, lines in sorted(self.counts.items(), key=lambda item: (item[0] in MILD, -item[1], item[0]))
        )
        return Validation(
            file=self.path,
            rows=self.rows,
            good=self.rows - self.bad,
            problems=problems,
            lasting=dict(self.lasting.most_common()),
            fixed=fix,
            written=self.written,
            left_out=self.left_out if fix is not None else 0,
            fixes=dict(self.fixes.most_common()) if fix is not None else {},
            report=report,
            quality=self.measure.result(self.path.name, problems=problems),
        )


def _object(row: dict[str, Any] | BadLine) -> tuple[dict[str, Any] | None, str | None]:
    """What a line plainly says, and what kind of slip keeps it from being that object; None where it says nothing."""
    if not isinstance(row, BadLine):
        return row, None
    if isinstance(row.value, list):
        return {"messages": row.value}, "bare_turns"
    return row.value, "trailing_comma" if row.value is not None else None


def _starts_with_mark(path: Path) -> bool:
    if not path.is_file():
        return False  # the reader says what is wrong
    with path.open("rb") as handle:
        return handle.read(len(_BOM)) == _BOM


def _texts(path: Path) -> Iterator[str]:
    """What stands in the rows, to tell the language by."""
    for _, row in read_rows(path):
        value, _ = _object(row)
        if value is not None:
            messages = mend(value, None).messages or ()
            yield from (message.content for message in messages if message.role != "system")


def _other_side(path: Path, system: str) -> frozenset[bytes]:
    """The questions of NAME_test.jsonl for NAME_train.jsonl, and the other way round; none where there is no such."""
    side = next((side for side in _SIDES if path.stem.endswith(side)), None)
    if side is None:
        return frozenset()
    other = path.with_name(f"{path.stem.removesuffix(side)}{_SIDES[side]}{path.suffix}")
    if not other.is_file():
        return frozenset()
    values = (_object(row)[0] for _, row in read_rows(other))
    mended = (mend(value, system).messages for value in values if value is not None)
    return frozenset(_key(messages) for messages in mended if messages)


def _key(messages: tuple[Message, ...]) -> bytes:
    """What is asked, whatever the system prompt and the passages."""
    return _digest([normalise(without_context(message.content)) for message in messages if message.role == "user"])


def _asked(messages: tuple[Message, ...]) -> str:
    return next(message.content for message in reversed(messages) if message.role == "user")


def _digest(texts: list[str]) -> bytes:
    return hashlib.blake2b("\x1f".join(texts).encode("utf-8", "surrogatepass"), digest_size=12).digest()


def _as_row(mended: Mended) -> dict[str, Any]:
    messages = [{"role": message.role, "content": message.content} for message in mended.messages or ()]
    return {"messages": messages, **({"meta": mended.meta} if mended.meta else {})}


def _written(row: dict[str, Any], mended: Mended) -> dict[str, Any]:
    """The row as it was where nothing is wrong with its text, else as messages."""
    return _as_row(mended) if mended.fixes or "messages" not in row else row
