"""What an engine keeps to."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import pytest

from dyag_core.plugin.protocols import Engine
from dyag_core.records import Decoding, Message, Reply
from dyag_core.testing.contract import FamilyContract
from dyag_core.testing.samples import ODD_TEXTS

if TYPE_CHECKING:
    from dyag_core.plugin.entry import Chosen
    from dyag_core.plugin.host import Plugins
    from dyag_core.plugin.run import Run

_SHORT = Decoding(max_new_tokens=24)


def _prompt(text: str, system: str | None = None) -> tuple[Message, ...]:
    before = (Message(role="system", content=system),) if system else ()
    return (*before, Message(role="user", content=text))


class EngineContract(FamilyContract):
    """Each prompt's own answer, whichever prompts stand beside it.

    An engine that opens a folder is tried on a tiny random model. One that asks a server (`remote = True`) names in
    `base_model` a model that the server has, and in `options` where it is.
    """

    family = "engines"
    section: ClassVar[str] = "Engines"
    base_model: ClassVar[str | None] = None

    prompts: ClassVar[tuple[tuple[Message, ...], ...]] = (
        _prompt("Which licence does 7zip use?"),
        _prompt("What is it?", "Answer briefly. If you do not know, say so."),
        _prompt("À quoi sert Ansible ? " * 4),
        (*_prompt("One?"), Message(role="assistant", content="Two."), Message(role="user", content="And three?")),
    )

    @pytest.fixture
    def opened(
        self, dyag_host: Plugins, dyag_chosen: Chosen, dyag_run: Callable[..., Run], dyag_base_model: str
    ) -> Iterator[Engine]:
        """An open engine."""
        with self._open(dyag_host, dyag_chosen, dyag_run, dyag_base_model) as engine:
            yield engine

    @contextmanager
    def _open(self, host: Plugins, chosen: Chosen, run: Callable[..., Run], model: str) -> Iterator[Engine]:
        engine = host.engine(chosen, model, None, run(stage="query"))
        missing = [
            name
            for name in ("context_length", "answer", "stream", "count_tokens", "close")
            if not hasattr(engine, name)
        ]
        self.wants(not missing, f"the engine has no {', '.join(missing)}: see dyag_core.plugin.protocols.Engine")
        try:
            yield engine
        finally:
            engine.close()

    def answers(self, engine: Engine, prompts: Sequence[Sequence[Message]], decoding: Decoding = _SHORT) -> list[Reply]:
        """Replies in the order of the prompts: each came once."""
        found = list(engine.answer(prompts, decoding))
        self.wants(
            sorted(index for index, _ in found) == list(range(len(prompts))),
            f"answer() yields (index, reply) once for each of {len(prompts)} prompts; it gave {[i for i, _ in found]}",
        )
        self.wants(all(isinstance(reply, Reply) for _, reply in found), "a reply is a dyag_core.Reply")
        return [reply for _, reply in sorted(found, key=lambda pair: pair[0])]

    def test_it_answers_every_prompt_once(self, opened: Engine) -> None:
        """With its length in tokens, within the limit, and without an error."""
        for reply in self.answers(opened, self.prompts):
            self.wants(reply.error is None, f"a prompt failed: {reply.error}")
            self.wants(reply.prompt_tokens > 0, "Reply.prompt_tokens is missing: reports show what a query costs")
            self.wants(
                reply.completion_tokens <= _SHORT.max_new_tokens,
                f"{reply.completion_tokens} tokens came, max_new_tokens is {_SHORT.max_new_tokens}",
            )
        self.wants(self.answers(opened, []) == [], "no prompts, no replies")

    def test_a_prompt_is_answered_by_itself(self, opened: Engine) -> None:
        """Greedy answers depend neither on the batch nor on what was asked before."""
        together = [reply.text for reply in self.answers(opened, self.prompts)]
        alone = [self.answers(opened, [prompt])[0].text for prompt in self.prompts]
        self.wants(together == alone, f"together {together}, one by one {alone}: a reply depends on its prompt alone")

    def test_streaming_gives_the_same_answer(self, opened: Engine) -> None:
        """The pieces are the answer, and the generator returns the whole reply."""
        prompt = self.prompts[0]
        pieces: list[str] = []
        stream = opened.stream(prompt, _SHORT)
        while True:
            try:
                pieces.append(next(stream))
            except StopIteration as stop:
                reply = stop.value
                break
        self.wants(isinstance(reply, Reply), "the generator of stream() returns the whole Reply")
        self.wants("".join(pieces).strip() == reply.text.strip(), f"pieces {pieces} are not the reply {reply.text!r}")
        whole = self.answers(opened, [prompt])[0].text
        self.wants(reply.text.strip() == whole.strip(), f"streamed {reply.text!r}, answered {whole!r}")

    def test_it_counts_tokens(self, opened: Engine) -> None:
        """Histories are cut and passages chosen by these numbers."""
        short, long = opened.count_tokens(_prompt("One.")), opened.count_tokens(_prompt("One. " * 50))
        self.wants(0 < short < long, f"count_tokens says {short} for a word and {long} for fifty")
        self.wants(opened.context_length > 0, f"context_length is {opened.context_length}")

    def test_one_bad_prompt_spoils_no_other(self, opened: Engine) -> None:
        """Longer than the context: a reply with its error, and the others as they were."""
        good = self.prompts[0]
        expected = self.answers(opened, [good])[0].text
        endless = _prompt("word " * (opened.context_length + 1000))
        replies = self.answers(opened, [good, endless, good])
        self.wants(
            [replies[0].text, replies[2].text] == [expected, expected] and not (replies[0].error or replies[2].error),
            f"a prompt that is too long changed the replies to its neighbours: {replies[0]}, {replies[2]}",
        )

    def test_it_survives_odd_prompts(self, opened: Engine) -> None:
        """Empty, other scripts, control tokens: data, never an end of the run."""
        self.answers(opened, [_prompt(text) for text in ODD_TEXTS if len(text) < 200], Decoding(max_new_tokens=4))

    def test_it_refuses_an_adapter_that_is_none(
        self,
        dyag_host: Plugins,
        dyag_chosen: Chosen,
        dyag_run: Callable[..., Run],
        dyag_base_model: str,
        tmp_path: Path,
    ) -> None:
        """An engine that answers without the adapter it was given makes every comparison worthless."""
        empty = tmp_path / "no-adapter"
        empty.mkdir()
        try:
            dyag_host.engine(dyag_chosen, dyag_base_model, empty, dyag_run(stage="query"))
        except Exception:  # noqa: BLE001 - any refusal will do
            return
        self.wants(
            False, "it opened a model with an empty folder as adapter: check that the adapter was really applied"
        )

    def test_it_can_be_closed_twice(
        self, dyag_host: Plugins, dyag_chosen: Chosen, dyag_run: Callable[..., Run], dyag_base_model: str
    ) -> None:
        """Stages close what they opened, also after an error."""
        with self._open(dyag_host, dyag_chosen, dyag_run, dyag_base_model) as engine:
            engine.close()
