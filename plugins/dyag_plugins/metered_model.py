"""Asks a model within a budget and writes down every reply as it comes: nothing is paid for twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from pydantic import BaseModel, Field, model_validator

from dyag_core import BaseModelPreset, Decoding, Message, Reply
from dyag_core.api import Journal, guessed_text_tokens, guessed_tokens, opened_as, revision_of, sha256_of, writable

if TYPE_CHECKING:
    from dyag_core import Engine, Progress, Run
    from dyag_core.api import Chosen

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


class AskedModelOptions(BaseModel, extra="forbid"):
    """Which model is asked, through which engine, at what price: for whatever asks one besides the arms."""

    model: str = Field(
        "smollm2:135m", description="preset, hub:ORG/NAME or folder; with base_url the name that the server uses"
    )
    base_url: str | None = Field(
        None, exclude=True, description="address of an OpenAI-compatible server; means engine=openai"
    )
    engine: str = Field("transformers", description="engine plugin that runs the model")
    engine_options: dict[str, Any] = Field(
        default_factory=dict, exclude=True, description="its options, as in '{concurrency: 16, timeout: 60}'"
    )
    price_in: float | None = Field(None, ge=0, description="price of a million prompt tokens")
    price_out: float | None = Field(None, ge=0, description="price of a million reply tokens")
    max_cost: float | None = Field(
        None, gt=0, description="stop before the requests cost more; needs prices", json_schema_extra={"flag": True}
    )
    max_tokens_total: int | None = Field(
        None, ge=1, description="stop before prompts and replies have more tokens", json_schema_extra={"flag": True}
    )

    @model_validator(mode="after")
    def _make_sense(self) -> Self:
        if self.base_url is not None and "engine" not in self.model_fields_set:
            self.engine = "openai"
        if self.max_cost is not None and (self.price_in is None or self.price_out is None):
            raise ValueError("max_cost needs price_in and price_out")
        return self

    def budget(self) -> Budget:
        """Nothing is spent yet."""
        return Budget(self.max_tokens_total, self.max_cost, self.price_in, self.price_out)


@dataclass(frozen=True, eq=False)
class AskedModel:
    """The model that is asked and the engine that runs it."""

    engine: Chosen
    preset: BaseModelPreset

    @classmethod
    def choose(cls, options: AskedModelOptions, run: Run) -> AskedModel:
        """The model that `options` mean. UsageError: there is no such engine or model."""
        settings = options.engine_options | ({"base_url": options.base_url} if options.base_url else {})
        engine = run.plugins.choose("engines", options.engine, settings)
        return cls(engine, run.plugins.base_model(options.model, remote=engine.remote))

    def path(self, progress: Progress | None = None) -> str:
        """What the engine opens."""
        return opened_as(self.preset, remote=self.engine.remote, progress=progress)

    def described(self, path: str) -> dict[str, Any]:
        """What stands for the model in the journal: not its address and not how hard it is asked."""
        return {"engine": self.engine.name, "source": self.preset.source, "revision": revision_of(self.preset, path)}

    @contextmanager
    def asker(self, journal: Journal, run: Run, budget: Budget, name: str) -> Iterator[Asker]:
        """Asks the model within `budget`; says in the end what the replies took, those of earlier runs included."""
        path = self.path(run.progress)

        def opened() -> Engine:
            return run.plugins.engine(self.engine, path, None, run, self.preset.chat_template)

        with closing(Asker(run, journal, self.described(path), opened, budget)) as asker:
            yield asker
        cost = budget.cost(budget.tokens_in, budget.tokens_out)
        money = f", cost {cost:.4g}" if cost is not None else ""
        run.progress.message(f"{name}: {budget.tokens_in} prompt tokens, {budget.tokens_out} reply tokens{money}")


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
