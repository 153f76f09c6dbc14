"""Answered questions before the one that is asked, for a base model that was never taught a chat.

A model that was only pretrained goes on with its prompt instead of answering it, so that its base and RAG arms would
measure the form and not what it knows or reads. A few answered questions show it what an answer is (Brown et al. 2020,
arXiv:2005.14165), in plain words: the tokens of a chat's turns were never trained, and it can't produce them. The
examples are validation rows, so that nothing is learnt from the test questions; a fine-tuned model learnt the form in
training and is asked without them.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from dyag_core.artifacts import file_sha256
from dyag_core.chat.prompts import context_text, with_context
from dyag_core.chat.questions import read_usable
from dyag_core.models.chat_templates import untrained_template
from dyag_core.records import Message, Question

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from dyag_core.plugin.protocols import Engine
    from dyag_core.records.arm import Arm
    from dyag_core.retrieval.index import OpenIndex

#: How many a model gets that comes without a chat template of its own.
EXAMPLES = 4


@dataclass(frozen=True)
class FewShot:
    """The examples, in the order in which a model sees them, and the file they are from.

    `template` is the chat template of questions and answers in words; None where the model has its own.
    """

    examples: tuple[Question, ...]
    path: Path
    lang: str
    template: str | None

    @classmethod
    def read(
        cls,
        validation: Path,
        asked: Sequence[Question],
        n: int,
        *,
        lang: str,
        pretrained: bool,
        tell: Callable[[str], None],
    ) -> FewShot:
        """Up to `n` examples from `validation`, each of another document; one in four has no answer in the documents.

        None rests on a fact that is asked for. Those of documents that no question is about come first: with passages,
        an example would show a document's.
        """
        free = _free(read_usable(validation, None, tell), asked)
        unanswerable = [example for example in free if not example.answerable][: n // 4]
        answerable = [example for example in free if example.answerable][: n - len(unanswerable)]
        chosen = [one for pair in zip_longest(answerable, unanswerable) for one in pair if one is not None]
        return cls(tuple(chosen), validation, lang, untrained_template(lang) if pretrained else None)

    def turns(self, arm: Arm, index: OpenIndex | None, engine: Engine) -> list[Message]:
        """The examples as `arm` would be asked them, each with its answer.

        They take half of the engine's context at most: the first are left out where they would take more.
        """
        turns = [
            turn for example in self.examples for turn in self._turn_pair(example, index if arm.retrieval else None)
        ]
        while turns and engine.count_tokens(turns) > engine.context_length // 2:
            del turns[:2]
        return turns

    def _turn_pair(self, example: Question, index: OpenIndex | None) -> tuple[Message, Message]:
        """An example's question and answer; with an index behind the passage that answers it, else the first found."""
        asked: tuple[Message, ...] = (example.messages[-1],)
        if index is not None:
            right = index.right_chunks(example)
            if chunks := right or [hit.chunk for hit in index.search([example.question], 1)[0]]:
                asked = with_context(asked, context_text(chunks[:1]), self.lang)
        return asked[0], Message(role="assistant", content=example.expected_answer)

    def describe(self) -> dict[str, Any]:
        """For results files."""
        ids = [example.id for example in self.examples]
        return {
            "examples": ids,
            "plain": self.template is not None,
            "file": self.path.name,
            "sha256": file_sha256(self.path),
        }


def after_examples(messages: Sequence[Message], turns: Sequence[Message]) -> list[Message]:
    """`messages` with the examples' turns between the system turn and the question."""
    system = [message for message in messages[:1] if message.role == "system"]
    return [*system, *turns, *messages[len(system) :]]


def _free(examples: Sequence[Question], asked: Sequence[Question]) -> list[Question]:
    """Examples that give nothing away, one a document, best first. A question within a dialogue is no example."""
    facts, questions = {one.fact for one in asked if one.fact}, {one.question.casefold() for one in asked}
    documents = {one.document for one in asked if one.document}

    def fit() -> Iterator[Question]:
        for one in examples:
            turns = [message.role for message in one.messages if message.role != "system"]
            if turns == ["user"] and one.fact not in facts and one.question.casefold() not in questions:
                yield one

    best = sorted(fit(), key=lambda one: one.document in documents)  # stable: the file's order within each
    first: dict[str, Question] = {}
    for one in best:
        first.setdefault(one.id if one.document is None else one.document, one)
    return list(first.values())
