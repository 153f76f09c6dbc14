"""Fine-tune with LoRA: a recipe on TRL's SFTTrainer and PEFT. Read it from top to bottom.

LoRA: Hu et al. 2021, https://arxiv.org/abs/2106.09685.
"""

from __future__ import annotations

import functools
import math
import shutil
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, Field

from dyag_core import LockedError, Run, TrainedModel, TrainingJob, hookimpl
from dyag_core.artifacts import disk_errors
from dyag_core.base_models import load_tokenizer
from dyag_core.quiet import quiet_libraries
from dyag_plugins.trainers import callbacks, curve, examples, merged_linear, packing
from dyag_plugins.trainers.checkpoints import BEST, Checkpoints, name_base
from dyag_plugins.trainers.device import choose_device, choose_dtype, memory_errors

#: Where neither the user nor the model sets a lower limit: longer rows are mistakes more often than not.
DEFAULT_MAX_LENGTH = 2048


class LoraOptions(BaseModel, extra="forbid", frozen=True):
    """Options of the trainer `lora`."""

    rank: int = Field(16, ge=1, description="rank of the LoRA matrices")
    alpha: float = Field(32.0, gt=0, description="LoRA scale: the update is multiplied by alpha / rank")
    dropout: float = Field(0.0, ge=0, lt=1, description="dropout before the LoRA matrices; 0 is a sixth faster")
    targets: list[str] | None = Field(None, description="modules to adapt; None takes the base model's preset")
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
    save_every: int = Field(25, ge=1, description="steps between checkpoints")
    keep_checkpoints: int = Field(2, ge=1, description="how many checkpoints to keep")
    patience: int = Field(3, ge=0, description="epochs without a lower validation loss before stopping; 0: never stop")
    packing: bool = Field(True, description="lay each batch in one row and compute the shared beginning once")
    threads: int | None = Field(None, ge=1, description="CPU threads; None leaves it to torch")


class LoraTrainer:
    """The trainer `lora`."""

    dyag_api = 1
    Options = LoraOptions

    @hookimpl
    def dyag_train(self, job: TrainingJob, options: LoraOptions, run: Run) -> TrainedModel:
        """Train an adapter into `job.output`/final; checkpoints, loss log and curve stand beside it."""
        import torch

        if options.threads:
            torch.set_num_threads(options.threads)
        base = job.base_model
        tokenizer = load_tokenizer(job.base_path, base.context_length)
        limit = options.max_length or min(base.context_length, DEFAULT_MAX_LENGTH)
        train = examples.encode(job.dataset, tokenizer, limit, options.on_overflow)
        # What the model is never taught (stratum "unseen") says nothing about how well it has learnt.
        validation = job.validation and examples.encode(job.validation, tokenizer, limit, "drop", leave_out=["unseen"])
        _tell_about(train, tokenizer, run)

        base_name = base.source.removeprefix("hub:") if base.source.startswith("hub:") else base.name
        checkpoints = Checkpoints(job.output / "checkpoints", job.fingerprint, options.keep_checkpoints)
        start = _where_to_start(checkpoints, job, run)
        stop = callbacks.StopRequest()
        with quiet_libraries(), memory_errors(), stop.listening():
            model = _load_model(job, options)
            packed = options.packing and _can_pack(model, run)
            trainer = _build(model, tokenizer, train, validation, job, options, packed)
            trainer.add_callback(callbacks.keep_checkpoints(checkpoints, base_name))
            if validation and validation.items:
                trainer.add_callback(callbacks.keep_best(checkpoints.folder, options.patience))
            with run.progress.task(f"training {base.name}", total=_steps(train, job, options)) as task:
                trainer.add_callback(callbacks.watch_training(task, stop))
                trainer.train(resume_from_checkpoint=str(start) if start else None)
            stop.leave()
            _take_best(trainer.model, checkpoints.folder / BEST)
            _write_final(trainer.model, tokenizer, job.output / "final", base_name)

        log = curve.loss_log(trainer.state.log_history)
        curve.write_curve(job.output, log, f"{base.name} on {job.dataset.name}")
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
        )


def _tell_about(train: examples.Encoded, tokenizer: Any, run: Run) -> None:
    """Counts, and one example with its trained tokens marked: the user sees what will be learnt."""
    counted = train.statistics()
    tokens = counted["tokens_an_example"]
    run.progress.message(
        f"{counted['examples']} examples, {tokens['median']:g} tokens each (at most {tokens['max']}), "
        f"{counted['trained_tokens']} of {counted['tokens']} tokens are trained"
    )
    for what, count in train.overflow.items():
        run.warn(f"{count} examples longer than {train.limit} tokens were {what}")
    run.progress.message("the first example, trained part marked:\n" + examples.show(train.items[0], tokenizer))


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


def _load_model(job: TrainingJob, options: LoraOptions) -> Any:
    """The frozen base model, on the CPU; the trainer moves it."""
    from transformers import AutoModelForCausalLM

    dtype = choose_dtype(options.dtype, choose_device(options.device))
    model = AutoModelForCausalLM.from_pretrained(
        job.base_path, dtype=dtype, use_safetensors=True, trust_remote_code=False
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


def _build(
    model: Any,
    tokenizer: Any,
    train: examples.Encoded,
    validation: examples.Encoded | None,
    job: TrainingJob,
    options: LoraOptions,
    packed: bool,
) -> Any:
    """TRL's trainer on our token ids: our order of batches, our padding, loss on the trained positions alone."""
    import torch
    from peft import LoraConfig
    from transformers import PrinterCallback
    from trl import SFTConfig

    device = choose_device(options.device)
    base = job.base_model
    lora = LoraConfig(
        r=options.rank,
        lora_alpha=options.alpha,
        lora_dropout=options.dropout,
        target_modules=options.targets
        or (base.lora_targets if isinstance(base.lora_targets, str) else list(base.lora_targets)),
        task_type="CAUSAL_LM",
    )
    steps = _steps(train, job, options)
    config = SFTConfig(
        output_dir=str(job.output / "checkpoints"),
        max_steps=steps,
        per_device_train_batch_size=options.batch_size,
        per_device_eval_batch_size=options.batch_size,
        gradient_accumulation_steps=options.gradient_accumulation,
        learning_rate=options.learning_rate or base.learning_rate,
        lr_scheduler_type="constant_with_warmup" if options.schedule == "constant" else options.schedule,
        warmup_steps=math.ceil(options.warmup * steps),
        weight_decay=options.weight_decay,
        seed=job.seed,
        use_cpu=device == "cpu",
        bf16=choose_dtype(options.dtype, device) == torch.bfloat16,
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
        report_to="none",
        disable_tqdm=True,
    )
    collate = packing.pack if packed else functools.partial(examples.collate, pad=tokenizer.pad_token_id)
    trainer = _trainer_class()(
        model=model,
        args=config,
        train_dataset=_dataset(train),
        eval_dataset=_dataset(validation) if validation and validation.items else None,
        processing_class=tokenizer,
        data_collator=collate,
        peft_config=lora,
    )
    merged_linear.merge_forward(trainer.model)
    trainer.lengths = train.lengths
    trainer.remove_callback(PrinterCallback)
    return trainer


def _trainer_class() -> Any:
    from torch.nn.functional import cross_entropy
    from trl import SFTTrainer

    class AnswerTrainer(SFTTrainer):  # type: ignore[misc]
        """TRL's trainer with batches of like lengths and logits at the trained positions alone.

        TRL scores every position on a CPU; for short answers to long prompts that is most of the vocabulary's work.
        """

        lengths: list[int]

        def _get_train_sampler(self, train_dataset: Any = None) -> Any:
            return examples.LikeLengths(self.lengths, self.args.train_batch_size, self.args.seed)

        def compute_loss(
            self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
        ) -> Any:
            if "keep" in inputs:
                logits, targets = _score_packed(model, inputs)
            else:
                logits, targets = _score_padded(model, inputs)
            total = cross_entropy(logits.float(), targets, reduction="sum")
            loss = total / ((targets != examples.IGNORED).sum() if num_items_in_batch is None else num_items_in_batch)
            return (loss, {"logits": logits}) if return_outputs else loss

        def create_model_card(self, *args: Any, **kwargs: Any) -> None:
            """Checkpoints need none."""

    return AnswerTrainer


def _score_packed(model: Any, inputs: Any) -> tuple[Any, Any]:
    """Logits (T, vocabulary) at the trained positions of a packed row, and their T targets."""
    layout = packing.Layout(int(inputs["prefix"]), tuple(inputs["lengths"].tolist()))
    outputs = model(
        input_ids=inputs["input_ids"],
        position_ids=inputs["position_ids"],
        logits_to_keep=inputs["keep"],
        use_cache=False,
        layout=layout,
    )
    return outputs.logits[0], inputs["shift_labels"]


def _score_padded(model: Any, inputs: Any) -> tuple[Any, Any]:
    """Logits of a padded batch in the columns where anything is trained, and their targets, -100 where not."""
    labels = inputs["labels"][:, 1:]  # position t predicts token t+1
    columns = (labels != examples.IGNORED).any(dim=0).nonzero().squeeze(1)
    outputs = model(
        input_ids=inputs["input_ids"],
        attention_mask=inputs["attention_mask"],
        logits_to_keep=columns,
        use_cache=False,
    )
    return outputs.logits.flatten(0, 1), labels[:, columns].flatten()


def _dataset(encoded: examples.Encoded) -> Any:
    from datasets import Dataset

    columns = {"input_ids": [i.input_ids for i in encoded.items], "labels": [i.labels for i in encoded.items]}
    return Dataset.from_dict(columns)


def _steps(train: examples.Encoded, job: TrainingJob, options: LoraOptions) -> int:
    """Updates in the whole run."""
    return max(1, math.ceil(_steps_an_epoch(train, options) * job.epochs))


def _steps_an_epoch(train: examples.Encoded, options: LoraOptions) -> int:
    """Updates in one epoch, whose last batch may be short."""
    return math.ceil(math.ceil(len(train.items) / options.batch_size) / options.gradient_accumulation)


def _take_best(model: Any, best: Path) -> None:
    """Put the adapter with the lowest validation loss into `model`, where there was validation."""
    from peft import set_peft_model_state_dict
    from safetensors.torch import load_file

    if best.is_dir():
        set_peft_model_state_dict(model, load_file(best / "adapter_model.safetensors"))


def _write_final(model: Any, tokenizer: Any, final: Path, base_name: str) -> None:
    """Adapter and tokenizer, complete or not there at all."""
    partial = final.with_name(".final.partial")
    with disk_errors(final):
        shutil.rmtree(partial, ignore_errors=True)
        model.save_pretrained(partial)
        tokenizer.save_pretrained(partial)
        (partial / "README.md").unlink(missing_ok=True)  # a template full of "[More Information Needed]"
        name_base(partial / "adapter_config.json", base_name)
        shutil.rmtree(final, ignore_errors=True)
        partial.rename(final)
