"""The arms that a server answers with: each is a model of the API. One base model in memory serves them all.

A model's name is an arm's, and what follows it changes the request: `hybrid:k=2` retrieves two passages,
`rag+sources` writes its sources under the answer, for clients that show no annotations.
"""

from __future__ import annotations

import re
import threading
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dyag_core.artifacts import sha256_of
from dyag_core.chat.prompts import SYSTEM, system_messages
from dyag_core.errors import UsageError, nearest
from dyag_core.evaluation.arm_models import Models
from dyag_core.records.arm import ARMS, Arm, arms_named
from dyag_core.retrieval.prompting import Prompt, build_prompts
from dyag_core.serving.errors import ApiError
from dyag_core.text.language import detect_language

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from dyag_core.plugin.entry import Chosen
    from dyag_core.plugin.host import Plugins
    from dyag_core.plugin.protocols import Engine
    from dyag_core.plugin.run import Run
    from dyag_core.records import Decoding, Message
    from dyag_core.retrieval.index import OpenIndex

_NAME = re.compile(r"(?P<arm>[a-z]+)(?P<sources>\+sources)?(?::k=(?P<k>[1-9]\d?))?")


@dataclass(frozen=True)
class Model:
    """What a model's name asks for: the arm, how many passages, and whether sources stand in the text."""

    name: str
    arm: Arm
    k: int
    sources: bool = False


@dataclass(eq=False)
class ServedArms:
    """Loaded arms. Close them when done. `index` may be replaced while requests are under way.

    Args:
        k: passages by arm, where a request doesn't say.
    """

    arms: Mapping[str, Arm]
    models: Models
    engines: Mapping[bool, Engine]
    index: OpenIndex | None
    k: Mapping[str, int]
    close: Callable[[], None]

    def __post_init__(self) -> None:
        self._described: dict[str, Any] = {name: self.models.describe(arm) for name, arm in self.arms.items()}
        self._preparing = threading.Lock()  # neither tokenizers nor retrievers promise to be used by several at once

    @property
    def at_once(self) -> int:
        """How many answers the engines write at the same time."""
        return min(int(getattr(engine, "concurrent", 1)) for engine in self.engines.values())

    def model(self, name: str) -> Model:
        """What `name` asks for. ApiError: there is no such model here."""
        found = _NAME.fullmatch(name)
        arm = self.arms.get(found["arm"]) if found else None
        if found is None or arm is None or (not arm.retrieval and (found["k"] or found["sources"])):
            known = ", ".join(self.arms)
            raise ApiError(404, f"there is no model {name[:80]!r} here; known: {known}", code="model_not_found")
        return Model(name, arm, int(found["k"] or self.k.get(arm.name, 3)), found["sources"] is not None)

    def engine(self, arm: Arm) -> Engine:
        """The engine that answers for `arm`."""
        return self.engines[arm.finetuned]

    def lang(self, question: str) -> str:
        """The language of an answer: the training data's or the documents', where they have one."""
        passport = self.models.passport
        known = (passport.lang if passport else None) or (self.index.lang if self.index else None)
        return known or detect_language([question])

    def prompt(
        self, model: Model, system: str | None, turns: Sequence[Message], decoding: Decoding
    ) -> tuple[Prompt, int]:
        """A conversation as the arm sees it, and its tokens. Without a system turn it gets the one arms are measured
        with.

        Raises:
            ApiError: the conversation is too long for the model, or its chat template refuses it.
        """
        engine, lang = self.engine(model.arm), self.lang(turns[-1].content)
        if system is None:
            passport = self.models.passport
            system = passport.system_prompt if passport is not None else SYSTEM[lang]
        with self._preparing:
            try:
                [prompt] = build_prompts(
                    [(*system_messages(system), *turns)],
                    model.arm,
                    engine=engine,
                    index=self.index,
                    k=model.k,
                    lang=lang,
                    decoding=decoding,
                )
                length = engine.count_tokens(prompt.messages)
            except (ValueError, TypeError, LookupError) as error:
                raise ApiError(400, "the model's chat template refuses these messages", param="messages") from error
        if length >= engine.context_length:
            raise ApiError(
                400,
                f"the messages have {length} tokens, the model's context holds {engine.context_length}",
                code="context_length_exceeded",
                param="messages",
            )
        return prompt, length

    def fingerprint(self, model: Model) -> str:
        """Changes whenever what answers does: the weights, the passages, how many of them."""
        about = [self._described[model.arm.name]]
        if model.arm.retrieval and self.index is not None:
            about += [self.index.sha256, model.k]
        return "dyag_" + sha256_of(about)[:16]


def arms_allowed(names: Sequence[str] | None, *, finetuned: bool, retrieval: bool) -> dict[str, Arm]:
    """The arms to serve: those in `names`, by default all that a fine-tuned model and an index (or none) allow.

    Raises:
        UsageError: an arm is named that can't be served.
    """
    able = {
        name: arm
        for name, arm in ARMS.items()
        if not arm.oracle and (finetuned or not arm.finetuned) and (retrieval or not arm.retrieval)
    }
    if not names:
        return able
    for arm in arms_named(names):
        if arm.name not in able:
            lacks = "knows the right passages" if arm.oracle else "needs --model or --index"
            raise UsageError(f"the {arm.name} arm {lacks}: it can't be served", nearest(arm.name, able))
    return {arm.name: arm for arm in arms_named(names)}


def open_arms(
    arms: Mapping[str, Arm],
    chosen: Chosen,
    models: Models,
    index: OpenIndex | None,
    k: Mapping[str, int],
    plugins: Plugins,
    run: Run,
) -> ServedArms:
    """Load what `arms` need. Where the engine can, the adapter is put on the base that is in memory already."""
    kinds = sorted({arm.finetuned for arm in arms.values()})
    engines: dict[bool, Engine] = {}
    with ExitStack() as stack:

        def load(finetuned: bool) -> Engine:
            adapter = models.model if finetuned else None
            engine = plugins.engine(chosen, models.base_path, adapter, run, models.base.chat_template)
            stack.callback(engine.close)
            return engine

        engines[kinds[0]] = load(kinds[0])
        if len(kinds) == 2:
            share = getattr(engines[False], "with_adapter", None)
            tuned = share(models.model) if share is not None else None
            if tuned is None:
                run.warn(f"{chosen} can't share one base model between arms: a second copy is loaded")
            try:
                engines[True] = tuned or load(True)
            except UsageError as error:  # llama.cpp, for one, holds one model in a process
                raise UsageError(error.message, "serve the arms of one model: --arms base,rag") from error
        return ServedArms(arms, models, engines, index, k, stack.pop_all().close)
