"""A question and the reply to it, as metrics take them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dyag_core.chat.trained_questions import question_hash
from dyag_core.records import Prediction, Source
from dyag_core.text.reasoning import without_reasoning

if TYPE_CHECKING:
    from dyag_core.records import Question, Reply
    from dyag_core.retrieval.prompting import Prompt


def prediction_of(question: Question, prompt: Prompt, reply: Reply, trained: frozenset[str]) -> Prediction:
    """A question with the answer that came, for metrics; `trained` are hashes of questions the model has seen."""
    answer = without_reasoning(reply.text)
    return Prediction(
        id=question.id,
        question=question.question,
        expected=question.expected_answer,
        answer=answer,
        expected_answers=question.expected_answers,
        reply=reply.text if answer != reply.text else None,
        reasoning=reply.reasoning or None,
        answerable=question.answerable,
        stratum=question.stratum,
        document=question.document,
        chunk=question.chunk,
        other_chunks=question.other_chunks,
        fact=question.fact,
        context=prompt.context,
        sources=tuple(Source(chunk=hit.chunk.id, score=hit.score) for hit in prompt.hits),
        prompt_tokens=reply.prompt_tokens,
        completion_tokens=reply.completion_tokens,
        seconds=reply.seconds + reply.retrieval_seconds,
        retrieval_seconds=reply.retrieval_seconds,
        truncated=reply.truncated,
        seen_in_training=question_hash(question.question) in trained,
        error=reply.error,
    )
