"""What happens between steps: progress, checkpoints, the best adapter, early stopping, stopping when asked to."""

from __future__ import annotations

import contextlib
import math
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dyag_core import DyagError, Task
from dyag_plugins.trainers.lora.adapter import save_best
from dyag_plugins.trainers.lora.checkpoints import BEST, Checkpoints

_STOPPING = (signal.SIGINT, signal.SIGTERM)


class StopRequest:
    """A signal that asks the run to stop: after the step at hand, with a checkpoint; at once when it comes twice.

    Python hears signals between two lines of Python, and a step can compute for a minute before the next one: so a
    thread counts them too, and ends the process at the second where the main thread doesn't. Files are safe then as
    after kill -9. In an interactive session, which would be lost with the process, that thread doesn't stand guard.
    """

    #: seconds that the main thread has to leave by itself
    GRACE = 0.5

    def __init__(self) -> None:
        self.signal: int | None = None

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Catch Ctrl-C and SIGTERM inside the block. Only the main thread of a program may, so elsewhere: nothing."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self._receive) for number in _STOPPING}
        try:
            with contextlib.nullcontext() if hasattr(sys, "ps1") else self._guard():
                yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    @contextmanager
    def _guard(self) -> Iterator[None]:
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        before = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        left = threading.Event()
        guard = threading.Thread(target=self._count, args=(reader, left), daemon=True)
        guard.start()
        try:
            yield
        finally:
            left.set()
            signal.set_wakeup_fd(before)
            os.close(writer)
            guard.join()
            os.close(reader)

    def _count(self, reader: int, left: threading.Event) -> None:
        """Read the number of each signal as it comes in, until the pipe ends."""
        heard = 0
        while numbers := os.read(reader, 64):
            heard += sum(number in _STOPPING for number in numbers)
            if heard >= 2 and not left.wait(self.GRACE):
                os.write(2, b"interrupted in mid-step: run the same command again to go on\n")
                os._exit(128 + numbers[-1])

    def leave(self) -> None:
        """Raise what the signal stands for: exit code 130 or 143."""
        if self.signal == signal.SIGINT:
            raise KeyboardInterrupt
        if self.signal is not None:
            raise SystemExit(128 + self.signal)

    def _receive(self, number: int, _frame: Any) -> None:
        asked_before = self.signal is not None
        self.signal = number
        if asked_before:
            self.leave()


#: After this many steps the time of the whole is known well enough to say it.
_FORECAST = 5


def watch_training(task: Task, stop: StopRequest, say: Callable[[str], None]) -> Any:
    """A transformers callback that draws progress, refuses a NaN loss, and stops after a step when asked to.

    After five steps it says how long the run will take; the first one pays for setting up and isn't counted.
    """
    from transformers import TrainerCallback

    class Watch(TrainerCallback):  # type: ignore[misc]
        def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            self.began, self.first_step = time.monotonic(), state.global_step
            self.before = max((entry.get("seconds", 0.0) for entry in state.log_history), default=0.0)
            if state.global_step:
                task.advance(state.global_step)

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            if stop.signal is not None:
                control.should_save = control.should_training_stop = True

        def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any], **_: Any) -> None:
            if "loss" not in logs:
                return
            if not math.isfinite(logs["loss"]):
                raise DyagError(
                    f"the loss became {logs['loss']} at step {state.global_step}",
                    "lower -o learning_rate=... (a tenth, say), and look at the data for broken rows; "
                    "the last checkpoint is kept, --resume never starts over",
                )
            spent = time.monotonic() - self.began
            state.log_history[-1]["seconds"] = self.before + spent
            if state.global_step == self.first_step + 1:
                self.warm = spent
            if state.global_step == self.first_step + _FORECAST < state.max_steps:
                a_step = (spent - self.warm) / (_FORECAST - 1)
                say(f"about {_minutes(a_step * (state.max_steps - self.first_step))} for {state.max_steps} steps")
            left = spent / max(1, state.global_step - self.first_step) * (state.max_steps - state.global_step)
            task.advance(1, loss=float(logs["loss"]), left=_minutes(left))

    return Watch()


def keep_checkpoints(checkpoints: Checkpoints, base_name: str) -> Any:
    """A transformers callback that seals every checkpoint and lets old ones go."""
    from transformers import TrainerCallback

    class Keep(TrainerCallback):  # type: ignore[misc]
        def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            checkpoints.seal(checkpoints.folder / f"checkpoint-{state.global_step}", base_name)

    return Keep()


def keep_best(folder: Path, patience: int) -> Any:
    """A transformers callback that saves the adapter with the lowest validation loss under `folder`/best.

    It stops the run after `patience` validations without a new low. All it knows comes from the run's own log,
    which is part of every checkpoint: a resumed run decides as the uninterrupted one.
    """
    from transformers import TrainerCallback

    class Best(TrainerCallback):  # type: ignore[misc]
        def on_evaluate(self, args: Any, state: Any, control: Any, model: Any = None, **_: Any) -> None:
            losses = validation_losses(state.log_history)
            if losses[-1] == min(losses) and losses.count(losses[-1]) == 1:
                save_best(model, folder / BEST)
            if patience and len(losses) - 1 - losses.index(min(losses)) >= patience:
                control.should_training_stop = True
                control.should_save = False  # a run that goes on from here would train past the stop

    return Best()


def validation_losses(history: list[dict[str, Any]]) -> list[float]:
    """The validation losses of a run, in order."""
    return [entry["eval_loss"] for entry in history if "eval_loss" in entry]


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds >= 100 else f"{seconds:.0f} s"
