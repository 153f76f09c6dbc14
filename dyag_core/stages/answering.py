"""How a question becomes an answer: one path for all arms.

An arm is the base model or the fine-tuned one, asked with or without retrieved passages. Nothing else differs: same
messages, same decoding, same engine. The oracle is `rag` with a search that never misses.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from dyag_core.artifacts import file_sha256, sha256_of
from dyag_core.base_models import opened_as, revision_of
from dyag_core.errors import UsageError, nearest
from dyag_core.passport import PASSPORT, model_folder, read_passport, resolve_base
from dyag_core.prompts import context_text, with_context
from dyag_core.records import Hit

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dyag_core.manager import Chosen, Plugins
    from dyag_core.protocols import Engine, Progress
    from dyag_core.records import BaseModelPreset, Chunk, Decoding, Message, Passport
    from dyag_core.run import Run
    from dyag_core.stages.index import OpenIndex

#: A cut passage shorter than this tells nothing: it is left out.
_SHORTEST_PASSAGE = 80


@dataclass(frozen=True)
class Arm:
    """Which model answers, and whether it is given passages: those a search finds, or (`oracle`) the right one."""

    name: str
    finetuned: bool
    retrieval: bool
    oracle: bool = False


ARMS = {
    arm.name: arm
    for arm in (
        Arm("base", finetuned=False, retrieval=False),
        Arm("rag", finetuned=False, retrieval=True),
        Arm("finetuned", finetuned=True, retrieval=False),
        Arm("hybrid", finetuned=True, retrieval=True),
        Arm("oracle", finetuned=False, retrieval=True, oracle=True),
    )
}


def arms_named(names: Sequence[str]) -> list[Arm]:
    """The arms that `names` mean, each once, in that order.

    Raises:
        UsageError: a name is unknown, or there is none.
    """
    unknown = [name for name in names if name not in ARMS]
    if unknown:
        raise UsageError(f"unknown arm {unknown[0]!r}", nearest(unknown[0], ARMS))
    if not names:
        raise UsageError("no arm was named", f"known: {', '.join(ARMS)}")
    return [ARMS[name] for name in dict.fromkeys(names)]


def arm_for(*, finetuned: bool, retrieval: bool) -> Arm:
    """The arm with these two properties."""
    wanted = (finetuned, retrieval, False)
    return next(arm for arm in ARMS.values() if (arm.finetuned, arm.retrieval, arm.oracle) == wanted)


@dataclass(frozen=True, eq=False)
class Models:
    """A base model on this machine and, where there is one, the fine-tuned model made from it."""

    base: BaseModelPreset
    base_path: str
    model: Path | None
    passport: Passport | None

    @classmethod
    def resolve(
        cls,
        model: Path | None,
        base_model: str | None,
        plugins: Plugins,
        progress: Progress,
        *,
        remote: bool = False,
    ) -> Models:
        """Find the models. A fine-tuned model's passport says its base; `base_model` stands in if that can't be found.

        For a `remote` engine, `base_model` is the name that the server knows the model by.

        Raises:
            UsageError: neither is given, there is no such model, or the base is another than the passport's.
        """
        if remote and model is not None:
            raise UsageError(
                f"this engine asks a server and can't apply the adapter {model}",
                "serve the fine-tuned model and give its name as --base-model, or use --engine transformers",
            )
        if model is not None:
            passport = read_passport(model)
            base, base_path = resolve_base(passport, plugins, base_model, progress)
            return cls(base, base_path, model_folder(model), passport)
        if base_model is None:
            raise UsageError("no model was named", "give --model DIR or --base-model NAME (see: dyag models list)")
        base = plugins.base_model(base_model, remote=remote)
        return cls(base, opened_as(base, remote=remote, progress=progress), None, None)

    def adapter(self, arm: Arm) -> Path | None:
        """What to apply to the base for `arm`. UsageError: the arm needs a fine-tuned model and there is none."""
        if arm.finetuned and self.model is None:
            raise UsageError(f"the {arm.name} arm needs a fine-tuned model", "give --model OUTPUT/final")
        return self.model if arm.finetuned else None

    def describe(self, arm: Arm) -> dict[str, Any]:
        """The models behind an arm, for results files: no path, only names and hashes."""
        described: dict[str, Any] = {
            "base_model": {
                "name": self.base.name,
                # a folder's place differs from machine to machine and says nothing about the model
                "source": "folder" if self.base.source.startswith("folder:") else self.base.source,
                "revision": revision_of(self.base, self.base_path),
            }
        }
        if arm.finetuned and self.model is not None:
            folder = self.model.resolve()
            name = folder.parent.name if folder.name == "final" else folder.name
            described["model"] = {"name": name, "sha256": _fingerprint(folder)}
        return described

    def key(self, arm: Arm) -> str:
        """Changes whenever the weights behind `arm` do: for journals."""
        base = Path(self.base_path)
        files = sorted((p.name, p.stat().st_size) for p in base.iterdir() if p.is_file()) if base.is_dir() else []
        config = file_sha256(base / "config.json") if (base / "config.json").is_file() else None
        return sha256_of([self.describe(arm), files, config])


def _fingerprint(model: Path) -> str:
    """Hash over a fine-tuned model's passport and weights."""
    files = [model / PASSPORT, *sorted(model.glob("*.safetensors"))]
    return sha256_of([[file.name, file_sha256(file)] for file in files])


@contextmanager
def opened_engine(chosen: Chosen, models: Models, arm: Arm, plugins: Plugins, run: Run) -> Iterator[Engine]:
    """The engine that answers for `arm` (and for every arm on the same model); closed at the end."""
    engine = plugins.engine(chosen, models.base_path, models.adapter(arm), run)
    try:
        yield engine
    finally:
        engine.close()


@dataclass(frozen=True)
class Prompt:
    """What a model is shown, the passages in it, and the seconds that finding them took."""

    messages: tuple[Message, ...]
    hits: tuple[Hit, ...] = ()
    context: str = ""
    cut: bool = False
    retrieval_seconds: float = 0.0


def build_prompts(
    questions: Sequence[Sequence[Message]],
    arm: Arm,
    *,
    engine: Engine,
    index: OpenIndex | None,
    k: int,
    lang: str,
    decoding: Decoding,
    right_chunks: Sequence[Chunk | None] | None = None,
) -> list[Prompt]:
    """Each question as `arm` sees it. Retrieval searches with the last user turn.

    The oracle sees a question's right chunk and nothing else; where `right_chunks` has None, what `rag` would see.

    Passages that don't fit the context beside the question and the answer's `max_new_tokens` are left out, the worst
    first; the last one is cut short. Where nothing is found, the prompt is the closed-book one.

    Raises:
        UsageError: the arm needs an index and there is none.
    """
    if not arm.retrieval:
        return [Prompt(tuple(messages)) for messages in questions]
    if index is None:
        raise UsageError(f"the {arm.name} arm needs an index", "give --index FOLDER (made by: dyag index-rag)")
    given = right_chunks if arm.oracle and right_chunks is not None else [None] * len(questions)
    found = _found(questions, given, index, k)
    room = engine.context_length - min(decoding.max_new_tokens, engine.context_length // 2)
    return [
        replace(_fitted(tuple(messages), hits, engine, room, lang), retrieval_seconds=seconds)
        for messages, (hits, seconds) in zip(questions, found, strict=True)
    ]


def _found(
    questions: Sequence[Sequence[Message]], given: Sequence[Chunk | None], index: OpenIndex, k: int
) -> Iterator[tuple[list[Hit], float]]:
    """The passages for each question and its share of the search's seconds, to the millisecond; given ones are free."""
    searched = [messages[-1].content for messages, chunk in zip(questions, given, strict=True) if chunk is None]
    started = perf_counter()
    found = iter(index.search(searched, k) if searched else [])
    seconds = round((perf_counter() - started) / max(1, len(searched)), 3)
    for chunk in given:
        yield (next(found), seconds) if chunk is None else ([Hit(chunk=chunk, score=1.0)], 0.0)


def _fitted(messages: tuple[Message, ...], hits: Sequence[Hit], engine: Engine, room: int, lang: str) -> Prompt:
    kept = list(hits)
    while kept:
        context = context_text([hit.chunk for hit in kept])
        prompt = with_context(messages, context, lang)
        needed = engine.count_tokens(prompt)
        if needed <= room:
            return Prompt(prompt, tuple(kept), context, cut=kept != list(hits))
        if len(kept) > 1:
            kept.pop()
            continue
        shorter = _shortened(kept[0].chunk, needed - room, needed)
        if shorter is None:
            break
        kept = [kept[0].model_copy(update={"chunk": shorter})]
    return Prompt(messages, cut=bool(hits))


def _shortened(chunk: Chunk, excess: int, needed: int) -> Chunk | None:
    """`chunk` with at least its share of `excess` tokens gone, ending at a word; None where too little is left."""
    keep = min(int(len(chunk.text) * (1 - excess / needed) * 0.95), len(chunk.text) - 1)
    text = chunk.text[:keep].rsplit(None, 1)[0] if keep > 0 else ""
    return chunk.model_copy(update={"text": text}) if len(text) >= _SHORTEST_PASSAGE else None
