"""A chat with a model, within its context."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Self

from dyag_core.artifacts import write_jsonl
from dyag_core.chat.prompts import SYSTEM, question_messages
from dyag_core.errors import DyagError, UsageError
from dyag_core.evaluation.arm_models import Models, opened_engine
from dyag_core.plugin.run import Run
from dyag_core.progress import SilentProgress
from dyag_core.records import Decoding, Message, Reply, Source
from dyag_core.records.answer import Answer
from dyag_core.records.arm import arm_for
from dyag_core.retrieval.index import open_index
from dyag_core.retrieval.prompting import build_prompts
from dyag_core.text.language import detect_language
from dyag_core.text.reasoning import without_reasoning

if TYPE_CHECKING:
    from collections.abc import Generator

    from dyag_core.plugin.host import Plugins
    from dyag_core.progress import Progress
    from dyag_core.records.options import QueryOptions


class Conversation:
    """A chat with a model. Use it as a context manager, or close it.

    `notice` holds what the user should know about the last answer (earlier turns or passages that no longer fit, an
    answer that was cut), or None.
    """

    def __init__(
        self,
        given: QueryOptions,
        *,
        plugins: Plugins,
        progress: Progress | None = None,
    ) -> None:
        """Load model and index. Raises UsageError where there are none, DyagError where the adapter won't apply."""
        model, index = given.model, given.index
        self.decoding = given.decoding or Decoding()
        self.notice: str | None = None
        self.last: Answer | None = None
        self._k = given.k
        self._history: list[Message] = []
        self._run = Run(
            stage="query",
            folder=model or Path(),
            plugins=plugins,
            seed=self.decoding.seed,
            progress=progress or SilentProgress(),
        )
        self.arm = arm_for(finetuned=model is not None, retrieval=index is not None)
        with ExitStack() as stack:
            chosen = plugins.choose("engines", given.engine, given.engine_options)
            self._index = open_index(index, plugins=plugins, run=self._run) if index is not None else None
            self._models = Models.resolve(
                model,
                given.base_model,
                plugins,
                self._run.progress,
                remote=chosen.remote,
                chat_template=given.chat_template,
            )
            self._engine = stack.enter_context(opened_engine(chosen, self._models, self.arm, plugins, self._run))
            self._stack = stack.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Free the model's memory."""
        self._stack.close()

    def ask(self, question: str) -> Generator[str, None, Answer]:
        """Answer, yielding text as it comes; the generator's return value is the whole answer.

        A generator that is closed early (Ctrl-C) leaves the history as it was.

        Raises:
            UsageError: the question is empty, or too long for the model. DyagError: the model could not answer.
        """
        if not question.strip():
            raise UsageError("the question is empty")
        turn, system = self._turn(question)
        history, dropped = self._fitting_history(turn, system)
        messages = (*system, *history, turn)
        [prompt] = build_prompts(
            [messages],
            self.arm,
            engine=self._engine,
            index=self._index,
            k=self._k,
            lang=self._lang(question),
            decoding=self.decoding,
        )
        reply = yield from self._engine.stream(prompt.messages, self.decoding)
        if reply.error is not None:
            raise DyagError(f"no answer: {reply.error}", reply.hint)
        answer = without_reasoning(reply.text)
        self._history = [*history, turn, Message(role="assistant", content=answer)]
        self.notice = self._notice(dropped, prompt.cut, reply)
        self.last = Answer(
            question=question,
            answer=answer,
            arm=self.arm.name,
            base_model=self._models.base.name,
            sources=tuple(Source(chunk=hit.chunk.id, score=hit.score) for hit in prompt.hits),
            prompt_tokens=reply.prompt_tokens,
            completion_tokens=reply.completion_tokens,
            seconds=reply.seconds + prompt.retrieval_seconds,
            truncated=reply.truncated,
            notice=self.notice,
        )
        return self.last

    def reset(self) -> None:
        """Forget everything that was said."""
        self._history = []
        self.notice = None

    def save(self, path: Path) -> None:
        """Write what was said as one line of chat JSONL: the shape that training reads."""
        lang = detect_language(message.content for message in self._history)
        system = question_messages("", self._system(lang))[:-1]
        messages = [message.model_dump() for message in (*system, *self._history)]
        write_jsonl(path, [{"messages": messages, "meta": {"arm": self.arm.name}}])

    def _turn(self, question: str) -> tuple[Message, tuple[Message, ...]]:
        *system, turn = question_messages(question, self._system(self._lang(question)))
        return turn, tuple(system)

    def _system(self, lang: str) -> str | None:
        """What the model was trained with; a base model gets the same words as the training data would."""
        passport = self._models.passport
        return passport.system_prompt if passport is not None else SYSTEM[lang]

    def _lang(self, question: str) -> str:
        """One question is too short to tell a language by: the model's or the index's documents decide if they can."""
        passport = self._models.passport
        known = (passport.lang if passport else None) or (self._index.lang if self._index else None)
        return known or detect_language([question])

    def _fitting_history(self, turn: Message, system: tuple[Message, ...]) -> tuple[list[Message], int]:
        """The latest turns that fit beside the question and its answer, and how many questions were left out."""
        room = self._engine.context_length - min(self.decoding.max_new_tokens, self._engine.context_length // 2)
        if self.arm.retrieval:
            room //= 2  # the other half is for passages: they matter more than what was said long ago
        history, dropped = list(self._history), 0
        while history and self._engine.count_tokens((*system, *history, turn)) > room:
            del history[:2]
            dropped += 1
        return history, dropped

    def _notice(self, dropped: int, cut: bool, reply: Reply) -> str | None:
        notes = []
        if dropped:
            notes.append(f"the context is full: the first {dropped} question{'s' * (dropped > 1)} no longer count")
        if cut:
            notes.append("not all passages fitted the context")
        if reply.truncated:
            notes.append(f"the answer was cut at {self._limit_met(reply)}")
        return "; ".join(notes) or None

    def _limit_met(self, reply: Reply) -> str:
        """Which limit cut an answer: the one that was asked for, or the model's context."""
        limit, context = self.decoding.max_new_tokens, self._engine.context_length
        if reply.completion_tokens < limit and reply.prompt_tokens + reply.completion_tokens >= context:
            return f"the model's context of {context} tokens: ask something shorter, or lower -k"
        return f"its limit of {limit} tokens: raise --max-new-tokens"
