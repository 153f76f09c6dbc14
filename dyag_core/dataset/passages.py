"""Passages in front of training questions, so that a model learns to answer from them (RAFT: Zhang et al. 2024).

A question gets what the hybrid arm would show it with `-k` distractors + 1: the same search, the same template, best
first; where the search finds fewer passages, there are fewer. A right passage that the search missed takes the last
place. In some it is left out, and the answer is then that the documents don't tell: RAFT trains the true answer there,
which teaches a model to guess whatever it is shown. The facts are learnt from questions that stand bare, so that one
adapter serves with passages and without. A question that nothing answers, or whose passage is not known, gets what is
found.

With --split, no passage of a document that is held out by lot is shown in training, and one that was shown is not asked
about as unseen.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dyag_core.chat.prompts import context_text, with_context
from dyag_core.records import Message
from dyag_core.text.abstention import UNKNOWN

if TYPE_CHECKING:
    from dyag_core.dataset.splits import Choice
    from dyag_core.plugin.run import Run
    from dyag_core.records import Chunk, Example
    from dyag_core.retrieval.index import OpenIndex

DISTRACTORS = 2
#: Share of the questions that stand bare.
BARE = 0.3
#: Share of the others with a known passage that are trained without it.
WITHOUT_RIGHT = 0.15
#: So many times the passages that are wanted are searched, as those of held-out documents are passed over.
_SEARCHED = 4


@dataclass(eq=False)
class Passages:
    """Puts passages of `index` into training rows, and counts the kinds of rows that it made."""

    index: OpenIndex
    distractors: int
    run: Run
    choice: Choice | None = None
    counts: Counter[str] = field(default_factory=Counter)

    def put_into(self, row: dict[str, Any], example: Example) -> dict[str, Any]:
        """`row` with passages in its question; their ids go into `meta.context`."""
        lot = self.run.random("passages", example.question)
        if lot.random() < BARE:
            self.counts["asked without passages"] += 1
            return row | {"meta": row["meta"] | {"context": []}}
        right = self._right(example)
        left_out = bool(right) and lot.random() < WITHOUT_RIGHT
        chunks = self._chosen(example.question, right, left_out)
        if self.choice:
            for chunk in chunks:
                self.choice.shows(_document(chunk))
        self.counts[_kind(right, left_out, chunks)] += 1
        *prompt, answer = (Message.model_validate(message) for message in row["messages"])
        meta = row["meta"] | {"context": [chunk.id for chunk in chunks]}
        if chunks:
            prompt = list(with_context(prompt, context_text(chunks), self.run.lang))
            if left_out:
                answer = answer.model_copy(update={"content": UNKNOWN[self.run.lang]})
                meta["answerable"] = False
        return {"messages": [message.model_dump() for message in (*prompt, answer)], "meta": meta}

    def _right(self, example: Example) -> list[Chunk]:
        """The passages that the answer rests on."""
        if not example.answerable:
            return []
        return [chunk for name in example.chunks if (chunk := self.index.chunk(name)) is not None]

    def _chosen(self, question: str, right: list[Chunk], left_out: bool) -> list[Chunk]:
        size = self.distractors + 1
        names = {chunk.id for chunk in right}
        [hits] = self.index.search([question], _SEARCHED * (size + len(right)))
        found = [hit.chunk for hit in hits if hit.chunk.id in names or self._may_show(hit.chunk)]
        others = [chunk for chunk in found if chunk.id not in names]
        if left_out or not right:
            return others[:size]
        kept = names.union(chunk.id for chunk in others[: max(0, size - len(right))])
        ordered = [chunk for chunk in found if chunk.id in kept]
        return ordered + [chunk for chunk in right if chunk not in ordered]

    def _may_show(self, chunk: Chunk) -> bool:
        return self.choice is None or self.choice.may_show(_document(chunk))


def _document(chunk: Chunk) -> str:
    return str(chunk.metadata.get("document", chunk.id))


def _kind(right: list[Chunk], left_out: bool, chunks: list[Chunk]) -> str:
    if not chunks:
        return "nothing was found"
    if not right:
        return "no right one is known"
    return "the right one is left out" if left_out else "the right one is there"
