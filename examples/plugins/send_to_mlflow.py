"""The numbers of each stage, sent to MLflow: one run a stage, in the experiment MLFLOW_EXPERIMENT_NAME (or "dyag").

MLflow finds its server or folder by MLFLOW_TRACKING_URI. It is imported when a stage has ended, so that without it, or
with its server down, a run costs one warning and nothing else: pip install mlflow-skinny
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from dyag_core import hookimpl

if TYPE_CHECKING:
    from dyag_core import Run

dyag_api = 1

#: stage -> the numbers of its result that are worth a curve
FIELDS = {
    "generate": ("requested", "written", "bad_lines", "documents_covered", "facts_trained"),
    "finetune": ("examples", "steps", "epochs", "seconds", "first_loss", "final_loss", "validation_loss"),
}


@hookimpl
def dyag_after_stage(stage: str, run: Run, result: Any) -> None:
    """Log what the stage measured, if it measured anything."""
    numbers = measured(stage, result)
    if not numbers:
        return
    import mlflow

    mlflow.set_experiment(os.environ.get("MLFLOW_EXPERIMENT_NAME", "dyag"))
    with mlflow.start_run(run_name=f"dyag {stage}"):
        mlflow.log_params({"stage": stage, "seed": run.seed})
        mlflow.log_metrics(numbers)


def measured(stage: str, result: Any) -> dict[str, float]:
    """The stage's numbers by name; those of an evaluation as ARM.METRIC, rates in per cent."""
    if stage == "evaluate":
        return {
            f"{arm}.{name}": summary["mean"]
            for arm, evaluation in result.evaluations.items()
            for name, summary in evaluation.metrics["summaries"].items()
            if summary["mean"] is not None
        }
    found = {name: getattr(result, name) for name in FIELDS.get(stage, ())}
    return {name: float(number) for name, number in found.items() if number is not None}
