"""What of a training run fits into a time: fewer passes first, then fewer examples. The rest is named, not hidden."""

from __future__ import annotations

import math
import random
import re
from dataclasses import asdict, dataclass, replace
from typing import Any

from dyag_core import UsageError
from dyag_plugins.trainers.lora.encoding import Encoded

#: A length of time as people write it: 90s, 30m, 1h30m.
_TIME = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")
#: The share of the time that steps may take; the rest is for loading, validation and saving.
_FOR_STEPS = 0.9
#: Fewer updates teach nothing.
_FEWEST_STEPS = 8


@dataclass(frozen=True)
class Within:
    """What is trained: `examples` of `examples_given`, `steps` updates of `steps_wanted`; a step takes `seconds`."""

    examples: int
    examples_given: int
    steps: int
    steps_wanted: int
    seconds: float

    @property
    def whole(self) -> bool:
        """Whether nothing had to be left out."""
        return self.steps >= self.steps_wanted

    def line(self, budget: str, epochs: float, an_update: int) -> str:
        """One sentence for the user."""
        took = f"a step takes {self.seconds:.2f} s"
        if self.whole:
            return f"{took}: all {self.steps_wanted} steps fit into {budget}"
        passes = self.steps * an_update / self.examples
        of_all = "all" if self.examples == self.examples_given else f"{self.examples} of"
        return (
            f"{took}: {self.steps} of {self.steps_wanted} steps fit into {budget}, so {passes:.2g} of {epochs:g} passes"
            f", over {of_all} {self.examples_given} examples"
        )

    def as_told(self) -> dict[str, Any]:
        """For the passport."""
        return asdict(self)


def checked(budget: str) -> str:
    """The length of time as it was written.

    Raises:
        ValueError: it is none, or no time at all.
    """
    if seconds_of(budget) == 0:
        raise ValueError("write a length of time as 90s, 30m or 1h30m")
    return budget


def seconds_of(budget: str) -> int:
    """Seconds of "1h30m", 0 for what isn't understood."""
    match = _TIME.fullmatch(budget.strip().lower())
    hours, minutes, seconds = (int(part or 0) for part in match.groups()) if match else (0, 0, 0)
    return 3600 * hours + 60 * minutes + seconds


def fit(examples: int, an_update: int, epochs: float, seconds: float, budget: str) -> Within:
    """What fits into `budget`.

    Args:
        examples: in the training file.
        an_update: examples in one update.
        epochs: passes that were asked for.
        seconds: of one update, measured.

    Raises:
        UsageError: hardly anything would be learnt in that time.
    """
    a_pass = math.ceil(examples / an_update)
    wanted = max(1, math.ceil(a_pass * epochs))
    affordable = int(_FOR_STEPS * seconds_of(budget) / seconds)
    if affordable >= wanted:
        return Within(examples, examples, wanted, wanted, seconds)
    if affordable < min(_FEWEST_STEPS, wanted):
        needed = math.ceil(_FEWEST_STEPS * seconds / _FOR_STEPS / 60)
        raise UsageError(
            f"{budget} is enough for {affordable} steps of {seconds:.1f} s, too few to learn anything",
            f"give it {needed}m or more, or take a smaller base model",
        )
    kept = examples if affordable >= a_pass else affordable * an_update
    return Within(kept, examples, affordable, wanted, seconds)


def by_lot(train: Encoded, within: Within, seed: int) -> Encoded:
    """The examples that are trained, by lot, in the file's order."""
    if within.examples >= len(train.items):
        return train
    drawn = sorted(random.Random(seed).sample(range(len(train.items)), within.examples))
    return replace(train, items=[train.items[at] for at in drawn])
