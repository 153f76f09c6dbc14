"""Generator *llm*: a language model reads each chunk and writes questions with their answers.

The model is one on this machine or one behind an address (`-o base_url=...`). Every reply is journalled under a key
over all that it depends on, so a run that was killed asks for nothing twice. A reply that isn't the JSON asked for is
asked for again, then rejected with its reason. Whether an answer is supported by its chunk is checked by the stage,
like everybody's; with `judge=true` the model is asked too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field

from dyag_core import Chunk, Decoding, Document, Example, Message, Reply, hookimpl
from dyag_core.api import BadLine, Journal, guessed_text_tokens, guessed_tokens, is_present, read_jsonl, supported
from dyag_core.records import GenerationEstimate
from dyag_plugins.generators.llm_prompts import PromptsByLanguage
from dyag_plugins.metered_model import AskedModel, AskedModelOptions, Asker, request_key
from dyag_plugins.model_replies import PAIRS_SCHEMA, parse_pairs, parse_verdict

if TYPE_CHECKING:
    from dyag_core import Run

#: A second attempt must differ from the first: it is sampled.
_RETRY_TEMPERATURE = 0.7
#: Yes or no, and some room for a model that says more.
_VERDICT_TOKENS = 32

Pair = tuple[str, str]


class LLMOptions(AskedModelOptions):
    """Which model writes, through which engine, how much, at what price."""

    pairs: int = Field(3, ge=1, le=20, description="questions asked for in each chunk")
    prompts: Path | None = Field(None, description="your own prompts (YAML with the keys system, user, example, judge)")
    temperature: float = Field(0.0, ge=0, description="0 is greedy")
    max_new_tokens: int = Field(400, ge=16, description="length of a reply in tokens")
    retries: int = Field(1, ge=0, description="how often an unusable reply is asked for again")
    judge: bool = Field(False, description="ask the model, too, whether the chunk supports each answer")
    batch: int = Field(32, ge=1, description="chunks asked about at once; several times the engine's concurrency")

    def decoding(self, seed: int, attempt: int) -> Decoding:
        """How the `attempt`-th reply to a prompt is decoded."""
        return Decoding(
            max_new_tokens=self.max_new_tokens,
            temperature=self.temperature or (_RETRY_TEMPERATURE if attempt else 0.0),
            seed=seed + attempt,
            json_schema=PAIRS_SCHEMA,
        )


class LLMGenerator:
    """Any model through any engine plugin."""

    dyag_api = 1
    Options = LLMOptions

    @hookimpl
    def dyag_generate(self, documents: Iterable[Document], options: LLMOptions, run: Run) -> Iterator[Example]:
        """Pairs of each chunk, in order; less than all where the budget runs out."""
        model = AskedModel.choose(options, run)
        prompts = PromptsByLanguage(run.lang, options.prompts, judge=options.judge)
        with Journal(run.journal("llm")) as journal, model.asker(journal, run, options.budget(), "llm") as asker:
            writer = _Writer(options, run, prompts, asker)
            chunks = ((document, chunk) for document in documents for chunk in document.chunks)
            while run.stopped is None and (batch := list(islice(chunks, options.batch))):
                for (document, chunk), pairs in zip(batch, writer.pairs(batch), strict=True):
                    for question, answer in pairs:
                        yield Example(
                            question=question,
                            answer=answer,
                            document=document,
                            chunk=chunk,
                            meta={"subject": document.title, "model": options.model},
                        )

    @hookimpl
    def dyag_estimate_generation(
        self, documents: Iterable[Document], count: int | None, options: LLMOptions, run: Run
    ) -> GenerationEstimate:
        """First attempts on the first chunks that can give `count` rows; retries and a judge come on top of them."""
        model = AskedModel.choose(options, run)
        prompts = PromptsByLanguage(run.lang, options.prompts)
        path = model.path() if model.engine.remote or is_present(model.preset) else ""  # don't download to estimate
        wanted = None if count is None else -(-count // options.pairs)
        decoding, described = options.decoding(run.seed, 0), model.described(path)
        known = _journalled(run.journal("llm"))
        chunks = tokens = answered = 0
        for document, chunk in islice(((d, c) for d in documents for c in d.chunks), wanted):
            prompt = prompts.of(document).messages(document, chunk, options.pairs)
            chunks += 1
            if request_key(described, prompt, decoding) in known:
                answered += 1
            else:
                tokens += guessed_tokens(prompt)
        budget, requests = options.budget(), chunks - answered
        replies = requests * min(
            options.max_new_tokens, guessed_text_tokens(prompts.usual.example_bytes(options.pairs))
        )
        return GenerationEstimate(
            model=options.model,
            chunks=chunks,
            requests=requests,
            answered=answered,
            rows=chunks * options.pairs,
            prompt_tokens=tokens,
            completion_tokens=replies,
            most_completion_tokens=requests * options.max_new_tokens,
            cost=budget.cost(tokens, replies),
            most_cost=budget.cost(tokens, requests * options.max_new_tokens),
        )


class _Writer:
    """Turns chunks into pairs, and accounts for those that it doesn't get."""

    def __init__(self, options: LLMOptions, run: Run, prompts: PromptsByLanguage, asker: Asker) -> None:
        self._options, self._run, self._prompts, self._asker = options, run, prompts, asker

    def pairs(self, batch: Sequence[tuple[Document, Chunk]]) -> list[list[Pair]]:
        """Questions and answers of each chunk; an empty list where no attempt gave any or the budget ended."""
        number = self._options.pairs
        prompts = [self._prompts.of(document).messages(document, chunk, number) for document, chunk in batch]
        found: list[list[Pair]] = [[] for _ in prompts]
        reasons: dict[int, tuple[str, str]] = {}
        left = list(range(len(prompts)))
        for attempt in range(self._options.retries + 1):
            decoding = self._options.decoding(self._run.seed, attempt)
            replies = self._replies([prompts[n] for n in left], decoding, "writing questions")
            answered = [(n, reply) for n, reply in zip(left, replies, strict=True) if reply is not None]
            for n, reply in answered:
                found[n], reasons[n] = _read(reply, prompts[n])
            left = [n for n, _ in answered if not found[n]]
        for n in left:
            for _ in range(self._options.pairs):  # each pair that was asked for is accounted for
                self._run.reject(*reasons[n])
        for pairs in found:
            for _ in range(self._options.pairs - len(pairs) if pairs else 0):
                self._run.reject("the model wrote fewer questions than asked for")
        wanted = [pairs[: self._options.pairs] for pairs in found]
        return self._judged(batch, wanted) if self._options.judge else wanted

    def _judged(self, batch: Sequence[tuple[Document, Chunk]], found: list[list[Pair]]) -> list[list[Pair]]:
        """Without the pairs that the model finds unsupported. What the stage will refuse anyway isn't asked about."""
        asked = [
            (n, pair)
            for n, ((document, chunk), pairs) in enumerate(zip(batch, found, strict=True))
            for pair in dict.fromkeys(pairs)
            if supported(pair[1], [chunk.text, document.title, *map(str, document.metadata.values())], pair[0])
        ]
        documents = [batch[n] for n, _ in asked]
        prompts = [
            self._prompts.of(document).verdict_messages(chunk, *pair)
            for (document, chunk), (_, pair) in zip(documents, asked, strict=True)
        ]
        decoding = Decoding(max_new_tokens=_VERDICT_TOKENS, seed=self._run.seed)
        verdicts = dict(zip(asked, self._replies(prompts, decoding, "judging answers"), strict=True))
        return [[pair for pair in pairs if self._stands(n, pair, verdicts)] for n, pairs in enumerate(found)]

    def _stands(self, n: int, pair: Pair, verdicts: dict[tuple[int, Pair], Reply | None]) -> bool:
        if (n, pair) not in verdicts:
            return True
        reply = verdicts[n, pair]
        if reply is None:  # the budget ended; asked about when the run goes on
            return False
        verdict = parse_verdict(reply.text) if reply.error is None else None
        if verdict is None:
            self._run.reject("the judge gave no verdict", f"{pair[0]} {pair[1]}")
        elif not verdict:
            self._run.reject("the judge finds no support in the chunk", f"{pair[0]} {pair[1]}")
        return bool(verdict)

    def _replies(self, prompts: Sequence[list[Message]], decoding: Decoding, doing: str) -> list[Reply | None]:
        replies = self._asker.replies(prompts, decoding, doing)
        if None in replies:
            self._run.stop(
                "the budget was spent",
                "run the same command again with a higher --max-cost or --max-tokens-total: nothing is asked twice",
            )
        return replies


def _read(reply: Reply, prompt: Sequence[Message]) -> tuple[list[Pair], tuple[str, str]]:
    """(pairs, (reason, detail)) of a reply."""
    if reply.error is not None:
        return [], ("the model gave no reply", reply.error)
    pairs, reason = parse_pairs(reply.text)
    return pairs, (reason, prompt[-1].content)


def _journalled(path: Path) -> set[str]:
    """Keys of a journal, without opening it for writing."""
    if not path.exists():
        return set()
    return {row["key"] for _, row in read_jsonl(path) if not isinstance(row, BadLine) and "key" in row}
