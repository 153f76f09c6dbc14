"""Stage `finetune`: training rows in, adapter with passport out."""

from __future__ import annotations

import importlib.metadata
import tempfile
from collections import Counter
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dyag_core.artifacts import (
    file_sha256,
    output_lock,
    remove_leftovers,
    sha256_of,
    write_manifest,
)
from dyag_core.chat.conversations import Conversation, read_conversations
from dyag_core.chat.trained_questions import hashes_of, trained_questions, write_trained_questions
from dyag_core.models.sources import config_sha256, load_tokenizer, locate, revision_of, template_sha256
from dyag_core.plugin.options import telling
from dyag_core.plugin.run import Run
from dyag_core.progress import SilentProgress
from dyag_core.records import BaseModelPreset, Passport, TrainedModel, TrainingEstimate, TrainingJob
from dyag_core.text.language import detect_language
from dyag_core.training.foreign_adapter import base_of
from dyag_core.training.given_template import with_template
from dyag_core.training.passport import write_passport
from dyag_core.training.replay import Parent, compared, find_parent, mix, old_score
from dyag_core.training.run_folder import MANIFEST, RUN, claim

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dyag_core.plugin.entry import Chosen
    from dyag_core.plugin.host import Plugins
    from dyag_core.progress import Progress
    from dyag_core.records.options import FinetuneOptions
    from dyag_core.records.training import ResumePolicy

#: New rows and replayed ones, where a run goes on from an older adapter.
MIXED = "mixed.jsonl"
#: Taken where neither the user nor an older adapter names a base model.
DEFAULT_BASE = "qwen2.5:1.5b"
_LIBRARIES = ("torch", "transformers", "trl", "peft", "accelerate", "tokenizers", "safetensors")


def finetune(
    given: FinetuneOptions,
    *,
    dataset: Path,
    output: Path,
    seed: int = 42,
    plugins: Plugins,
    progress: Progress | None = None,
) -> TrainedModel:
    """Fine-tune a base model on a file of chats.

    The same call again goes on where it stopped; a complete run is returned as it is.

    Args:
        dataset: chats, one JSON object a line, in any of the three shapes.
        output: the run's folder.
        seed: of the adapter's first weights and the order of the data.
        plugins: the run's plugin host.
        progress: where to report.

    Raises:
        UsageError: a bad row, option or base. GateError: examples that can't be trained on as they are.
        LockedError: `output` holds another run, or is being written. ResourceError: no room in memory or on disk.
    """
    parent = find_parent(given)
    task = _read(given, dataset, output, seed, plugins, progress)
    with output_lock(output):
        names = (RUN, MANIFEST, MIXED, "training_log.json", "training_curve.svg")
        remove_leftovers(*(output / name for name in names))
        job = _job(task, given, parent, given.resume)
        finished = claim(output, job.fingerprint, given.resume, task.run.progress)
        if finished:
            return finished
        with plugins.stage(task.run) as done:
            job, conversations, replayed = _with_replay(job, task, parent, output)
            before = (
                old_score(parent, job.base_path, job.base_model.chat_template, parent.folder, plugins, task.run)
                if parent and parent.old_test
                else None
            )
            trained = plugins.train(task.chosen, job, task.run)
            if parent and before:
                template = job.base_model.chat_template
                after = old_score(parent, job.base_path, template, output / "final", plugins, task.run)
                trained = trained.model_copy(update={"old_test": compared(parent, before, after)})
            passport = _passport(job, task, conversations, trained, parent, replayed)
            _finish(job, task, conversations, trained, passport, parent)
            done.result = trained
    return trained


def estimate(
    given: FinetuneOptions,
    *,
    dataset: Path,
    output: Path,
    seed: int = 42,
    plugins: Plugins,
    progress: Progress | None = None,
) -> TrainingEstimate:
    """What `finetune` with the same arguments would take. Trains a few real steps, leaves nothing behind."""
    parent = find_parent(given)
    task = _read(given, dataset, output, seed, plugins, progress)
    with tempfile.TemporaryDirectory(prefix="dyag-estimate-") if given.replay else nullcontext("") as scratch:
        job = _job(task, given, parent, "never")
        job, _, _ = _with_replay(job, task, parent, Path(scratch))
        return plugins.estimate(task.chosen, job, task.run)


@dataclass(frozen=True)
class _Task:
    """What was asked for, read and checked."""

    dataset: Path
    validation: Path | None
    output: Path
    epochs: float
    chosen: Chosen
    conversations: list[Conversation]
    plugins: Plugins
    run: Run


def _read(
    given: FinetuneOptions,
    dataset: Path,
    output: Path,
    seed: int,
    plugins: Plugins,
    progress: Progress | None,
) -> _Task:
    chosen = plugins.choose("trainers", given.trainer, given.options)
    conversations = read_conversations(dataset)
    lang = detect_language(message.content for row in conversations for message in row.messages)
    run = Run(
        stage="finetune", folder=output, plugins=plugins, seed=seed, lang=lang, progress=progress or SilentProgress()
    )
    validation = given.validation or _validation_beside(dataset)
    return _Task(dataset, validation, output, given.epochs, chosen, conversations, plugins, run)


def _job(task: _Task, given: FinetuneOptions, parent: Parent | None, resume: ResumePolicy) -> TrainingJob:
    """The run as a trainer takes it, with the base model found (downloaded, if need be)."""
    plugins, progress, base_model = task.plugins, task.run.progress, given.base_model
    if parent:
        preset, base_path = base_of(parent.folder, parent.passport, plugins, base_model, progress)
    else:
        preset = plugins.base_model(base_model or DEFAULT_BASE)
        base_path = locate(preset, progress)
    passport = parent.passport if parent else None
    preset = with_template(preset, base_path, given.chat_template, passport, progress)
    return TrainingJob(
        dataset=task.dataset,
        validation=task.validation,
        output=task.output,
        base_model=preset,
        base_path=base_path,
        epochs=task.epochs,
        resume=resume,
        seed=task.run.seed,
        fingerprint=_fingerprint(task, preset, base_path, parent),
        from_adapter=parent.folder if parent else None,
    )


def _with_replay(
    job: TrainingJob, task: _Task, parent: Parent | None, folder: Path
) -> tuple[TrainingJob, list[Conversation], dict[str, Any] | None]:
    """The job on new and replayed rows, those rows, and what was replayed; as it was where nothing is."""
    if parent is None or parent.replay is None:
        return job, task.conversations, None
    replayed = mix(task.conversations, parent, folder / MIXED, task.run)
    return replace(job, dataset=folder / MIXED), read_conversations(folder / MIXED), replayed


def _validation_beside(dataset: Path) -> Path | None:
    """NAME_val.jsonl for NAME_train.jsonl, if it is there."""
    if not dataset.stem.endswith("_train"):
        return None
    beside = dataset.with_name(f"{dataset.stem.removesuffix('_train')}_val{dataset.suffix}")
    return beside if beside.is_file() and beside.stat().st_size else None


def _fingerprint(task: _Task, preset: BaseModelPreset, base_path: str, parent: Parent | None) -> dict[str, Any]:
    """All that the result depends on."""
    return {
        "dataset": file_sha256(task.dataset),
        "validation": file_sha256(task.validation) if task.validation else None,
        "base_model": preset.name,
        "base_revision": revision_of(preset, base_path),
        "base_config": config_sha256(base_path),
        "trainer": task.chosen.name,
        "options": telling(task.chosen.options),
        "epochs": float(task.epochs),
        "seed": task.run.seed,
        **({"chat_template": sha256_of(preset.chat_template)} if preset.chat_template else {}),
        **(parent.fingerprint() if parent else {}),
    }


def _passport(
    job: TrainingJob,
    task: _Task,
    conversations: Sequence[Conversation],
    trained: TrainedModel,
    parent: Parent | None,
    replayed: dict[str, Any] | None,
) -> Passport:
    systems = Counter(row.messages[0].content if row.messages[0].role == "system" else None for row in conversations)
    template = job.base_model.chat_template
    tokenizer = load_tokenizer(job.base_path, job.base_model.context_length, template)
    data: dict[str, Any] = {
        "train": {
            "file": task.dataset.name,
            "sha256": file_sha256(task.dataset),
            "rows": len(task.conversations),
        },
        "validation": None,
    }
    if job.validation:
        data["validation"] = {"file": job.validation.name, "sha256": file_sha256(job.validation)}
    if replayed:
        data["replay"] = replayed
    options = task.chosen.options.model_dump(mode="json")
    return Passport(
        base_model=job.base_model.name,
        base_source=job.base_model.source,
        base_revision=revision_of(job.base_model, job.base_path),
        base_config_sha256=config_sha256(job.base_path),
        chat_template_sha256=template_sha256(tokenizer),
        chat_template=template,
        system_prompt=systems.most_common(1)[0][0],
        lang=task.run.lang,
        data=data,
        options={"trainer": task.chosen.name, "epochs": job.epochs, **options, **trained.resolved},
        versions={name: importlib.metadata.version(name) for name in _installed(("dyag", *_LIBRARIES))},
        seed=job.seed,
        training=trained.model_dump(mode="json", exclude={"folder", "resolved"}),
        parent=parent.for_passport() if parent else None,
    )


def _installed(names: Sequence[str]) -> list[str]:
    there = {distribution.name.lower() for distribution in importlib.metadata.distributions()}
    return [name for name in names if name in there]


def _finish(
    job: TrainingJob,
    task: _Task,
    conversations: Sequence[Conversation],
    trained: TrainedModel,
    passport: Passport,
    parent: Parent | None,
) -> None:
    """Passport, list of trained questions, and the manifest that makes the folder complete."""
    final = job.output / "final"
    known = trained_questions(parent.folder) if parent else frozenset()
    write_trained_questions(final, hashes_of(conversations) | known)
    write_passport(final, passport)
    outputs = {
        file.relative_to(job.output).as_posix(): file_sha256(file)
        for file in sorted(final.rglob("*"))
        if file.is_file()
    }
    inputs = {"dataset": task.dataset} | ({"validation": job.validation} if job.validation else {})
    if parent:
        files = {"from_adapter": parent.folder, "replay": parent.replay, "old_test": parent.old_test}
        inputs |= {role: path for role, path in files.items() if path}
    write_manifest(
        job.output / MANIFEST,
        stage="finetune",
        options={
            "base_model": job.base_model.name,
            **({"chat_template": job.base_model.chat_template} if job.base_model.chat_template else {}),
            "epochs": job.epochs,
            **telling(task.chosen.options),
        },
        seed=job.seed,
        inputs=inputs,
        plugins=task.plugins.used(),
        outputs=outputs,
        trained=trained.model_dump(mode="json", exclude={"folder"}),
    )
