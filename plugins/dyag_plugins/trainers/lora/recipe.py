"""Fine-tune with LoRA: a recipe on TRL's SFTTrainer and PEFT. Read it from top to bottom.

LoRA: Hu et al. 2021, https://arxiv.org/abs/2106.09685.
"""

from __future__ import annotations

import functools
import math
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field

from dyag_core import LockedError, Run, TrainedModel, TrainingJob, hookimpl
from dyag_core.api import load_tokenizer, quiet_libraries, takes_system
from dyag_core.records import TrainingEstimate
from dyag_plugins.trainers.lora import (
    adapter,
    budget,
    callbacks,
    encoding,
    fused_linear,
    loss_curve,
    packing,
    preflight,
    quantization,
    sft_trainer,
    timing,
    tracking,
)
from dyag_plugins.trainers.lora.checkpoints import BEST, Checkpoints, saving_errors
from dyag_plugins.trainers.lora.device import Numerics, choose_device, choose_dtype, memory_errors, peak_memory

#: Marks options that may change between a run and its resumption.
_FREE = {"changes_result": False}


def _listed(value: Any) -> Any:
    """`a,b` from a command line as a list."""
    return [name.strip() for name in value.split(",")] if isinstance(value, str) and "[" not in value else value


class LoraOptions(BaseModel, extra="forbid", frozen=True):
    """Options of the trainer `lora`."""

    rank: int = Field(16, ge=1, description="rank of the LoRA matrices")
    alpha: float = Field(32.0, gt=0, description="LoRA scale: the update is multiplied by alpha / rank")
    rslora: bool = Field(False, description="multiply by alpha / sqrt(rank) instead: for high ranks (rsLoRA)")
    dora: bool = Field(False, description="learn each weight's magnitude and direction apart (DoRA); slower")
    dropout: float = Field(0.0, ge=0, lt=1, description="dropout before the LoRA matrices; 0 is a sixth faster")
    targets: Annotated[list[str] | None, BeforeValidator(_listed)] = Field(
        None, description="modules to adapt; None takes the base model's preset"
    )
    learning_rate: float | None = Field(None, gt=0, description="peak rate; None takes the base model's preset")
    batch_size: int = Field(8, ge=1, description="examples a step")
    gradient_accumulation: int = Field(1, ge=1, description="batches added up before each update")
    warmup: float = Field(0.05, ge=0, lt=1, description="share of the steps in which the rate rises")
    schedule: Literal["linear", "cosine", "constant"] = Field("linear", description="how the rate falls after that")
    weight_decay: float = Field(0.0, ge=0, description="AdamW's weight decay")
    max_length: int | None = Field(None, ge=8, description="tokens an example may have; None: the context, up to 2048")
    on_overflow: Literal["error", "drop", "truncate"] = Field("error", description="what to do with longer examples")
    device: Literal["auto", "cpu", "cuda", "mps"] = Field("auto", description="where to train")
    dtype: Literal["auto", "float32", "bfloat16"] = Field("auto", description="of the frozen weights")
    quantization: Literal["none", "nf4", "auto"] = Field(
        "none",
        description="frozen weights in 4 bits (bitsandbytes); auto: only where they would not fit otherwise",
        json_schema_extra={"flag": True},
    )
    time_budget: Annotated[str, AfterValidator(budget.checked)] | None = Field(
        None,
        description="train for so long at most (30m, 1h30m): five steps are timed, then passes and rows chosen",
        json_schema_extra={"flag": True},
    )
    save_every: int = Field(25, ge=1, description="steps between checkpoints")
    keep_checkpoints: int = Field(
        2, ge=2, description="how many checkpoints to keep: the newest may be damaged", json_schema_extra=_FREE
    )
    patience: int = Field(3, ge=0, description="epochs without a lower validation loss before stopping; 0: never stop")
    packing: bool = Field(True, description="lay each batch in one row and compute the shared beginning once")
    threads: int | None = Field(None, ge=1, description="CPU threads; None leaves it to torch")
    preflight: bool = Field(
        True,
        description="refuse to start without room in memory and on disk; false: try anyway",
        json_schema_extra=_FREE,
    )
    report_to: Annotated[list[tracking.Tracker], BeforeValidator(_listed)] = Field(
        [], description="trackers: tensorboard, mlflow, trackio", json_schema_extra=_FREE
    )


class LoraTrainer:
    """The trainer `lora`."""

    dyag_api = 1
    Options = LoraOptions

    @hookimpl
    def dyag_train(self, job: TrainingJob, options: LoraOptions, run: Run) -> TrainedModel:
        """Train an adapter into `job.output`/final; checkpoints, loss log and curve stand beside it."""
        checkpoints = Checkpoints(job.output / "checkpoints", job.fingerprint, options.keep_checkpoints)
        start = _where_to_start(checkpoints, job, run)
        ready = _prepare(job, options, run, checkpoints if start else None)
        if options.preflight:
            preflight.refuse_without_room(ready.room, job.output, run)
        checkpoints.note(ready.numerics)
        ready = _within_budget(ready, job, run, checkpoints if start else None)
        if ready.within:
            checkpoints.note_plan(ready.within)
        options, train, validation = ready.options, ready.train, ready.validation

        base = job.base_model
        base_name = base.source.removeprefix("hub:") if base.source.startswith("hub:") else base.name
        stop = callbacks.StopRequest()
        with quiet_libraries(), memory_errors(), saving_errors(job.output), stop.listening():
            trainer = _build(ready, job, run)
            trainer.add_callback(callbacks.keep_checkpoints(checkpoints, base_name))
            if validation and validation.items:
                trainer.add_callback(callbacks.keep_best(checkpoints.folder, options.patience))
            with run.progress.task(f"training {base.name}", total=ready.steps) as task:
                trainer.add_callback(callbacks.watch_training(task, stop, run.progress.message))
                trainer.train(resume_from_checkpoint=str(start) if start else None)
            stop.leave()
            best = checkpoints.folder / BEST
            if best.is_dir():  # the adapter with the lowest validation loss, where there was validation
                adapter.put_best(trainer.model, best, run)
            adapter.write(trainer.model, ready.tokenizer, job.output / "final", base_name)

        log = loss_curve.loss_log(trainer.state.log_history)
        loss_curve.write_curve(job.output, log, f"{base.name} on {job.dataset.name}")
        losses = [row["loss"] for row in log if "loss" in row]
        return TrainedModel(
            folder=job.output / "final",
            examples=len(train.items),
            steps=trainer.state.global_step,
            epochs=round(trainer.state.epoch or 0.0, 4),
            seconds=round(max((row["seconds"] for row in log if "seconds" in row), default=0.0), 1),
            first_loss=losses[0] if losses else None,
            final_loss=losses[-1] if losses else None,
            validation_loss=min(callbacks.validation_losses(trainer.state.log_history), default=None),
            trained_tokens=sum(item.trained_tokens for item in train.items),
            resumed_from_step=int(start.name.split("-")[-1]) if start else None,
            label_statistics=train.statistics(),
            resolved=_resolved(ready, job),
        )

    @hookimpl
    def dyag_estimate(self, job: TrainingJob, options: LoraOptions, run: Run) -> TrainingEstimate:
        """What training would take: room by formula, time by a few real steps on a model that is thrown away."""
        ready = _prepare(job, options, run, None)
        if options.preflight:
            preflight.refuse_without_room(ready.room, job.output, run)
        seconds = _measured(ready, job, run)
        ready = _planned(ready, job, run, seconds)
        counted = ready.train.statistics()
        return TrainingEstimate(
            base_model=job.base_model.name,
            device=ready.numerics.device,
            dtype=ready.numerics.dtype,
            quantization=ready.numerics.quantization,
            memory=ready.room.memory,
            memory_room=ready.room.memory_room,
            memory_measured=peak_memory(ready.numerics.device),
            disk_needed=ready.room.disk_needed,
            disk_free=ready.room.disk_free,
            examples=counted["examples"],
            tokens=counted["tokens"],
            trained_tokens=counted["trained_tokens"],
            steps=ready.steps,
            epochs=job.epochs,
            measured_steps=timing.MEASURED,
            seconds_a_step=round(seconds, 4),
            seconds=round(seconds * ready.steps, 1),
        )


@dataclass(frozen=True)
class Ready:
    """All that is known before the weights are loaded; `options` have the adapter's shape where there is one."""

    options: LoraOptions
    tokenizer: Any
    train: encoding.Encoded
    validation: encoding.Encoded | None
    steps: int
    numerics: Numerics
    room: preflight.Room
    within: budget.Within | None = None


def _prepare(job: TrainingJob, options: LoraOptions, run: Run, stopped: Checkpoints | None) -> Ready:
    """Tokenise and check the data, settle the numerics, look at the room. `stopped` is the run that goes on."""
    import torch

    if options.threads:
        torch.set_num_threads(options.threads)
    tracking.require(options.report_to)
    if job.from_adapter:
        options = adapter.same_shape(job.from_adapter, options)
    base = job.base_model
    tokenizer = load_tokenizer(job.base_path, base.context_length, base.chat_template)
    limit = options.max_length or base.training_length
    train = encoding.encode(job.dataset, tokenizer, limit, options.on_overflow)
    # What the model is never taught (stratum "unseen") says nothing about how well it has learnt.
    validation = job.validation and encoding.encode(job.validation, tokenizer, limit, "drop", leave_out=["unseen"])
    _tell_about(train, tokenizer, run)

    device = choose_device(options.device)
    numerics = Numerics(device, choose_dtype(options.dtype, device), options.quantization)
    if stopped:
        numerics = stopped.noted(numerics)
    packed = options.packing and torch.cuda.device_count() <= 1
    plan = preflight.Plan(
        numerics,
        options.rank,
        _targets(job, options),
        preflight.largest_batch(train, options.batch_size, packed),
        merged=not (options.dropout or options.dora),
        keep_checkpoints=options.keep_checkpoints,
    )
    numerics, room = preflight.look(job, plan)
    if numerics.quantization == "nf4":
        quantization.require(device)
        if options.quantization == "auto":
            run.progress.message("the frozen weights go into 4 bits (nf4): in full they would not fit")
    return Ready(options, tokenizer, train, validation or None, _steps(train, job, options), numerics, room)


def _measured(ready: Ready, job: TrainingJob, run: Run) -> float:
    """Seconds of an update, from a few on a model that is thrown away."""
    with quiet_libraries(), memory_errors(), tempfile.TemporaryDirectory(prefix="dyag-estimate-") as scratch:
        quiet = replace(ready, validation=None, options=ready.options.model_copy(update={"report_to": []}))
        trainer = _build(quiet, replace(job, output=Path(scratch)), run)
        order = timing.representative_order(
            ready.train, ready.options.batch_size, ready.options.gradient_accumulation, job.seed
        )
        return timing.seconds_a_step(trainer, order)


def _within_budget(ready: Ready, job: TrainingJob, run: Run, stopped: Checkpoints | None) -> Ready:
    """What fits into the time that there is; a run that goes on keeps what was chosen at its start."""
    if ready.options.time_budget is None:
        return ready
    if stopped and (within := stopped.planned()):
        return _trained_on(ready, within, job)
    run.progress.message(f"timing {timing.MEASURED} steps, to see what fits into {ready.options.time_budget}")
    return _planned(ready, job, run, _measured(ready, job, run))


def _planned(ready: Ready, job: TrainingJob, run: Run, seconds: float) -> Ready:
    options, train = ready.options, ready.train
    if options.time_budget is None:
        return ready
    an_update = options.batch_size * options.gradient_accumulation
    within = budget.fit(len(train.items), an_update, job.epochs, seconds, options.time_budget)
    run.progress.message(within.line(options.time_budget, job.epochs, an_update))
    return _trained_on(ready, within, job)


def _trained_on(ready: Ready, within: budget.Within, job: TrainingJob) -> Ready:
    return replace(ready, within=within, train=budget.by_lot(ready.train, within, job.seed), steps=within.steps)


def _resolved(ready: Ready, job: TrainingJob) -> dict[str, Any]:
    """Options that were left open, as they were decided, and those that came from an older adapter."""
    options, numerics = ready.options, ready.numerics
    return {
        "device": numerics.device,
        "dtype": numerics.dtype,
        "quantization": numerics.quantization,
        "learning_rate": options.learning_rate or job.base_model.learning_rate,
        "rank": options.rank,
        "alpha": options.alpha,
        "rslora": options.rslora,
        "dora": options.dora,
        "targets": _targets(job, options),
    } | ({"time_budget": ready.within.as_told()} if ready.within else {})


def _targets(job: TrainingJob, options: LoraOptions) -> str | list[str]:
    """The modules to adapt: the user's, or the preset's."""
    preset = job.base_model.lora_targets
    return options.targets or (preset if isinstance(preset, str) else list(preset))


def _tell_about(train: encoding.Encoded, tokenizer: Any, run: Run) -> None:
    """Counts, and one example with its trained tokens marked: the user sees what will be learnt."""
    counted = train.statistics()
    tokens = counted["tokens_an_example"]
    run.progress.message(
        f"{counted['examples']} examples, {tokens['median']:g} tokens each (at most {tokens['max']}), "
        f"{counted['trained_tokens']} of {counted['tokens']} tokens are trained"
    )
    if not takes_system(tokenizer):
        run.tell_once("this model's chat template has no place for a system turn: it begins the first question instead")
    for what, count in train.overflow.items():
        run.warn(f"{count} examples longer than {train.limit} tokens were {what}")
    run.progress.message("the first example, trained part marked:\n" + encoding.show(train.items[0], tokenizer))


def _where_to_start(checkpoints: Checkpoints, job: TrainingJob, run: Run) -> Path | None:
    if job.resume == "never":
        checkpoints.clear()
        return None
    newest = checkpoints.newest(run)
    if newest is None and job.resume == "require":
        raise LockedError(f"{job.output} holds no checkpoint to go on from", "leave out --resume to start")
    if newest is not None:
        run.progress.message(f"going on from {newest.name}")
    return newest


def _load_model(job: TrainingJob, numerics: Numerics) -> Any:
    """The frozen base model, on the CPU; the trainer moves it."""
    import torch
    from transformers import AutoModelForCausalLM

    nf4 = quantization.load_options(numerics.device, numerics.dtype) if numerics.quantization == "nf4" else {}
    model = AutoModelForCausalLM.from_pretrained(
        job.base_path, dtype=getattr(torch, numerics.dtype), use_safetensors=True, trust_remote_code=False, **nf4
    )
    model.config.use_cache = False
    return model


def _can_pack(model: Any, run: Run) -> bool:
    reason = packing.why_not(model)
    if reason:
        run.progress.message(f"batches are padded, not packed: {reason}")
        return False
    packing.switch_on(model)
    return True


def _build(ready: Ready, job: TrainingJob, run: Run) -> Any:
    """TRL's trainer on our token ids: our order of batches, our padding, loss on the trained positions alone."""
    from peft import LoraConfig
    from transformers import PrinterCallback
    from trl import SFTConfig

    options, train, validation, steps = ready.options, ready.train, ready.validation, ready.steps
    model = _load_model(job, ready.numerics)
    adapter.refuse_missing(model, job.base_model.name, _targets(job, options))
    packed = options.packing and _can_pack(model, run)
    device = ready.numerics.device
    lora = LoraConfig(
        r=options.rank,
        lora_alpha=options.alpha,
        lora_dropout=options.dropout,
        use_rslora=options.rslora,
        use_dora=options.dora,
        target_modules=_targets(job, options),
        task_type="CAUSAL_LM",
    )
    config = SFTConfig(
        output_dir=str(job.output / "checkpoints"),
        max_steps=steps,
        per_device_train_batch_size=options.batch_size,
        per_device_eval_batch_size=options.batch_size,
        gradient_accumulation_steps=options.gradient_accumulation,
        learning_rate=options.learning_rate or job.base_model.learning_rate,
        lr_scheduler_type="constant_with_warmup" if options.schedule == "constant" else options.schedule,
        warmup_steps=math.ceil(options.warmup * steps),
        weight_decay=options.weight_decay,
        seed=job.seed,
        use_cpu=device == "cpu",
        bf16=ready.numerics.dtype == "bfloat16",
        gradient_checkpointing=False,
        max_length=None,
        dataset_kwargs={"skip_prepare_dataset": True},
        dataloader_pin_memory=device == "cuda",
        # By steps, not "epoch": a checkpoint on the last step of an epoch must hold that epoch's validation.
        eval_strategy="steps" if validation and validation.items else "no",
        eval_steps=_steps_an_epoch(train, options),
        save_strategy="steps",
        save_steps=options.save_every,
        logging_steps=1,
        logging_nan_inf_filter=False,
        report_to=list(options.report_to) or "none",
        disable_tqdm=True,
    )
    collate = packing.pack if packed else functools.partial(encoding.collate, pad=ready.tokenizer.pad_token_id)
    trainer = sft_trainer.trainer_class()(
        model=model,
        args=config,
        train_dataset=_dataset(train),
        eval_dataset=_dataset(validation) if validation and validation.items else None,
        processing_class=ready.tokenizer,
        data_collator=collate,
        peft_config=lora,
    )
    if ready.numerics.quantization == "nf4":
        quantization.adapter_in_float32(trainer.model)
    if job.from_adapter:
        adapter.put_in(trainer.model, job.from_adapter)
    fused_linear.merge_forward(trainer.model)
    trainer.order = encoding.LikeLengths(train.lengths, config.train_batch_size, job.seed)
    trainer.remove_callback(PrinterCallback)
    return trainer


def _dataset(encoded: encoding.Encoded) -> Any:
    from datasets import Dataset

    columns = {"input_ids": [i.input_ids for i in encoded.items], "labels": [i.labels for i in encoded.items]}
    return Dataset.from_dict(columns)


def _steps(train: encoding.Encoded, job: TrainingJob, options: LoraOptions) -> int:
    """Updates in the whole run."""
    return max(1, math.ceil(_steps_an_epoch(train, options) * job.epochs))


def _steps_an_epoch(train: encoding.Encoded, options: LoraOptions) -> int:
    """Updates in one epoch, whose last batch may be short."""
    return math.ceil(math.ceil(len(train.items) / options.batch_size) / options.gradient_accumulation)
