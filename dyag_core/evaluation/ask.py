"""Asking every arm the same questions: each answer is journalled as it comes."""

from __future__ import annotations

import itertools
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from dyag_core.artifacts import Journal, file_sha256, sha256_of
from dyag_core.chat.prompts import SYSTEM
from dyag_core.chat.questions import language_sample, read_questions
from dyag_core.chat.trained_questions import trained_questions
from dyag_core.evaluation.arm_models import Models, opened_engine
from dyag_core.evaluation.choose_k import ChosenK, choose_k
from dyag_core.evaluation.few_shot import after_examples
from dyag_core.evaluation.predictions import prediction_of
from dyag_core.evaluation.repeats import decoding_of, order_of
from dyag_core.plugin.options import telling
from dyag_core.plugin.run import Run
from dyag_core.records import Decoding, Prediction, Reply
from dyag_core.records.arm import Arm
from dyag_core.retrieval.prompting import build_prompts
from dyag_core.text.language import detect_language
from dyag_core.training.passport import training_seconds

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from dyag_core.evaluation.few_shot import FewShot
    from dyag_core.plugin.entry import Chosen
    from dyag_core.plugin.host import Plugins
    from dyag_core.plugin.protocols import Engine
    from dyag_core.records import Chunk, Message, Question
    from dyag_core.retrieval.index import OpenIndex
    from dyag_core.retrieval.prompting import Prompt


@dataclass(frozen=True)
class Asked:
    """The questions, their file's hash, their language, which of them the model was trained on, and which rows of the
    file are no questions.
    """

    questions: list[Question]
    file: str
    sha256: str
    lang: str
    system: str | None
    trained: frozenset[str]
    left_out: list[str]

    @classmethod
    def read(cls, path: Path, models: Models, limit: int | None) -> Asked:
        """The questions of a file, `limit` of them at the most, spread evenly over it. A row that is none is left out:
        every arm is asked the others.
        """
        passport, left_out = models.passport, list[str]()
        lang = detect_language(language_sample(read_questions(path, None, left_out)))
        system = passport.system_prompt if passport is not None else SYSTEM[lang]
        questions = read_questions(path, system, [])
        if limit is not None and limit < len(questions):
            questions = [questions[i * len(questions) // limit] for i in range(limit)]
        trained = trained_questions(models.model) if models.model is not None else frozenset()
        return cls(questions, path.name, file_sha256(path), lang, system, trained, left_out)

    def right_chunks(self, index: OpenIndex) -> list[list[Chunk]]:
        """The passages that hold each question's answer; none where nothing answers it, or one of them isn't known."""
        return [index.right_chunks(question) for question in self.questions]


@dataclass(eq=False)
class Setup:
    """Everything that an answer depends on besides its question and its arm. An automatic `k` is chosen once an engine
    is open, which knows what fits the context.
    """

    run: Run
    plugins: Plugins
    models: Models
    engine: Chosen
    decoding: Decoding
    asked: Asked
    index: OpenIndex | None
    k: int | Literal["auto"]
    validation: Path | None = None
    few_shot: FewShot | None = None
    """What the base model's arms see before each question."""
    chosen_k: ChosenK | None = None
    engines: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By arm: what the engine that answered said of itself."""
    silent: dict[str, Reply] = field(default_factory=dict)
    """Arms that answered no question at all, with the first of their failed replies."""

    def passages_wanted(self, engine: Engine) -> int:
        """k as a number."""
        if self.k == "auto" and self.index is not None and self.validation is not None:
            asked = self.asked
            self.chosen_k = choose_k(
                self.validation,
                self.index,
                engine,
                system=asked.system,
                lang=asked.lang,
                decoding=self.decoding,
                run=self.run,
            )
            self.k = self.chosen_k.k
            self.run.progress.message(self.chosen_k.sentence())
        return 0 if self.k == "auto" else self.k  # 0: this arm retrieves nothing

    def metadata(self, arm: Arm) -> dict[str, Any]:
        """What a results file says about where its numbers come from. The same run gives the same bytes."""
        about: dict[str, Any] = {
            "arm": arm.name,
            **self.models.describe(arm),
            "decoding": self.decoding.model_dump(mode="json"),
            "engine": {"name": self.engine.name, "version": self.engine.version, **self.engines[arm.name]},
            "questions": {
                "file": self.asked.file,
                "sha256": self.asked.sha256,
                "asked": len(self.asked.questions),
                **({"left_out": self.asked.left_out} if self.asked.left_out else {}),
            },
            "lang": self.asked.lang,
            "seed": self.run.seed,
        }
        if arm.retrieval and self.index is not None:
            about["index"] = {"sha256": self.index.sha256, "retriever": self.index.retriever_name, "k": self.k}
            if self.index.seconds is not None:
                about["index"]["seconds"] = self.index.seconds
            if self.chosen_k is not None:
                about["index"]["k_chosen"] = self.chosen_k.describe()
            if arm.oracle:
                known = sum(map(bool, self.asked.right_chunks(self.index)))
                about["oracle"] = {"right_passage": known, "as_rag": len(self.asked.questions) - known}
        if self.few_shot is not None and not arm.finetuned:
            about["few_shot"] = self.few_shot.describe()
        passport = self.models.passport
        if arm.finetuned and passport is not None and (seconds := training_seconds(passport)) is not None:
            about["training"] = {"seconds": seconds, "device": passport.options.get("device")}
        return about


def ask_all(
    job: Setup, arms: Sequence[Arm], files: Mapping[str, Path], repeat: int
) -> dict[str, list[list[Prediction]]]:
    """Each arm's predictions, once a repetition. Arms on the same model share one engine; base models come first."""
    predictions: dict[str, list[list[Prediction]]] = {}
    by_model = sorted(arms, key=lambda arm: arm.finetuned)
    for _, same_model in itertools.groupby(by_model, key=lambda arm: arm.finetuned):
        group = list(same_model)
        template = None if group[0].finetuned or job.few_shot is None else job.few_shot.template
        with opened_engine(job.engine, job.models, group[0], job.plugins, job.run, template) as engine:
            for arm in group:
                job.engines[arm.name] = dict(getattr(engine, "about", {}))
                predictions[arm.name] = [_ask(job, arm, engine, files[arm.name], time) for time in range(repeat)]
    return predictions


def _ask(job: Setup, arm: Arm, engine: Engine, file: Path, repetition: int) -> list[Prediction]:
    questions = job.asked.questions
    asked: list[Sequence[Message]] = [question.messages for question in questions]
    if job.few_shot is not None and not arm.finetuned:
        turns = job.few_shot.turns(arm, job.index, engine)
        asked = [after_examples(messages, turns) for messages in asked]
    prompts = build_prompts(
        asked,
        arm,
        engine=engine,
        index=job.index,
        k=job.passages_wanted(engine) if arm.retrieval else 0,
        lang=job.asked.lang,
        decoding=job.decoding,
        right_chunks=job.asked.right_chunks(job.index) if arm.oracle and job.index is not None else None,
    )
    cut = sum(prompt.cut for prompt in prompts)
    if cut:
        job.run.warn(f"{arm.name}: in {cut} of {len(prompts)} prompts not all passages fitted the context")
    keys = _keys(job, arm, prompts, repetition)
    order, decoding = order_of(len(prompts), repetition, job.run), decoding_of(job.decoding, repetition)
    doing = f"asking {arm.name}" + (f", time {repetition + 1}" if repetition else "")
    replies: dict[str, Reply] = {}
    with Journal(journal_path(file)) as journal, ExitStack() as stack:
        task = stack.enter_context(job.run.progress.task(doing, total=len(questions)))
        for key in keys:
            if key in journal:
                replies[key] = Reply.model_validate(journal.get(key))
                task.advance()
        for key, reply in _new_replies(prompts, keys, replies, order, engine, decoding):
            if reply.error is None:  # an answer that failed is asked for again
                journal.put(key, reply.model_dump(mode="json"))
            replies[key] = reply
            task.advance()
    if all(reply.error is not None for reply in replies.values()):
        job.silent[arm.name] = replies[keys[0]]
    return [
        prediction_of(question, prompt, replies[key], job.asked.trained if arm.finetuned else frozenset())
        for question, prompt, key in zip(questions, prompts, keys, strict=True)
    ]


def _new_replies(
    prompts: Sequence[Prompt],
    keys: Sequence[str],
    known: Mapping[str, Reply],
    order: Sequence[int],
    engine: Engine,
    decoding: Decoding,
) -> Iterator[tuple[str, Reply]]:
    """Replies to the prompts that nobody has answered yet, asked in `order`, as they come."""
    todo = [i for i in order if keys[i] not in known]
    for position, reply in engine.answer([prompts[i].messages for i in todo], decoding):
        i = todo[position]
        yield keys[i], reply.model_copy(update={"retrieval_seconds": prompts[i].retrieval_seconds})


def _keys(job: Setup, arm: Arm, prompts: Sequence[Prompt], repetition: int) -> list[str]:
    """A journal key for each question: its id, the prompt the model sees, the weights, the decoding, the engine."""
    common: list[Any] = [arm.name, job.models.key(arm), job.decoding.model_dump(mode="json"), job.engine.name]
    common += [job.engine.distribution, job.engine.version, telling(job.engine.options)]
    common += [job.index.sha256 if arm.retrieval and job.index else None]
    common += [repetition] if repetition else []
    return [
        sha256_of([common, question.id, [message.model_dump() for message in prompt.messages]])
        for question, prompt in zip(job.asked.questions, prompts, strict=True)
    ]


def journal_path(file: Path) -> Path:
    """Where the answers to a results file are kept until it is written."""
    return file.with_name(f".{file.name}.journal.jsonl")
