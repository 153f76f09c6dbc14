"""Stage `finetune`: training rows in, adapter with passport out."""

from __future__ import annotations

import hashlib
import importlib.metadata
import shutil
import tempfile
from collections import Counter
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dyag_core.artifacts import (
    atomic_text,
    file_sha256,
    output_lock,
    read_json,
    remove_leftovers,
    to_json,
    write_manifest,
)
from dyag_core.base_models import config_sha256, load_tokenizer, locate, revision_of, template_sha256
from dyag_core.conversations import Conversation, read_conversations
from dyag_core.errors import DyagError, LockedError, UsageError
from dyag_core.language import detect_language
from dyag_core.normalise import normalise
from dyag_core.options import telling
from dyag_core.passport import resolve_base, write_passport
from dyag_core.prompts import without_context
from dyag_core.records import BaseModelPreset, Passport, TrainedModel, TrainingEstimate, TrainingJob
from dyag_core.run import Run, SilentProgress
from dyag_core.stages.continuing import Parent, compared, find_parent, mix, old_score

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dyag_core.manager import Chosen, Plugins
    from dyag_core.protocols import Progress
    from dyag_core.records.training import ResumePolicy

#: Stands in the output folder from the start: what the run is made of. Another run is refused there.
RUN = "run.json"
#: Written last, with the hashes of what was made: a folder with it is complete.
MANIFEST = "manifest.json"
TRAINED_QUESTIONS = "trained_questions.txt"
#: New rows and replayed ones, where a run goes on from an older adapter.
MIXED = "mixed.jsonl"
#: Taken where neither the user nor an older adapter names a base model.
DEFAULT_BASE = "qwen2.5:1.5b"
_LIBRARIES = ("torch", "transformers", "trl", "peft", "accelerate", "tokenizers", "safetensors")


def finetune(
    *,
    dataset: Path,
    output: Path,
    base_model: str | None = None,
    epochs: float = 3,
    resume: ResumePolicy = "auto",
    trainer: str = "lora",
    options: Mapping[str, Any] | None = None,
    validation: Path | None = None,
    from_adapter: Path | None = None,
    replay: Path | None = None,
    replay_share: float = 0.2,
    old_test: Path | None = None,
    seed: int = 42,
    plugins: Plugins,
    progress: Progress | None = None,
) -> TrainedModel:
    """Fine-tune `base_model` on a file of chats.

    The same call again goes on where it stopped; a complete run is returned as it is.

    Args:
        dataset: chats, one JSON object a line, in any of the three shapes.
        output: the run's folder.
        base_model: preset, `hub:ORG/NAME` or folder; by default the older adapter's, else qwen2.5:1.5b.
        epochs: passes over the data.
        resume: "auto" goes on if it can, "require" fails if it can't, "never" starts anew.
        trainer: trainer plugin.
        options: the trainer's options.
        validation: file to measure validation loss on; NAME_val.jsonl beside NAME_train.jsonl by default.
        from_adapter: a fine-tuned model to go on from, with the same base.
        replay: the file it was trained on: some of its rows are mixed in, against forgetting.
        replay_share: share of these among all rows.
        old_test: questions asked before and after; NAME_test.jsonl beside a replayed NAME_train.jsonl by default.
        seed: of the adapter's first weights and the order of the data.
        plugins: the run's plugin host.
        progress: where to report.

    Raises:
        UsageError: a bad row, option or base. GateError: examples that can't be trained on as they are.
        LockedError: `output` holds another run, or is being written. ResourceError: no room in memory or on disk.
    """
    parent = find_parent(from_adapter, replay, replay_share, old_test)
    task = _read(dataset, output, epochs, trainer, options, validation, seed, plugins, progress)
    with output_lock(output):
        names = (RUN, MANIFEST, MIXED, "training_log.json", "training_curve.svg")
        remove_leftovers(*(output / name for name in names))
        job = _job(task, base_model, parent, resume)
        finished = _claim(output, job.fingerprint, resume, task.run.progress)
        if finished:
            return finished
        with plugins.stage(task.run) as done:
            job, conversations, replayed = _with_replay(job, task, parent, output)
            before = old_score(parent, job.base_path, parent.folder, task.run) if parent and parent.old_test else None
            trained = plugins.train(task.chosen, job, task.run)
            if parent and before:
                after = old_score(parent, job.base_path, output / "final", task.run)
                trained = trained.model_copy(update={"old_test": compared(parent, before, after)})
            passport = _passport(job, task, conversations, trained, parent, replayed)
            _finish(job, task, conversations, trained, passport, parent)
            done.result = trained
    return trained


def estimate(
    *,
    dataset: Path,
    output: Path,
    base_model: str | None = None,
    epochs: float = 3,
    trainer: str = "lora",
    options: Mapping[str, Any] | None = None,
    validation: Path | None = None,
    from_adapter: Path | None = None,
    replay: Path | None = None,
    replay_share: float = 0.2,
    seed: int = 42,
    plugins: Plugins,
    progress: Progress | None = None,
) -> TrainingEstimate:
    """What `finetune` with the same arguments would take. Trains a few real steps, leaves nothing behind."""
    parent = find_parent(from_adapter, replay, replay_share, None)
    task = _read(dataset, output, epochs, trainer, options, validation, seed, plugins, progress)
    with tempfile.TemporaryDirectory(prefix="dyag-estimate-") if replay else nullcontext("") as scratch:
        job = _job(task, base_model, parent, "never")
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
    run: Run


def _read(
    dataset: Path,
    output: Path,
    epochs: float,
    trainer: str,
    options: Mapping[str, Any] | None,
    validation: Path | None,
    seed: int,
    plugins: Plugins,
    progress: Progress | None,
) -> _Task:
    if epochs <= 0:
        raise UsageError(f"epochs must be above 0, not {epochs:g}")
    chosen = plugins.choose("trainers", trainer, options)
    conversations = read_conversations(dataset)
    lang = detect_language(message.content for row in conversations for message in row.messages)
    run = Run(
        stage="finetune", folder=output, plugins=plugins, seed=seed, lang=lang, progress=progress or SilentProgress()
    )
    return _Task(dataset, validation or _validation_beside(dataset), output, epochs, chosen, conversations, run)


def _job(task: _Task, base_model: str | None, parent: Parent | None, resume: ResumePolicy) -> TrainingJob:
    """The run as a trainer takes it, with the base model found (downloaded, if need be)."""
    plugins, progress = task.run.plugins, task.run.progress
    if parent:
        preset, base_path = resolve_base(parent.passport, plugins, base_model, progress)
    else:
        preset = plugins.base_model(base_model or DEFAULT_BASE)
        base_path = locate(preset, progress)
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
        **(parent.fingerprint() if parent else {}),
    }


def _claim(output: Path, fingerprint: dict[str, Any], resume: ResumePolicy, progress: Progress) -> TrainedModel | None:
    """Make `output` this run's folder; returns the result where it is already there.

    Raises:
        LockedError: it is another run's, with the differences.
    """
    path = output / RUN
    if resume == "never":
        for name in (MANIFEST, RUN):
            (output / name).unlink(missing_ok=True)
        shutil.rmtree(output / "final", ignore_errors=True)
    if path.exists():
        differences = _differences(read_json(path), fingerprint)
        if differences and _holds_work(output):
            raise LockedError(
                f"{output} holds another run:\n  " + "\n  ".join(differences),
                "choose another --output, or start over there with --resume never",
            )
        finished = _finished(output)
        if finished:
            progress.message(f"{output} is complete: nothing to do (--resume never trains again)")
            return finished
        if not differences:
            return None
    if resume == "require":
        raise LockedError(f"{output} holds no run to go on with", "leave out --resume to start")
    atomic_text(path, to_json(fingerprint, indent=2) + "\n")
    return None


def _holds_work(output: Path) -> bool:
    """Whether anything was trained there. A run that was refused before its first step (no memory, a bad option) may
    come back with other options.
    """
    return (output / "final").exists() or any(path.is_dir() for path in (output / "checkpoints").glob("*"))


def _differences(before: Any, now: Mapping[str, Any], where: str = "") -> list[str]:
    """One line for each value that changed: `options.rank: 8 before, 16 now`."""
    if not isinstance(before, dict):
        return [f"{where or 'run.json'}: {before!r} before, {dict(now)!r} now"]
    lines = []
    for key in [*now, *(key for key in before if key not in now)]:
        old, new = before.get(key), now.get(key)
        if old == new:
            continue
        if isinstance(new, dict):
            lines += _differences(old, new, f"{where}{key}.")
        else:
            lines.append(f"{where}{key}: {_short(old)} before, {_short(new)} now")
    return lines


def _short(value: Any) -> str:
    text = str(value)
    return f"{text[:12]}..." if len(text) >= 40 else text


def _finished(output: Path) -> TrainedModel | None:
    """The result of a complete run whose files are all as they were left."""
    try:
        manifest = read_json(output / MANIFEST)
        if any(file_sha256(output / name) != sha256 for name, sha256 in manifest["outputs"].items()):
            return None
        return TrainedModel.model_validate(manifest["trained"] | {"folder": output / "final"})
    except (DyagError, OSError, KeyError, TypeError, ValueError):
        return None  # not complete: the trainer goes on from its checkpoints


def _passport(
    job: TrainingJob,
    task: _Task,
    conversations: Sequence[Conversation],
    trained: TrainedModel,
    parent: Parent | None,
    replayed: dict[str, Any] | None,
) -> Passport:
    systems = Counter(row.messages[0].content if row.messages[0].role == "system" else None for row in conversations)
    tokenizer = load_tokenizer(job.base_path, job.base_model.context_length)
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
    before = parent.folder / TRAINED_QUESTIONS if parent else None
    known = before.read_text(encoding="ascii").split() if before and before.is_file() else []
    atomic_text(final / TRAINED_QUESTIONS, trained_questions(conversations, known))
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
        options={"base_model": job.base_model.name, "epochs": job.epochs, **telling(task.chosen.options)},
        seed=job.seed,
        inputs=inputs,
        plugins=task.run.plugins.used(),
        outputs=outputs,
        trained=trained.model_dump(mode="json", exclude={"folder"}),
    )


def trained_questions(conversations: Sequence[Conversation], known: Sequence[str] = ()) -> str:
    """One line a question that was trained on: the first 16 hex digits of its normalised text's sha256, sorted.

    `known` are such lines of an older adapter that this one went on from. Evaluation looks test questions up in it
    without the model carrying its training data around.
    """
    hashes = {
        hashlib.sha256(normalise(without_context(question)).encode("utf-8")).hexdigest()[:16]
        for row in conversations
        for question in row.questions
    }
    return "".join(f"{line}\n" for line in sorted(hashes.union(known)))
