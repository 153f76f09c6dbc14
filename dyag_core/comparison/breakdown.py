"""Why answers are wrong, and where the arms disagree most."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import get_args

from dyag_core.comparison.result_files import Item
from dyag_core.records import ArmAnswer, Disagreement, Prediction
from dyag_core.records.comparison import ErrorKind
from dyag_core.text.formatting import rounded

#: A longer quotation is cut here.
QUOTE = 600
MAX_DISAGREEMENTS = 10

#: A metric's scores, arm by arm, in the order of the questions.
Scores = Mapping[str, Sequence[float | None]]


def error_kinds(
    questions: Sequence[Prediction], items: Sequence[Item], scores: Sequence[float | None]
) -> dict[str, int]:
    """How many of one arm's wrong answers are of which kind; wrong is a score below a half.

    Kinds: `failed` (no answer came); `should_have_abstained` (nothing answers the question, the model did);
    `retrieval_missed` (neither the question's chunk nor its document was found); `abstained_wrongly`;
    `context_ignored` (the right passage stood in the prompt); `recalled_wrongly` (closed book, wrong);
    `never_seen` (closed book, wrong, about a document of the stratum `unseen`: there was nothing to recall);
    `wrong` (sources were given, but the question doesn't say where its answer stands).
    """
    retrieves = any(item.prediction.sources for item in items)
    kinds = Counter(
        _kind(question, item, retrieves)
        for question, item, score in zip(questions, items, scores, strict=True)
        if score is not None and score < 0.5
    )
    return {kind: kinds[kind] for kind in get_args(ErrorKind) if kinds[kind]}


def _kind(question: Prediction, item: Item, retrieves: bool) -> ErrorKind:
    if item.prediction.error is not None:
        return "failed"
    if not question.answerable:
        return "should_have_abstained"
    found = [source.chunk for source in item.prediction.sources]
    if not retrieves:
        if item.abstained:
            return "abstained_wrongly"
        return "never_seen" if question.stratum == "unseen" else "recalled_wrongly"
    if not question.chunks and question.document is None:
        return "abstained_wrongly" if item.abstained else "wrong"
    if not _answer_found(found, question):
        return "retrieval_missed"
    return "abstained_wrongly" if item.abstained else "context_ignored"


def _answer_found(found: Sequence[str], question: Prediction) -> bool:
    """By the chunks' ids; a document's own id, or its id with a chunk number behind, counts where no chunk is named."""
    if question.chunks:
        return set(question.chunks) <= set(found)
    document = question.document or ""
    return any(chunk == document or chunk.startswith(tuple(document + mark for mark in "#/:_-")) for chunk in found)


def disagreements(
    questions: Sequence[Prediction], items: Mapping[str, Sequence[Item]], primary: Scores, tie_breaker: Scores | None
) -> list[Disagreement]:
    """Up to ten questions on which the primary scores lie furthest apart, in turn from every pattern of who was right.

    Yes-or-no scores are all equally far apart, so `tie_breaker` (a share, say) decides among them, then the id.
    """
    by_pattern: dict[tuple[float | None, ...], list[int]] = defaultdict(list)
    for index in range(len(questions)):
        if _spread(primary, index) > 0:
            by_pattern[tuple(primary[arm][index] for arm in sorted(primary))].append(index)

    def order(index: int) -> tuple[float, float, str, str]:
        close = _spread(tie_breaker, index) if tie_breaker else 0.0
        return (-_spread(primary, index), -close, questions[index].id, questions[index].question)

    queues = sorted((sorted(indices, key=order) for indices in by_pattern.values()), key=lambda queue: order(queue[0]))
    chosen: list[int] = []
    while queues and len(chosen) < MAX_DISAGREEMENTS:
        queues = [queue for queue in queues if queue]
        chosen += [queue.pop(0) for queue in queues]
    return [
        _quoted(questions[index], {arm: (found[index], primary[arm][index]) for arm, found in items.items()})
        for index in chosen[:MAX_DISAGREEMENTS]
    ]


def _spread(scores: Scores, index: int) -> float:
    known = [value for values in scores.values() if (value := values[index]) is not None]
    return max(known) - min(known) if known else 0.0


def _quoted(question: Prediction, answers: Mapping[str, tuple[Item, float | None]]) -> Disagreement:
    return Disagreement(
        id=question.id,
        question=_cut(question.question),
        expected=_cut(question.expected),
        stratum=question.stratum,
        document=question.document,
        answers=[
            ArmAnswer(
                arm=arm,
                answer=_cut(item.prediction.answer),
                score=None if score is None else rounded(100 * score),
                error=item.prediction.error and _cut(item.prediction.error),
                sources=[source.chunk for source in item.prediction.sources],
            )
            for arm, (item, score) in answers.items()
        ],
    )


def _cut(text: str) -> str:
    return text if len(text) <= QUOTE else text[:QUOTE].rstrip() + " …"
