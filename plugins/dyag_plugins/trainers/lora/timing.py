"""A few real steps, timed, before anything is promised about the whole."""

from __future__ import annotations

import statistics
import time
from typing import Any

from dyag_plugins.trainers.lora.encoding import Encoded, LikeLengths

#: Steps that are timed. One more goes before them: the first pays for allocating everything.
MEASURED = 5


def representative_order(train: Encoded, batch: int, accumulation: int, seed: int) -> list[int]:
    """Examples for `1 + MEASURED` steps: the longest batch, then batches spread evenly from short to long.

    The mean of such steps is that of the whole run, however few of them there are.
    """
    order = list(LikeLengths(train.lengths, batch, seed))
    batches = [order[start : start + batch] for start in range(0, len(order), batch)]
    whole = [some for some in batches if len(some) == batch] or batches
    whole.sort(key=lambda some: sum(train.lengths[i] for i in some))
    wanted = MEASURED * accumulation
    spread = [whole[int((i + 0.5) / wanted * len(whole))] for i in range(wanted)]
    return [i for some in [*[whole[-1]] * accumulation, *spread] for i in some]


def seconds_a_step(trainer: Any, order: list[int]) -> float:
    """Train on `order` without saving anything; mean seconds of the steps after the first."""
    from transformers import TrainerCallback
    from transformers.trainer_utils import SaveStrategy

    times: list[float] = []

    class Timing(TrainerCallback):  # type: ignore[misc]
        def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            self.began = time.perf_counter()

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            times.append(time.perf_counter() - self.began)

    trainer.order = order
    trainer.args.max_steps = 1 + MEASURED
    trainer.args.save_strategy = SaveStrategy.NO
    trainer.add_callback(Timing())
    trainer.train()
    return statistics.fmean(times[1:])
