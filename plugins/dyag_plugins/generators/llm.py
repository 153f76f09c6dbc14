"""Generator *llm*: a language model reads each chunk and writes questions with their answers.

Every reply is journalled under a key over all that it depends on, so a run that was killed asks for nothing twice.
A reply that isn't the JSON asked for is asked for again, then rejected with its reason. Whether an answer is
supported by its chunk is checked by the stage, like everybody's.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from contextlib import closing
from importlib.resources import files
from itertools import islice
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any

import yaml
from pydantic import BaseModel, Field

from dyag_core import Chunk, Decoding, Document, Example, Message, UsageError, hookimpl
from dyag_core.artifacts import Journal, sha256_of
from dyag_core.base_models import locate, revision_of

if TYPE_CHECKING:
    from dyag_core import Engine, Reply, Run

#: Characters of a chunk that are shown to the model; small ones have 2048 tokens for everything.
_SHOWN = 3000
#: A second attempt must differ from the first: it is sampled.
_RETRY_TEMPERATURE = 0.7


class LLMOptions(BaseModel, extra="forbid"):
    """Which model writes, through which engine, how much."""

    model: str = Field("smollm2:135m", description="base model: a preset's name, hub:ORG/NAME or a folder")
    engine: str = Field("transformers", description="engine plugin that runs it")
    pairs: int = Field(3, ge=1, le=20, description="questions asked for in each chunk")
    prompts: Path | None = Field(None, description="your own prompts (YAML with the keys system and user)")
    temperature: float = Field(0.0, ge=0, description="0 is greedy")
    max_new_tokens: int = Field(400, ge=16, description="length of a reply in tokens")
    retries: int = Field(1, ge=0, description="how often an unusable reply is asked for again")
    batch: int = Field(16, ge=1, description="chunks given to the engine at once")


class LLMGenerator:
    """Any base model through any engine plugin."""

    dyag_api = 1
    Options = LLMOptions

    @hookimpl
    def dyag_generate(self, documents: Iterable[Document], options: LLMOptions, run: Run) -> Iterator[Example]:
        """Pairs of each chunk, in order."""
        preset = run.plugins.base_model(options.model)
        prompts = _Prompts.load(run.lang, options.prompts)
        with Journal(run.folder / "llm.journal.jsonl") as journal:
            path = locate(preset, run.progress)
            writer = _Writer(
                options, run, journal, path, {"source": preset.source, "revision": revision_of(preset, path)}
            )
            with closing(writer):
                chunks = ((document, chunk) for document in documents for chunk in document.chunks)
                while batch := list(islice(chunks, options.batch)):
                    asked = [prompts.messages(document, chunk, options.pairs) for document, chunk in batch]
                    for (document, chunk), pairs in zip(batch, writer.pairs(asked), strict=True):
                        for question, answer in pairs[: options.pairs]:
                            yield Example(
                                question=question,
                                answer=answer,
                                document=document,
                                chunk=chunk,
                                meta={"subject": document.title, "model": options.model},
                            )


class _Prompts:
    """The turns that ask for pairs: system, an example if the file has one, the passage."""

    def __init__(self, content: dict[str, Any]) -> None:
        self._system = Message(role="system", content=content["system"].strip())
        self._user = Template(content["user"].strip())
        self._example = content.get("example")

    @classmethod
    def load(cls, lang: str, own: Path | None) -> _Prompts:
        """The prompts of a language, or the user's own."""
        source = own or files("dyag_plugins.generators").joinpath("prompts", f"{lang}.yaml")
        try:
            prompts = cls(yaml.safe_load(source.read_text(encoding="utf-8")))
            prompts._asked("", "", 1)
            prompts._shown(1)
        except (OSError, UnicodeDecodeError, yaml.YAMLError, KeyError, TypeError, ValueError, AttributeError) as error:
            raise UsageError(
                f"{own}: no usable prompts: {type(error).__name__}: {' '.join(str(error).split())}",
                "the keys system and user are needed; $title, $passage and $pairs are replaced, $$ is a dollar sign",
            ) from error
        return prompts

    def messages(self, document: Document, chunk: Chunk, pairs: int) -> list[Message]:
        """The prompt for one chunk."""
        return [self._system, *self._shown(pairs), self._asked(document.title, chunk.text[:_SHOWN], pairs)]

    def _shown(self, pairs: int) -> list[Message]:
        if not self._example:
            return []
        shown = self._example["pairs"][:pairs]
        asked = self._asked(self._example["title"], self._example["passage"].strip(), len(shown))
        return [asked, Message(role="assistant", content=json.dumps(shown, ensure_ascii=False))]

    def _asked(self, title: str, passage: str, pairs: int) -> Message:
        return Message(role="user", content=self._user.substitute(title=title, passage=passage, pairs=pairs))


class _Writer:
    """Asks the engine for what the journal hasn't got. The model is loaded when first needed."""

    def __init__(self, options: LLMOptions, run: Run, journal: Journal, path: str, model: dict[str, Any]) -> None:
        self._options, self._run, self._journal, self._path, self._model = options, run, journal, path, model
        self._engine: Engine | None = None

    def close(self) -> None:
        """Free the model."""
        if self._engine:
            self._engine.close()

    def pairs(self, prompts: list[list[Message]]) -> list[list[tuple[str, str]]]:
        """Questions and answers for each prompt; an empty list where no attempt gave any."""
        found: list[list[tuple[str, str]]] = [[] for _ in prompts]
        left = list(range(len(prompts)))
        reasons: dict[int, str] = {}
        for attempt in range(self._options.retries + 1):
            replies = self._replies([prompts[n] for n in left], attempt)
            for n, reply in zip(left, replies, strict=True):
                found[n], reasons[n] = parse_pairs(reply["text"]) if not reply["error"] else ([], reply["error"])
            left = [n for n in left if not found[n]]
        for n in left:
            for _ in range(self._options.pairs):  # each pair that was asked for is accounted for
                self._run.reject(reasons[n], prompts[n][-1].content)
        for pairs in found:
            for _ in range(self._options.pairs - len(pairs) if pairs else 0):
                self._run.reject("the model wrote fewer questions than asked for")
        return found

    def _replies(self, prompts: list[list[Message]], attempt: int) -> list[dict[str, Any]]:
        temperature = self._options.temperature or (_RETRY_TEMPERATURE if attempt else 0.0)
        decoding = Decoding(
            max_new_tokens=self._options.max_new_tokens, temperature=temperature, seed=self._run.seed + attempt
        )
        keys = [self._key(prompt, decoding) for prompt in prompts]
        missing = [n for n, key in enumerate(keys) if key not in self._journal]
        if missing:
            engine = self._open()
            asked = [prompts[n] for n in missing]
            with self._run.progress.task("writing questions", total=len(asked)) as task:
                for position, reply in engine.answer(asked, decoding):
                    self._journal.put(keys[missing[position]], _kept(reply))
                    task.advance()
        return [self._journal.get(key) for key in keys]

    def _key(self, prompt: list[Message], decoding: Decoding) -> str:
        return sha256_of(
            {
                "model": self._model,
                "engine": self._options.engine,
                "prompt": [message.model_dump() for message in prompt],
                "decoding": decoding.model_dump(),
            }
        )

    def _open(self) -> Engine:
        if self._engine is None:
            chosen = self._run.plugins.choose("engines", self._options.engine)
            self._engine = self._run.plugins.engine(chosen, self._path, None, self._run)
        return self._engine


def _kept(reply: Reply) -> dict[str, Any]:
    return {"text": reply.text.encode("utf-8", "replace").decode("utf-8"), "error": reply.error}


def parse_pairs(text: str) -> tuple[list[tuple[str, str]], str]:
    """(pairs, reason): the questions and answers of a model's reply, or why there are none.

    Models wrap JSON in prose and fences, and break off: the first list or objects that can be read are taken.
    """
    decoder = json.JSONDecoder()
    values: list[Any] = []
    position = 0
    while start := re.search(r"[\[{]", text[position:]):
        at = position + start.start()
        try:
            value, position = decoder.raw_decode(text, at)
            values += value if isinstance(value, list) else [value]
        except (ValueError, RecursionError):
            position = at + 1
    if not values:
        return [], "the model's reply is no JSON"
    pairs = []
    for value in values:
        if isinstance(value, dict):
            for inner in value.get("questions") or value.get("pairs") or [value]:
                if isinstance(inner, dict):
                    question, answer = inner.get("question"), inner.get("answer", inner.get("réponse"))
                    if isinstance(question, str) and isinstance(answer, str):
                        pairs.append((question.strip(), answer.strip()))
    return pairs, "" if pairs else "the model's JSON holds no question with its answer"
