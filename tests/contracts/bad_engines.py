"""Engines that each break one check; the good one breaks none."""

from __future__ import annotations

import itertools

from dyag_core import (
    Message,
    Reply,
    UsageError,
    hookimpl,
)
from dyag_core.testing import (
    EngineContract,
)


class Echo:
    """Answers with the last words of the prompt."""

    context_length = 100

    def words(self, prompt):
        return " ".join(turn.content for turn in prompt).split()

    def count_tokens(self, prompt):
        return len(self.words(prompt)) + 1

    def reply(self, prompt, decoding):
        words = self.words(prompt)
        if len(words) > self.context_length:
            return Reply(text="", prompt_tokens=len(words), error="too long")
        answer = words[-decoding.max_new_tokens :]
        return Reply(text=" ".join(answer), prompt_tokens=self.count_tokens(prompt), completion_tokens=len(answer))

    def answer(self, prompts, decoding):
        for index, prompt in reversed(list(enumerate(prompts))):
            yield index, self.reply(prompt, decoding)

    def stream(self, prompt, decoding):
        reply = self.reply(prompt, decoding)
        yield reply.text[:4]
        yield reply.text[4:]
        return reply

    def close(self):
        """Nothing to free."""


class Engines:
    """Opens an echo."""

    dyag_api = 1
    engine = Echo

    @hookimpl
    def dyag_open_engine(self, base_path, adapter):
        if adapter is not None:
            raise UsageError("an echo takes no adapter")
        return self.engine()


class EchoContract(EngineContract):
    base_model = "echo"


class TestGoodEngine(EchoContract):
    plugin = Engines


class TestHalfOfThem(EchoContract):
    breaks, says = "test_it_answers_every_prompt_once", "once for each of 4 prompts"

    class plugin(Engines):
        class engine(Echo):
            def answer(self, prompts, decoding):
                return itertools.islice(super().answer(prompts, decoding), 2)


class TestEndlessAnswers(EchoContract):
    breaks, says = "test_it_answers_every_prompt_once", "max_new_tokens is 24"

    class plugin(Engines):
        class engine(Echo):
            def reply(self, prompt, decoding):
                return super().reply(prompt, decoding).model_copy(update={"completion_tokens": 999})


class TestNoEngine(EchoContract):
    breaks, raises = "test_it_answers_every_prompt_once", "not something with the method answer"

    class plugin(Engines):
        @hookimpl
        def dyag_open_engine(self, base_path):
            return object()


class TestBatchMatters(EchoContract):
    breaks, says = "test_a_prompt_is_answered_by_itself", "a reply depends on its prompt alone"

    class plugin(Engines):
        class engine(Echo):
            def answer(self, prompts, decoding):
                for index, prompt in enumerate(prompts):
                    yield index, self.reply((*prompt, Message(role="user", content=str(len(prompts)))), decoding)


class TestStreamsSomethingElse(EchoContract):
    breaks, says = "test_streaming_gives_the_same_answer", "are not the reply"

    class plugin(Engines):
        class engine(Echo):
            def stream(self, prompt, decoding):
                yield "Let me see"
                return self.reply(prompt, decoding)


class TestCountsTurns(EchoContract):
    breaks, says = "test_it_counts_tokens", "count_tokens says 1"

    class plugin(Engines):
        class engine(Echo):
            def count_tokens(self, prompt):
                return len(prompt)


class TestCutsAllWhenOneIsLong(EchoContract):
    breaks, says = "test_one_bad_prompt_spoils_no_other", "changed the replies to its neighbours"

    class plugin(Engines):
        class engine(Echo):
            def answer(self, prompts, decoding):
                long = any(len(self.words(prompt)) > self.context_length for prompt in prompts)
                for index, prompt in enumerate(prompts):
                    yield index, Reply(text="", error="too long") if long else self.reply(prompt, decoding)


class TestNeedsAWord(EchoContract):
    breaks, raises = "test_it_survives_odd_prompts", "IndexError"

    class plugin(Engines):
        class engine(Echo):
            def reply(self, prompt, decoding):
                return Reply(text=self.words(prompt)[0])


class TestIgnoresTheAdapter(EchoContract):
    breaks, says = "test_it_refuses_an_adapter_that_is_none", "check that the adapter was really applied"

    class plugin(Engines):
        @hookimpl
        def dyag_open_engine(self, base_path):
            return Echo()


class TestClosesOnce(EchoContract):
    breaks, raises = "test_it_can_be_closed_twice", "AttributeError"

    class plugin(Engines):
        class engine(Echo):
            def close(self):
                del self.model

            def __init__(self):
                self.model = "model"
