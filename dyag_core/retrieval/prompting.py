"""A question as an arm sees it: with the passages that fit the context, or without."""

from __future__ import annotations

from dataclasses import dataclass, replace
from time import perf_counter
from typing import TYPE_CHECKING

from dyag_core.chat.prompts import context_text, with_context
from dyag_core.errors import UsageError
from dyag_core.records import Hit
from dyag_core.records.arm import Arm

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dyag_core.plugin.protocols import Engine
    from dyag_core.records import Chunk, Decoding, Message
    from dyag_core.retrieval.index import OpenIndex


#: A cut passage shorter than this tells nothing: it is left out.
_SHORTEST_PASSAGE = 80


@dataclass(frozen=True)
class Prompt:
    """What a model is shown, the passages in it, and the seconds that finding them took."""

    messages: tuple[Message, ...]
    hits: tuple[Hit, ...] = ()
    context: str = ""
    cut: bool = False
    retrieval_seconds: float = 0.0


def build_prompts(
    questions: Sequence[Sequence[Message]],
    arm: Arm,
    *,
    engine: Engine,
    index: OpenIndex | None,
    k: int,
    lang: str,
    decoding: Decoding,
    right_chunks: Sequence[Sequence[Chunk]] | None = None,
) -> list[Prompt]:
    """Each question as `arm` sees it. Retrieval searches with the last user turn.

    The oracle sees a question's right chunks and nothing else; where `right_chunks` has none, what `rag` would see.

    Passages that don't fit the context beside the question and the answer's `max_new_tokens` are left out, the worst
    first; the last one is cut short. Where nothing is found, the prompt is the closed-book one.

    Raises:
        UsageError: the arm needs an index and there is none.
    """
    if not arm.retrieval:
        return [Prompt(tuple(messages)) for messages in questions]
    if index is None:
        raise UsageError(f"the {arm.name} arm needs an index", "give --index FOLDER (made by: dyag index-rag)")
    given = right_chunks if arm.oracle and right_chunks is not None else [()] * len(questions)
    found = _found(questions, given, index, k)
    room = engine.context_length - min(decoding.max_new_tokens, engine.context_length // 2)
    return [
        replace(_fitted(tuple(messages), hits, engine, room, lang), retrieval_seconds=seconds)
        for messages, (hits, seconds) in zip(questions, found, strict=True)
    ]


def _found(
    questions: Sequence[Sequence[Message]], given: Sequence[Sequence[Chunk]], index: OpenIndex, k: int
) -> Iterator[tuple[list[Hit], float]]:
    """The passages for each question and its share of the search's seconds, to the millisecond; given ones are free."""
    searched = [messages[-1].content for messages, chunks in zip(questions, given, strict=True) if not chunks]
    started = perf_counter()
    found = iter(index.search(searched, k) if searched else [])
    seconds = round((perf_counter() - started) / max(1, len(searched)), 3)
    for chunks in given:
        yield ([Hit(chunk=chunk, score=1.0) for chunk in chunks], 0.0) if chunks else (next(found), seconds)


def _fitted(messages: tuple[Message, ...], hits: Sequence[Hit], engine: Engine, room: int, lang: str) -> Prompt:
    kept = list(hits)
    while kept:
        context = context_text([hit.chunk for hit in kept])
        prompt = with_context(messages, context, lang)
        needed = engine.count_tokens(prompt)
        if needed <= room:
            return Prompt(prompt, tuple(kept), context, cut=kept != list(hits))
        if len(kept) > 1:
            kept.pop()
            continue
        shorter = _shortened(kept[0].chunk, needed - room, needed)
        if shorter is None:
            break
        kept = [kept[0].model_copy(update={"chunk": shorter})]
    return Prompt(messages, cut=bool(hits))


def _shortened(chunk: Chunk, excess: int, needed: int) -> Chunk | None:
    """`chunk` with at least its share of `excess` tokens gone, ending at a word; None where too little is left."""
    keep = min(int(len(chunk.text) * (1 - excess / needed) * 0.95), len(chunk.text) - 1)
    text = chunk.text[:keep].rsplit(None, 1)[0] if keep > 0 else ""
    return chunk.model_copy(update={"text": text}) if len(text) >= _SHORTEST_PASSAGE else None
