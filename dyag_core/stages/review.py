"""Stage review: rows of a training or test file beside the passages that they were made from, and a person's verdicts.

Verdicts are kept in NAME.review.jsonl beside the file, one line each, on the disk as soon as they are given.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, get_args

from dyag_core.artifacts import (
    Journal,
    atomic_text,
    atomic_write,
    manifest_of_rows,
    read_json,
    refuse_inputs,
    to_json,
)
from dyag_core.chat.question_files import question_rows
from dyag_core.chat.questions import first_of, language_sample, read_questions
from dyag_core.dataset.review.page import page_of
from dyag_core.dataset.review.place import place_of
from dyag_core.dataset.review.sample import drawn, judged, row_key
from dyag_core.documents import read_documents
from dyag_core.errors import UsageError
from dyag_core.records.review import Excerpt, Review, ReviewRow, Verdict
from dyag_core.text.language import detect_language
from dyag_core.text.passage import passages_of

if TYPE_CHECKING:
    from collections.abc import Sequence, Set

    from dyag_core.progress import Progress
    from dyag_core.records import Question
    from dyag_core.records.options import ReviewOptions

SUFFIX = ".review.jsonl"


def review(given: ReviewOptions, *, file: Path, lang: str | None = None, seed: int = 42, progress: Progress) -> Review:
    """Draw rows of `file` by lot, each with its passage, and count the verdicts given so far.

    Raises:
        UsageError: no rows, what is dropped has no file to go without, or a file to be written is an input.
    """
    if (given.drop is None) != (given.output is None):
        raise UsageError("rows are dropped into a new file", "give both: --drop wrong --output FILE")
    left_out: list[str] = []
    questions = read_questions(file, None, left_out)
    if left_out:
        named = f"{len(left_out)} rows can't be read as a question and its answer, and are left out"
        progress.message(f"warning: {file}: {named}\n{first_of(left_out)}")
    lines = _lines(file, left_out)
    verdicts = given.verdicts or file.with_name(file.stem + SUFFIX)
    refuse_inputs([path for path in (given.page, given.output, verdicts) if path], [file])
    known = _given(verdicts)
    chosen = [(place, questions[place]) for place in drawn(questions, given.sample, seed)]
    source, fields = _origin(file)
    texts = _passages(given.documents or source, fields, [question for _, question in chosen], progress)
    rows = [_row(lines[place], question, texts, known) for place, question in chosen]
    found = judged(Review(file=file, rows=len(questions), sample=(), verdicts=verdicts), rows)
    if given.page is not None:
        given.page.parent.mkdir(parents=True, exist_ok=True)
        atomic_text(given.page, page_of(found, lang or detect_language(language_sample(questions))))
        found = found.model_copy(update={"page": given.page})
    if given.output is not None:
        kept = {
            line
            for line, question in zip(lines, questions, strict=True)
            if known.get(row_key(question), {}).get("verdict") != given.drop
        }
        _write_kept(file, given.output, kept)
        found = found.model_copy(update={"written": given.output, "dropped": len(lines) - len(kept)})
    return found


def _given(verdicts: Path) -> dict[str, dict[str, str]]:
    """Row key -> verdict and note, of a file that need not be there yet."""
    if not verdicts.exists():
        return {}
    with Journal(verdicts) as journal:
        return {
            key: value
            for key, value in journal.items()
            if isinstance(value, dict) and value.get("verdict") in get_args(Verdict)
        }


def _lines(file: Path, left_out: Sequence[str]) -> list[int]:
    """The number (from 1) of each row that is a question, among all rows."""
    unread = {told.partition(":")[0] for told in left_out}
    return [number for number, (place, _) in enumerate(question_rows(file), 1) if place not in unread]


def _row(line: int, question: Question, texts: dict[str, str], given: dict[str, dict[str, str]]) -> ReviewRow:
    key = row_key(question)
    shown = [(name, texts[name]) for name in question.chunks if name in texts]
    told = question.expected_answer if question.answerable else ""
    places = [place_of(told, question.question, text) if told else (0, 0) for _, text in shown]
    return ReviewRow(
        key=key,
        line=line,
        history=tuple(message.content for message in question.messages[:-1] if message.role != "system"),
        question=question.question,
        answer=question.expected_answer,
        stratum=question.stratum,
        document=question.document,
        excerpts=tuple(
            Excerpt(chunk=name, text=text, start=start, end=end)
            for (name, text), (start, end) in zip(shown, places, strict=True)
        ),
        **{name: given[key][name] for name in ("verdict", "note") if key in given and name in given[key]},
    )


def _origin(file: Path) -> tuple[Path | None, dict[str, str] | None]:
    """What the rows of `file` were made from, if it is still there, and what it calls its fields (`--map`)."""
    manifest = manifest_of_rows(file)
    if manifest is None:
        return None, None
    made = read_json(manifest)
    told, fields = (made.get("inputs") or {}).get("documents"), (made.get("options") or {}).get("fields")
    source = manifest.parent / str(told["path"]) if isinstance(told, dict) and "path" in told else None
    return source if source is not None and source.exists() else None, fields


def _passages(
    source: Path | None, fields: dict[str, str] | None, questions: Sequence[Question], progress: Progress
) -> dict[str, str]:
    """Chunk id -> its passage, of the chunks that `questions` name; where they name none, of their whole document."""
    if source is None:
        progress.message("the documents aren't known, so rows are shown without their passages: give --documents")
        return {}
    wanted = {name for question in questions for name in question.chunks}
    with progress.task(f"reading {source.name}") as task:
        found = dict[str, str]()
        for document in read_documents(source, lambda line: None, fields=fields):
            found |= {chunk.id: chunk.text for chunk in passages_of(document) if chunk.id in wanted}
            task.advance()
    return found


def _write_kept(file: Path, output: Path, kept: Set[int]) -> None:
    """The rows of `file` as they are, of those whose numbers are given."""
    output.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(output) as handle:
        for number, (_, row) in enumerate(question_rows(file), 1):
            if number in kept:
                handle.write(to_json(row) + "\n")
