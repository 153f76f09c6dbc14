"""Stage `evaluate`: ask every arm the same questions, score the answers, write one results file an arm.

Each answer is journalled as it comes, under a key of everything it depends on: a run that was killed asks nothing
twice, and its files are the same to the byte as those of a run that was not (times come from the journal too).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dyag_core.artifacts import (
    atomic_text,
    manifest_path,
    output_lock,
    refuse_inputs,
    remove_leftovers,
    to_json,
    write_manifest,
)
from dyag_core.chat.questions import first_of
from dyag_core.errors import DyagError, UsageError
from dyag_core.evaluation.arm_models import Models
from dyag_core.evaluation.ask import Asked, Setup, ask_all, journal_path
from dyag_core.evaluation.choose_k import validation_beside
from dyag_core.evaluation.few_shot import EXAMPLES, FewShot
from dyag_core.evaluation.results import evaluation
from dyag_core.plugin.metric_descriptions import scored_by_default
from dyag_core.plugin.options import options_by_name
from dyag_core.plugin.run import Run
from dyag_core.progress import SilentProgress
from dyag_core.records import Decoding
from dyag_core.records.arm import Arm, arms_named
from dyag_core.records.evaluation import EvaluationFiles
from dyag_core.retrieval.index import open_index
from dyag_core.stages.index import index_for_questions

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from dyag_core.plugin.entry import Chosen
    from dyag_core.plugin.host import Plugins
    from dyag_core.progress import Progress
    from dyag_core.records.options import EvaluateOptions
    from dyag_core.retrieval.index import OpenIndex


def evaluate(
    given: EvaluateOptions,
    *,
    questions: Path,
    output: Path,
    plugins: Plugins,
    seed: int = 42,
    progress: Progress | None = None,
) -> EvaluationFiles:
    """Evaluate arms on `questions`.

    Args:
        output: the results file for one arm; for several a prefix, and the files are PREFIX_ARM.json.
        given: a limit spreads the questions evenly over the file, so that every stratum keeps its share; where they are
            asked several times, the first time is the result.

    Raises:
        UsageError: no row is a question, or an arm lacks its model or index. DyagError: the adapter has no effect, or
            every question of an arm failed (the files are written, and what other arms answered is not asked again).
    """
    progress, wanted = progress or SilentProgress(), arms_named(given.arms)
    retrieving = any(arm.retrieval for arm in wanted)
    validation = _to_choose_k(questions, given) if retrieving else None
    files = _result_files(output, wanted)
    refuse_inputs([*files.values(), manifest_path(output)], [questions])
    with output_lock(output, *files.values()):  # one run's arm may be the whole of another
        remove_leftovers(*files.values(), manifest_path(output))
        run = Run(stage="evaluate", folder=output.parent, output=output, plugins=plugins, seed=seed, progress=progress)
        with plugins.stage(run) as done:
            chosen = plugins.choose("engines", given.engine, given.engine_options)
            scorers = _scorers(given.metrics or None, given.metric_options, plugins, retrieving)
            models = Models.resolve(
                given.model,
                given.base_model,
                plugins,
                progress,
                remote=chosen.remote,
                chat_template=given.chat_template,
            )
            for arm in wanted:
                models.adapter(arm)  # says what is missing before anything long begins
            asked = Asked.read(questions, models, given.limit)
            run.lang = asked.lang
            if asked.left_out:
                run.warn(
                    f"{questions}: {len(asked.left_out)} rows are no questions, and are asked of no arm\n"
                    f"{first_of(asked.left_out)}"
                )
            few_shot = _few_shot(questions, given, wanted, models, asked, run)
            _refuse_unread(given, validation, few_shot)
            passages = None
            if given.index is not None and retrieving:
                folder = index_for_questions(questions, given.index, plugins=plugins, seed=seed, progress=progress)
                passages = open_index(folder, plugins=plugins, run=run)
                _check_passages(asked, passages, wanted, run)
            decoding = given.decoding or Decoding()
            job = Setup(run, plugins, models, chosen, decoding, asked, passages, given.k, validation, few_shot)
            answered = ask_all(job, wanted, files, given.repeat)
            evaluations = {
                arm.name: evaluation(answered[arm.name], scorers, plugins, run, job.metadata(arm)) for arm in wanted
            }
            for name, file in files.items():
                atomic_text(file, to_json(evaluations[name].model_dump(mode="json"), indent=2) + "\n")
            _write_manifest(job, output, wanted, questions, given)
            _refuse_silence(job, files)
            for file in files.values():  # only now: a run killed before would ask again
                journal_path(file).unlink(missing_ok=True)
            done.result = EvaluationFiles(files, evaluations)
    result: EvaluationFiles = done.result
    return result


def _scorers(
    metrics: Sequence[str] | None, given: Mapping[str, Mapping[str, Any]] | None, plugins: Plugins, retrieving: bool
) -> list[Chosen]:
    """The metric plugins of this run, each with its options and the libraries it needs."""
    known = plugins.metrics()
    always = [metric.name for metric in known if metric.scored == "always"]
    wanted = options_by_name(
        "metrics", dict.fromkeys((*always, *(metrics or scored_by_default(known, retrieving)))), given
    )
    if not wanted:
        raise UsageError("no installed metric is scored by default", "name one: --metric NAME")
    scorers = [plugins.choose("metrics", name, options) for name, options in wanted.items()]
    for scorer in scorers:
        scorer.need_libraries()
    return scorers


def _to_choose_k(questions: Path, given: EvaluateOptions) -> Path | None:
    if given.k != "auto":
        return None
    path = given.validation or validation_beside(questions)
    if given.validation is None and not path.is_file():
        raise UsageError(
            f"-k auto chooses on validation questions, and there is no {path.name} beside {questions.name}",
            "give --validation FILE, or a number: -k 3",
        )
    return path


def _few_shot(
    questions: Path, given: EvaluateOptions, arms: Sequence[Arm], models: Models, asked: Asked, run: Run
) -> FewShot | None:
    """The answered questions that the base model's arms see, where they see any."""
    pretrained = models.base.chat_template is not None  # one was given it, for it came without
    by_default = EXAMPLES if pretrained else 0
    wanted = by_default if given.few_shot == "auto" else given.few_shot
    if not wanted or all(arm.finetuned for arm in arms):
        return None
    path = given.validation or validation_beside(questions)
    if path.is_file() or given.validation is not None:
        return FewShot.read(path, asked.questions, wanted, lang=asked.lang, pretrained=pretrained, tell=run.warn)
    lacks = f"answered questions come from validation rows, and there is no {path.name} beside {questions.name}"
    if given.few_shot != "auto":
        raise UsageError(f"--few-shot {wanted}: {lacks}", "give --validation FILE, or leave out --few-shot")
    run.warn(
        f"{models.base.name} was never taught a chat, and will rather go on with a question than answer it, unless"
        f" it sees how: {lacks} (give --validation FILE)"
    )
    return None


def _refuse_unread(given: EvaluateOptions, to_choose_k: Path | None, few_shot: FewShot | None) -> None:
    if given.validation is not None and to_choose_k is None and few_shot is None:
        raise UsageError(
            f"{given.validation} would be read to choose k or to show answered questions, and neither is asked for",
            "add -k auto or --few-shot 4, or leave out --validation",
        )


def _check_passages(asked: Asked, index: OpenIndex, arms: Sequence[Arm], run: Run) -> None:
    """Whether the questions' passages are those of this index: recall and the oracle rest on it."""
    named = [q for q in asked.questions if q.answerable and q.chunks]
    known = sum(map(bool, asked.right_chunks(index)))
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


def _refuse_silence(job: Setup, files: Mapping[str, Path]) -> None:
    """An arm whose every question failed was not measured: that is no result to go on with."""
    for arm, reply in job.silent.items():
        raise DyagError(
            f"{arm}: every question failed ({len(job.asked.questions)}), the first with: {reply.error}",
            reply.hint or f"the errors stand in {files[arm].name}",
        )


def _result_files(output: Path, arms: Sequence[Arm]) -> dict[str, Path]:
    if len(arms) == 1:
        return {arms[0].name: output}
    prefix = output.name.removesuffix(".json")
    return {arm.name: output.with_name(f"{prefix}_{arm.name}.json") for arm in arms}


def _write_manifest(job: Setup, output: Path, arms: Sequence[Arm], questions: Path, given: EvaluateOptions) -> None:
    inputs = {"questions": questions}
    if job.models.model is not None and any(arm.finetuned for arm in arms):
        inputs["model"] = job.models.model
    if job.index is not None:
        inputs["index"] = job.index.folder / "chunks.jsonl"
    if (validation := job.validation or (job.few_shot.path if job.few_shot else None)) is not None:
        inputs["validation"] = validation
    write_manifest(
        manifest_path(output),
        stage="evaluate",
        options={
            "arms": [arm.name for arm in arms],
            "base_model": job.models.describe(arms[0])["base_model"],
            "decoding": job.decoding.model_dump(mode="json"),
            "few_shot": job.few_shot.describe() if job.few_shot else None,
            "k": job.k,
            "k_chosen": job.chosen_k.describe() if job.chosen_k else None,
            "limit": given.limit,
            "repeat": given.repeat,
        },
        seed=job.run.seed,
        inputs=inputs,
        plugins=job.plugins.used(),
    )
