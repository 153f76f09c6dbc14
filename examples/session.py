# %%
"""DYAG from a program: the whole chain on the sample catalogue, with a metric and a progress display of one's own.

Run it cell by cell in an editor that knows `# %%`, or whole: python examples/session.py
It takes some minutes on a CPU, after `dyag models pull smollm2:135m`.
"""

# %% What may be changed from outside, to try it small
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from dyag_core import Decoding, MetricResult, Prediction, Session, hookimpl
from dyag_samples import catalogue

BASE_MODEL = os.environ.get("BASE_MODEL", "smollm2:135m")
COUNT = int(os.environ.get("COUNT", "280"))
EPOCHS = float(os.environ.get("EPOCHS", "6"))
TOKENS = int(os.environ.get("TOKENS", "48"))
FOLDER = os.environ.get("FOLDER", "session-example")


# %% A metric is an object with a name and a hook; no entry point is needed
class Numbers:
    """Share of the numbers in the expected answer that the answer contains."""

    name = "numbers"
    dyag_api = 1

    @hookimpl
    def dyag_score(self, predictions: Sequence[Prediction]) -> MetricResult:
        """One share a prediction; None where the expected answer holds no number."""
        found = [(set(re.findall(r"\d+", p.answer)), set(re.findall(r"\d+", p.expected))) for p in predictions]
        return MetricResult(
            name=self.name,
            items=[len(said & expected) / len(expected) if expected else None for said, expected in found],
        )


# %% Progress is any object with these two methods
class Lines:
    """A line when a task begins, and one with its last values when it ends."""

    def message(self, text: str) -> None:
        """What a stage has to say."""
        print(f"   {text}")

    @contextmanager
    def task(self, description: str, total: float | None = None) -> Iterator["Steps"]:
        """A task of `total` steps."""
        steps = Steps()
        print(f"-> {description}" + (f", {total:g} steps" if total else ""))
        yield steps
        print(f"   {steps.done:g} steps {steps.shown or ''}")


class Steps:
    """Counts what it is told."""

    def __init__(self) -> None:
        self.done = 0.0
        self.shown: dict[str, object] = {}

    def advance(self, steps: float = 1, **shown: object) -> None:
        """Called for every step; `shown` holds values such as the loss."""
        self.done += steps
        self.shown |= shown


# %% Documents -> training data, held-out questions
session = Session(FOLDER, plugins=[Numbers()], progress=Lines(), lang="fr")
documents = catalogue("fr")
data = session.generate(documents, method="augmented", count=COUNT, split=(70, 8, 22))
assert data.train is not None
assert data.test is not None
print("\n".join(data.summary_lines()))

# %% Training data -> a fine-tuned model
model = session.finetune(data.train, base_model=BASE_MODEL, epochs=EPOCHS)
print("\n".join(model.summary_lines()))

# %% A question
decoding = Decoding(max_new_tokens=TOKENS)
print(session.query("Quelle est la licence de Limnoval ?", model=model, decoding=decoding).answer)

# %% Four arms, the same questions
index = session.index(documents)
runs = session.evaluate(data.test, model=model, index=index, k=1, metrics=["numbers"], decoding=decoding)
for arm, evaluation in runs.evaluations.items():
    print(arm, {name: summary["mean"] for name, summary in evaluation.metrics["summaries"].items()})

# %% Which one to use, with intervals
compared = session.compare(runs, reporters=("html", "markdown"))
for recommendation in compared.comparison.recommendations:
    print(recommendation.text["fr"])
print(compared.files["html"])
