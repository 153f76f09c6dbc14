"""TRL's trainer with our order of batches, and the loss where it counts: at the trained positions alone."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from dyag_core.api import IGNORED
from dyag_plugins.trainers.lora import packed_attention


def trainer_class() -> Any:
    """The trainer, a subclass of TRL's SFTTrainer (made on demand: importing TRL takes seconds)."""
    from torch.nn.functional import cross_entropy
    from trl import SFTTrainer

    class AnswerTrainer(SFTTrainer):  # type: ignore[misc]
        """TRL's trainer with batches of like lengths and logits at the trained positions alone.

        TRL scores every position on a CPU; for short answers to long prompts that is most of the vocabulary's work.
        """

        #: indices of the examples in the order of training: a sampler
        order: Any

        def _get_train_sampler(self, train_dataset: Any = None) -> Any:
            return self.order

        def compute_loss(
            self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
        ) -> Any:
            if "keep" in inputs:
                logits, targets = _score_packed(model, inputs)
            else:
                logits, targets = _score_padded(model, inputs)
            total = cross_entropy(logits.float(), targets, reduction="sum")
            loss = total / ((targets != IGNORED).sum() if num_items_in_batch is None else num_items_in_batch)
            return (loss, {"logits": logits}) if return_outputs else loss

        def create_scheduler(self, num_training_steps: int, optimizer: Any = None) -> Any:
            """The library's warm-up begins at 0: its first step, and a run of one step, would learn nothing."""
            scheduler = super().create_scheduler(num_training_steps, optimizer)
            warm = self.args.get_warmup_steps(num_training_steps)
            scheduler.lr_lambdas = [partial(_rising, warm, then) for then in scheduler.lr_lambdas]
            groups = scheduler.optimizer.param_groups  # the first step's rate was set when the schedule was made
            for group, rate in zip(groups, scheduler.get_lr(), strict=True):
                group["lr"] = rate
            scheduler._last_lr = [group["lr"] for group in groups]
            return scheduler

        def create_model_card(self, *args: Any, **kwargs: Any) -> None:
            """Checkpoints need none."""

    return AnswerTrainer


def _rising(warm: int, then: Callable[[int], float], step: int) -> float:
    """The share of the rate at `step`: 1/warm, 2/warm ... 1 in the warm-up, what the schedule says after it."""
    return (step + 1) / warm if step < warm else then(step)


def _score_packed(model: Any, inputs: Any) -> tuple[Any, Any]:
    """Logits (T, vocabulary) at the trained positions of a packed row, and their T targets."""
    layout = packed_attention.Layout(int(inputs["prefix"]), tuple(inputs["lengths"].tolist()))
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
    columns = (labels != IGNORED).any(dim=0).nonzero().squeeze(1)
    outputs = model(
        input_ids=inputs["input_ids"],
        attention_mask=inputs["attention_mask"],
        logits_to_keep=columns,
        use_cache=False,
    )
    return outputs.logits.flatten(0, 1), labels[:, columns].flatten()
