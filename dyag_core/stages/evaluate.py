"""Stage `evaluate`: ask every arm the same questions, score the answers, write one results file an arm.

Each answer is journalled as it comes, under a key of everything it depends on: a run that was killed asks nothing
twice, and its files are the same to the byte as those of a run that was not (times come from the journal too).
"""

from __future__ import annotations

import itertools
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from dyag_core.artifacts import (
    Journal,
    atomic_text,
    file_sha256,
    manifest_path,
    output_lock,
    refuse_inputs,
    remove_leftovers,
    sha256_of,
    to_json,
    write_manifest,
)
from dyag_core.errors import UsageError
from dyag_core.language import detect_language
from dyag_core.options import options_by_name, telling
from dyag_core.passport import training_seconds
from dyag_core.prompts import SYSTEM
from dyag_core.questions import language_sample, question_hash, read_questions, trained_questions
from dyag_core.records import Decoding, Evaluation, Prediction, Reply, Source
from dyag_core.run import Run, SilentProgress
from dyag_core.stages.answering import Arm, Models, arms_named, build_prompts, opened_engine
from dyag_core.stages.choosing_k import ChosenK, choose_k, validation_beside
from dyag_core.stages.index import index_for_questions, open_index
from dyag_core.stages.repeats import decoding_of, order_of
from dyag_core.stages.results import evaluation

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from dyag_core.manager import Chosen, Plugins
    from dyag_core.protocols import Engine, Progress
    from dyag_core.records import Chunk, Question
    from dyag_core.stages.answering import Prompt
    from dyag_core.stages.index import OpenIndex

#: success is the primary metric; these two are in every results file, whichever metrics are asked for.
ALWAYS = ("success", "exact_match")
DEFAULT_METRICS = (*ALWAYS, "token_f1", "containment", "abstention", "answer_length")
#: Scored beside the default ones where an arm retrieves.
RETRIEVAL_METRICS = ("recall_at_k", "mrr")


@dataclass(frozen=True)
class EvaluationFiles:
    """The results file of each arm and what stands in it, in the order in which the arms were named."""

    files: dict[str, Path]
    evaluations: dict[str, Evaluation]


def evaluate(
    *,
    questions: Path,
    arms: Sequence[str],
    output: Path,
    plugins: Plugins,
    model: Path | None = None,
    base_model: str | None = None,
    index: Path | None = None,
    k: int | Literal["auto"] = 3,
    validation: Path | None = None,
    metrics: Sequence[str] | None = None,
    metric_options: Mapping[str, Mapping[str, Any]] | None = None,
    decoding: Decoding | None = None,
    engine: str = "transformers",
    engine_options: Mapping[str, Any] | None = None,
    limit: int | None = None,
    repeat: int = 1,
    seed: int = 42,
    progress: Progress | None = None,
) -> EvaluationFiles:
    """Evaluate `arms` on `questions`.

    Args:
        output: the results file for one arm; for several a prefix, and the files are PREFIX_ARM.json.
        index: for rag, hybrid and oracle; where there is none it is built from the questions' own documents.
        k: passages to retrieve; "auto" chooses on the questions of `validation`.
        validation: by default NAME_val.jsonl beside NAME_test.jsonl.
        metrics: None takes the default ones, and those of retrieval where an arm retrieves.
        metric_options: metric -> its options, by key.
        limit: ask this many questions only, spread evenly over the file so that every stratum keeps its share.
        repeat: ask everything so many times, to see how far an arm differs from itself; the first time is the result.

    Raises:
        UsageError: bad questions, or an arm lacks its model or index. DyagError: the adapter has no effect.
    """
    if repeat < 1:
        raise UsageError(f"repeat is {repeat}: the questions must be asked at least once")
    progress, wanted = progress or SilentProgress(), arms_named(arms)
    retrieving = any(arm.retrieval for arm in wanted)
    validation = _validation(questions, validation, k) if retrieving else None
    metrics = metrics or (*DEFAULT_METRICS, *(RETRIEVAL_METRICS if retrieving else ()))
    files = _result_files(output, wanted)
    refuse_inputs([*files.values(), manifest_path(output)], [questions])
    with output_lock(output, *files.values()):  # one run's arm may be the whole of another
        remove_leftovers(*files.values(), manifest_path(output))
        run = Run(stage="evaluate", folder=output.parent, output=output, plugins=plugins, seed=seed, progress=progress)
        with plugins.stage(run) as done:
            chosen = plugins.choose("engines", engine, engine_options)
            scorers = _scorers(metrics, metric_options, plugins)
            models = Models.resolve(model, base_model, plugins, progress, remote=chosen.remote)
            for arm in wanted:
                models.adapter(arm)  # says what is missing before anything long begins
            asked = _Asked.read(questions, models, limit)
            run.lang = asked.lang
            passages = None
            if index is not None and retrieving:
                folder = index_for_questions(questions, index, plugins=plugins, seed=seed, progress=progress)
                passages = open_index(folder, plugins=plugins, run=run)
                _check_passages(asked, passages, wanted, run)
            job = _Job(run, plugins, models, chosen, decoding or Decoding(), asked, passages, k, validation)
            answered = _ask_all(job, wanted, files, repeat)
            evaluations = {arm.name: evaluation(answered[arm.name], scorers, run, job.metadata(arm)) for arm in wanted}
            for name, file in files.items():
                atomic_text(file, to_json(evaluations[name].model_dump(mode="json"), indent=2) + "\n")
            _write_manifest(job, output, wanted, questions, limit, repeat)
            for file in files.values():  # only now: a run killed before would ask again
                _journal(file).unlink(missing_ok=True)
            done.result = EvaluationFiles(files, evaluations)
    result: EvaluationFiles = done.result
    return result


def _scorers(metrics: Sequence[str], given: Mapping[str, Mapping[str, Any]] | None, plugins: Plugins) -> list[Chosen]:
    """The metric plugins of this run, each with its options and the libraries it needs."""
    wanted = options_by_name("metrics", dict.fromkeys((*ALWAYS, *metrics)), given)
    scorers = [plugins.choose("metrics", name, options) for name, options in wanted.items()]
    for scorer in scorers:
        scorer.need_libraries()
    return scorers


@dataclass(frozen=True)
class _Asked:
    """The questions, their file's hash, their language, and which of them the model was trained on."""

    questions: list[Question]
    file: str
    sha256: str
    lang: str
    system: str | None
    trained: frozenset[str]

    @classmethod
    def read(cls, path: Path, models: Models, limit: int | None) -> _Asked:
        passport = models.passport
        lang = detect_language(language_sample(read_questions(path, None)))
        system = passport.system_prompt if passport is not None else SYSTEM[lang]
        questions = read_questions(path, system)
        if limit is not None and limit < len(questions):
            questions = [questions[i * len(questions) // limit] for i in range(limit)]
        trained = trained_questions(models.model) if models.model is not None else frozenset()
        return cls(questions, path.name, file_sha256(path), lang, system, trained)

    def right_chunks(self, index: OpenIndex) -> list[Chunk | None]:
        """The passage that holds each question's answer; None where nothing answers it, or none is known."""
        return [index.chunk(q.chunk) if q.answerable and q.chunk is not None else None for q in self.questions]


@dataclass(eq=False)
class _Job:
    """Everything that an answer depends on besides its question and its arm. An automatic `k` is chosen once an engine
    is open, which knows what fits the context.
    """

    run: Run
    plugins: Plugins
    models: Models
    engine: Chosen
    decoding: Decoding
    asked: _Asked
    index: OpenIndex | None
    k: int | Literal["auto"]
    validation: Path | None = None
    chosen_k: ChosenK | None = None
    engines: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By arm: what the engine that answered said of itself."""

    def passages_wanted(self, engine: Engine) -> int:
        """k as a number."""
        if self.k == "auto" and self.index is not None and self.validation is not None:
            asked = self.asked
            self.chosen_k = choose_k(
                self.validation, self.index, engine, system=asked.system, lang=asked.lang, decoding=self.decoding
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
                known = sum(chunk is not None for chunk in self.asked.right_chunks(self.index))
                about["oracle"] = {"right_passage": known, "as_rag": len(self.asked.questions) - known}
        passport = self.models.passport
        if arm.finetuned and passport is not None and (seconds := training_seconds(passport)) is not None:
            about["training"] = {"seconds": seconds, "device": passport.options.get("device")}
        return about


def _ask_all(
    job: _Job, arms: Sequence[Arm], files: Mapping[str, Path], repeat: int
) -> dict[str, list[list[Prediction]]]:
    """Each arm's predictions, once a repetition. Arms on the same model share one engine; base models come first."""
    predictions: dict[str, list[list[Prediction]]] = {}
    by_model = sorted(arms, key=lambda arm: arm.finetuned)
    for _, same_model in itertools.groupby(by_model, key=lambda arm: arm.finetuned):
        group = list(same_model)
        with opened_engine(job.engine, job.models, group[0], job.plugins, job.run) as engine:
            for arm in group:
                job.engines[arm.name] = dict(getattr(engine, "about", {}))
                predictions[arm.name] = [_ask(job, arm, engine, files[arm.name], time) for time in range(repeat)]
    return predictions


def _ask(job: _Job, arm: Arm, engine: Engine, file: Path, repetition: int) -> list[Prediction]:
    questions = job.asked.questions
    prompts = build_prompts(
        [question.messages for question in questions],
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
    with Journal(_journal(file)) as journal, ExitStack() as stack:
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
    return [
        _prediction(question, prompt, replies[key], job.asked.trained if arm.finetuned else frozenset())
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


def _keys(job: _Job, arm: Arm, prompts: Sequence[Prompt], repetition: int) -> list[str]:
    """A journal key for each question: its id, the prompt the model sees, the weights, the decoding, the engine."""
    common: list[Any] = [arm.name, job.models.key(arm), job.decoding.model_dump(mode="json"), job.engine.name]
    common += [job.engine.distribution, job.engine.version, telling(job.engine.options)]
    common += [job.index.sha256 if arm.retrieval and job.index else None]
    common += [repetition] if repetition else []
    return [
        sha256_of([common, question.id, [message.model_dump() for message in prompt.messages]])
        for question, prompt in zip(job.asked.questions, prompts, strict=True)
    ]


def _prediction(question: Question, prompt: Prompt, reply: Reply, trained: frozenset[str]) -> Prediction:
    return Prediction(
        id=question.id,
        question=question.question,
        expected=question.expected_answer,
        answer=reply.text,
        answerable=question.answerable,
        stratum=question.stratum,
        document=question.document,
        chunk=question.chunk,
        fact=question.fact,
        context=prompt.context,
        sources=tuple(Source(chunk=hit.chunk.id, score=hit.score) for hit in prompt.hits),
        prompt_tokens=reply.prompt_tokens,
        completion_tokens=reply.completion_tokens,
        seconds=reply.seconds + reply.retrieval_seconds,
        retrieval_seconds=reply.retrieval_seconds,
        truncated=reply.truncated,
        seen_in_training=question_hash(question.question) in trained,
        error=reply.error,
    )


def _validation(questions: Path, validation: Path | None, k: int | Literal["auto"]) -> Path | None:
    if k == "auto":
        return validation or validation_beside(questions)
    if validation is not None:
        raise UsageError(f"{validation} would only be read to choose k, and k is {k}", "add -k auto")
    return None


def _check_passages(asked: _Asked, index: OpenIndex, arms: Sequence[Arm], run: Run) -> None:
    """Whether the questions' passages are those of this index: recall and the oracle rest on it."""
    named = [q for q in asked.questions if q.answerable and q.chunk is not None]
    known = sum(chunk is not None for chunk in asked.right_chunks(index))
    if known < len(named):
        run.warn(
            f"the passages of {len(named) - known} of {len(named)} questions are not in {index.folder.name}: they count"
            " as not found; was it built from the documents that the questions were made from?"
        )
    if not known and any(arm.oracle for arm in arms):
        raise UsageError(
            f"the oracle is given the right passages, and no question names one (meta.chunk) of {index.folder}",
            "build the index from the documents that the questions were made from, or leave the oracle out",
        )


def _result_files(output: Path, arms: Sequence[Arm]) -> dict[str, Path]:
    if len(arms) == 1:
        return {arms[0].name: output}
    prefix = output.name.removesuffix(".json")
    return {arm.name: output.with_name(f"{prefix}_{arm.name}.json") for arm in arms}


def _journal(file: Path) -> Path:
    return file.with_name(f".{file.name}.journal.jsonl")


def _write_manifest(
    job: _Job, output: Path, arms: Sequence[Arm], questions: Path, limit: int | None, repeat: int
) -> None:
    inputs = {"questions": questions}
    if job.models.model is not None and any(arm.finetuned for arm in arms):
        inputs["model"] = job.models.model
    if job.index is not None:
        inputs["index"] = job.index.folder / "chunks.jsonl"
    if job.validation is not None:
        inputs["validation"] = job.validation
    write_manifest(
        manifest_path(output),
        stage="evaluate",
        options={
            "arms": [arm.name for arm in arms],
            "base_model": job.models.describe(arms[0])["base_model"],
            "decoding": job.decoding.model_dump(mode="json"),
            "k": job.k,
            "k_chosen": job.chosen_k.describe() if job.chosen_k else None,
            "limit": limit,
            "repeat": repeat,
        },
        seed=job.run.seed,
        inputs=inputs,
        plugins=job.plugins.used(),
    )
