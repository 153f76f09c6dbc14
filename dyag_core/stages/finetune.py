"""Stage `finetune`: training rows in, adapter with passport out."""

from __future__ import annotations

import hashlib
import importlib.metadata
import shutil
from collections import Counter
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
from dyag_core.passport import write_passport
from dyag_core.records import BaseModelPreset, Passport, TrainedModel, TrainingJob
from dyag_core.run import Run, SilentProgress

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
_LIBRARIES = ("torch", "transformers", "trl", "peft", "accelerate", "tokenizers", "safetensors")


def finetune(
    *,
    dataset: Path,
    output: Path,
    base_model: str,
    epochs: float = 3,
    resume: ResumePolicy = "auto",
    trainer: str = "lora",
    options: Mapping[str, Any] | None = None,
    validation: Path | None = None,
    seed: int = 42,
    plugins: Plugins,
    progress: Progress | None = None,
) -> TrainedModel:
    """Fine-tune `base_model` on a file of chats.

    The same call again goes on where it stopped; a complete run is returned as it is.

    Args:
        dataset: chats, one JSON object a line, in any of the three shapes.
        output: the run's folder.
        base_model: preset, `hub:ORG/NAME` or folder.
        epochs: passes over the data.
        resume: "auto" goes on if it can, "require" fails if it can't, "never" starts anew.
        trainer: trainer plugin.
        options: the trainer's options.
        validation: file to measure validation loss on; NAME_val.jsonl beside NAME_train.jsonl by default.
        seed: of the adapter's first weights and the order of the data.
        plugins: the run's plugin host.
        progress: where to report.

    Raises:
        UsageError: a bad row, option or base. GateError: examples that can't be trained on as they are.
        LockedError: `output` holds another run, or is being written.
    """
    progress = progress or SilentProgress()
    if epochs <= 0:
        raise UsageError(f"epochs must be above 0, not {epochs:g}")
    chosen = plugins.choose("trainers", trainer, options)
    conversations = read_conversations(dataset)
    validation = validation or _validation_beside(dataset)
    lang = detect_language(message.content for row in conversations for message in row.messages)
    preset = plugins.base_model(base_model)
    run = Run(stage="finetune", folder=output, plugins=plugins, seed=seed, lang=lang, progress=progress)
    with output_lock(output):
        remove_leftovers(*(output / name for name in (RUN, MANIFEST, "training_log.json", "training_curve.svg")))
        base_path = locate(preset, progress)
        fingerprint = _fingerprint(dataset, validation, preset, base_path, chosen, epochs, seed)
        finished = _claim(output, fingerprint, resume, progress)
        if finished:
            return finished
        job = TrainingJob(
            dataset=dataset,
            validation=validation,
            output=output,
            base_model=preset,
            base_path=base_path,
            epochs=epochs,
            resume=resume,
            seed=seed,
            fingerprint=fingerprint,
        )
        with plugins.stage(run) as done:
            trained = plugins.train(chosen, job, run)
            passport = _passport(job, chosen, conversations, trained, lang)
            _finish(job, chosen, conversations, trained, passport, plugins)
            done.result = trained
    return trained


def _validation_beside(dataset: Path) -> Path | None:
    """NAME_val.jsonl for NAME_train.jsonl, if it is there."""
    if not dataset.stem.endswith("_train"):
        return None
    beside = dataset.with_name(f"{dataset.stem.removesuffix('_train')}_val{dataset.suffix}")
    return beside if beside.is_file() and beside.stat().st_size else None


def _fingerprint(
    dataset: Path,
    validation: Path | None,
    preset: BaseModelPreset,
    base_path: str,
    chosen: Chosen,
    epochs: float,
    seed: int,
) -> dict[str, Any]:
    """All that the result depends on."""
    return {
        "dataset": file_sha256(dataset),
        "validation": file_sha256(validation) if validation else None,
        "base_model": preset.name,
        "base_revision": revision_of(preset, base_path),
        "base_config": config_sha256(base_path),
        "trainer": chosen.name,
        "options": chosen.options.model_dump(mode="json"),
        "epochs": float(epochs),
        "seed": seed,
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
        if differences:
            raise LockedError(
                f"{output} holds another run:\n  " + "\n  ".join(differences),
                "choose another --output, or start over there with --resume never",
            )
        finished = _finished(output)
        if finished:
            progress.message(f"{output} is complete: nothing to do (--resume never trains again)")
            return finished
    else:
        if resume == "require":
            raise LockedError(f"{output} holds no run to go on with", "leave out --resume to start")
        atomic_text(path, to_json(fingerprint, indent=2) + "\n")
    return None


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
    job: TrainingJob, chosen: Chosen, conversations: Sequence[Conversation], trained: TrainedModel, lang: str
) -> Passport:
    systems = Counter(row.messages[0].content if row.messages[0].role == "system" else None for row in conversations)
    tokenizer = load_tokenizer(job.base_path, job.base_model.context_length)
    data = {
        "train": {"file": job.dataset.name, "sha256": file_sha256(job.dataset), "rows": len(conversations)},
        "validation": None,
    }
    if job.validation:
        data["validation"] = {"file": job.validation.name, "sha256": file_sha256(job.validation)}
    return Passport(
        base_model=job.base_model.name,
        base_source=job.base_model.source,
        base_revision=revision_of(job.base_model, job.base_path),
        base_config_sha256=config_sha256(job.base_path),
        chat_template_sha256=template_sha256(tokenizer),
        system_prompt=systems.most_common(1)[0][0],
        lang=lang,
        data=data,
        options={"trainer": chosen.name, "epochs": job.epochs, **chosen.options.model_dump(mode="json")},
        versions={name: importlib.metadata.version(name) for name in _installed(("dyag", *_LIBRARIES))},
        seed=job.seed,
        training=trained.model_dump(mode="json", exclude={"folder"}),
    )


def _installed(names: Sequence[str]) -> list[str]:
    there = {distribution.name.lower() for distribution in importlib.metadata.distributions()}
    return [name for name in names if name in there]


def _finish(
    job: TrainingJob,
    chosen: Chosen,
    conversations: Sequence[Conversation],
    trained: TrainedModel,
    passport: Passport,
    plugins: Plugins,
) -> None:
    """Passport, list of trained questions, and the manifest that makes the folder complete."""
    final = job.output / "final"
    atomic_text(final / TRAINED_QUESTIONS, trained_questions(conversations))
    write_passport(final, passport)
    outputs = {
        file.relative_to(job.output).as_posix(): file_sha256(file)
        for file in sorted(final.rglob("*"))
        if file.is_file()
    }
    inputs = {"dataset": job.dataset} | ({"validation": job.validation} if job.validation else {})
    write_manifest(
        job.output / MANIFEST,
        stage="finetune",
        options={"base_model": job.base_model.name, "epochs": job.epochs, **chosen.options.model_dump(mode="json")},
        seed=job.seed,
        inputs=inputs,
        plugins=plugins.used(),
        outputs=outputs,
        trained=trained.model_dump(mode="json", exclude={"folder"}),
    )


def trained_questions(conversations: Sequence[Conversation]) -> str:
    """One line a question that was trained on: the first 16 hex digits of its normalised text's sha256, sorted.

    Evaluation looks test questions up in it without the model carrying its training data around.
    """
    hashes = {
        hashlib.sha256(normalise(question).encode("utf-8")).hexdigest()[:16]
        for row in conversations
        for question in row.questions
    }
    return "".join(f"{line}\n" for line in sorted(hashes))
