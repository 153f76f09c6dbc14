"""Asks a model within a budget and writes down every reply as it comes: nothing is paid for twice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dyag_core import Decoding, Message, Reply
from dyag_core.artifacts import Journal, sha256_of
from dyag_core.plain import writable
from dyag_core.tokens import guessed_text_tokens, guessed_tokens

if TYPE_CHECKING:
    from dyag_core import Engine, Run

#: A prompt may have so many times the guessed tokens, until the server's own counts say more.
_MARGIN = 1.2


@dataclass
class Budget:
    """What was spent and what may be: tokens, and money at so much a million of them.

    Replies that an earlier run has paid for count too: the limit is for the output file, however many runs it takes.
    """

    max_tokens: int | None = None
    max_cost: float | None = None
    price_in: float | None = None
    price_out: float | None = None
    tokens_in: int = 0
    tokens_out: int = 0

    def cost(self, tokens_in: int, tokens_out: int) -> float | None:
        """Money, None where there are no prices."""
        if self.price_in is None or self.price_out is None:
            return None
        return (tokens_in * self.price_in + tokens_out * self.price_out) / 1e6

    def spend(self, tokens_in: int, tokens_out: int) -> None:
        """Write down what a reply took."""
        self.tokens_in += tokens_in
        self.tokens_out += tokens_out

    def fitting(self, worst: Sequence[tuple[int, int]]) -> int:
        """How many of the next requests can be sent so that even the longest replies stay within the limits."""
        tokens_in, tokens_out = self.tokens_in, self.tokens_out
        for number, (prompt, reply) in enumerate(worst):
            tokens_in, tokens_out = tokens_in + prompt, tokens_out + reply
            cost = self.cost(tokens_in, tokens_out)
            too_many = self.max_tokens is not None and tokens_in + tokens_out > self.max_tokens
            if too_many or (self.max_cost is not None and cost is not None and cost > self.max_cost):
                return number
        return len(worst)


class Asker:
    """Replies to prompts: from the journal, else from the engine, which is opened when it is first needed.

    Args:
        model: what the replies depend on besides prompt and decoding.
        open_engine: gives the engine.
    """

    def __init__(
        self, run: Run, journal: Journal, model: dict[str, Any], open_engine: Callable[[], Engine], budget: Budget
    ) -> None:
        self._run, self._journal, self._model = run, journal, model
        self._open_engine, self._budget = open_engine, budget
        self._engine: Engine | None = None
        self._counted: set[str] = set()
        self._margin = _MARGIN

    def close(self) -> None:
        """Free the model."""
        if self._engine:
            self._engine.close()

    def replies(self, prompts: Sequence[Sequence[Message]], decoding: Decoding, doing: str) -> list[Reply | None]:
        """The reply to each prompt; None where the budget didn't allow to ask. Failed replies carry their error."""
        keys = [request_key(self._model, prompt, decoding) for prompt in prompts]
        found = {key: self._known(key) for key in keys}
        first = {key: n for n, key in reversed(list(enumerate(keys)))}  # the same prompt twice is asked once
        left = sorted(first[key] for key, reply in found.items() if reply is None)
        if left:
            self._ask(left, keys, prompts, decoding, found, doing)
        return [found[key] for key in keys]

    def _ask(
        self,
        left: list[int],
        keys: Sequence[str],
        prompts: Sequence[Sequence[Message]],
        decoding: Decoding,
        found: dict[str, Reply | None],
        doing: str,
    ) -> None:
        """Put replies into `found` for as many of `left` as the budget allows."""
        with self._run.progress.task(doing, total=len(left)) as task:
            while left:
                # What fits even if every reply is as long as it may be; most aren't, so look again when they are in.
                worst = [(int(self._margin * guessed_tokens(prompts[n])), decoding.max_new_tokens) for n in left]
                fitting = self._budget.fitting(worst)
                now, left = left[:fitting], left[fitting:]
                if not now:
                    break
                self._engine = self._engine or self._open_engine()
                for position, reply in self._engine.answer([prompts[n] for n in now], decoding):
                    number = now[position]
                    found[keys[number]] = self._keep(keys[number], prompts[number], reply)
                    task.advance()

    def _known(self, key: str) -> Reply | None:
        if key not in self._journal:
            return None
        reply = Reply.model_validate(self._journal.get(key))
        if key not in self._counted:
            self._counted.add(key)
            self._budget.spend(reply.prompt_tokens, reply.completion_tokens)
        return reply

    def _keep(self, key: str, prompt: Sequence[Message], reply: Reply) -> Reply:
        """Journal a reply. One that failed isn't kept: it is asked for again by the next run."""
        text = writable(reply.text)
        prompt_tokens = reply.prompt_tokens or guessed_tokens(prompt)  # not every server counts
        completion_tokens = reply.completion_tokens or guessed_text_tokens(len(text.encode()))
        self._margin = max(self._margin, prompt_tokens / guessed_tokens(prompt))
        kept = Reply(text=text, prompt_tokens=prompt_tokens, completion_tokens=completion_tokens, error=reply.error)
        if reply.error is None:
            self._journal.put(key, kept.model_dump(mode="json", exclude_defaults=True) | {"text": text})
            self._budget.spend(prompt_tokens, completion_tokens)
            self._counted.add(key)
        return kept


def request_key(model: dict[str, Any], prompt: Sequence[Message], decoding: Decoding) -> str:
    """Names all that a reply depends on."""
    return sha256_of(
        {
            "model": model,
            "prompt": [message.model_dump() for message in prompt],
            "decoding": decoding.model_dump(),
        }
    )
