"""What the three evaluate commands share: the table on stdout, the next command to type."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from dyag_core.cli.common import session, shell_path

if TYPE_CHECKING:
    from dyag_core.records import Evaluation


def measure(questions: Path, given: dict[str, Any], seed: int, as_json: bool) -> None:
    """Ask the questions, print the table, say what to type next. `given` is what `stage_options` reads."""
    from dyag_core.cli.terminal import hint, result
    from dyag_core.records.comparison import MINIMUM_QUESTIONS

    decoding = given["decoding"].model_copy(update={"seed": seed})
    made = session(seed).evaluate(questions, **given | {"decoding": decoding})
    files = {arm: str(file) for arm, file in made.files.items()}
    summary = {
        "files": files,
        "metrics": {arm: evaluation.metrics for arm, evaluation in made.evaluations.items()},
    }
    result(summary, as_json=as_json, text=score_table(made.evaluations))
    hint(*[f"wrote {file}" for file in files.values()])
    hint("Rates are percentages of all questions, with 95 % intervals; an error counts as wrong.")
    if small := small_samples(made.evaluations):
        hint(f"Fewer than {MINIMUM_QUESTIONS} questions, so nothing can be concluded: {small}.")
    hint("Next:", f"  {next_command(files)}")


def score_table(evaluations: dict[str, Evaluation]) -> str:
    """Arms down, metrics across; then the deciding metric by stratum."""
    from dyag_core.cli.terminal import table
    from dyag_core.records import MetricSummary

    def cell(value: Any) -> str:
        summary = MetricSummary.model_validate(value) if value is not None else None
        if summary is None or summary.mean is None:
            return "-"
        unit = " %" if summary.unit == "rate" else ""
        return f"{summary.mean:.1f}{unit} [{summary.low:.0f}, {summary.high:.0f}]"

    names = list(dict.fromkeys(name for e in evaluations.values() for name in e.metrics["summaries"]))
    rows = [
        [
            arm,
            str(len(e.results)),
            *(cell(e.metrics["summaries"].get(name)) for name in names),
            str(e.metrics["errors"]),
        ]
        for arm, e in evaluations.items()
    ]
    text = table(["arm", "n", *names, "errors"], rows)
    strata = list(dict.fromkeys(s for e in evaluations.values() for s in e.metrics.get("strata", {})))
    if strata:
        first = _first(evaluations)
        stratum_rows = [
            [arm, *(cell(e.metrics["strata"].get(s, {}).get(first)) for s in strata)] for arm, e in evaluations.items()
        ]
        text += f"\n\n{first} by stratum\n" + table(["arm", *strata], stratum_rows)
    return text


def _first(evaluations: dict[str, Evaluation]) -> str:
    """The metric that decides, else the first of the table."""
    metrics = next(iter(evaluations.values())).metrics
    deciding = [name for name, said in metrics["descriptions"].items() if said["primary"]]
    return str([*deciding, *metrics["summaries"]][0])


def small_samples(evaluations: dict[str, Evaluation]) -> str:
    """The whole, or the strata, with too few questions to conclude from; empty where there are enough."""
    from dyag_core.records.comparison import MINIMUM_QUESTIONS

    metrics = next(iter(evaluations.values())).metrics
    counts = {"all": metrics["total_questions"]}
    first = _first(evaluations)
    counts |= {stratum: found[first]["n"] for stratum, found in metrics["strata"].items()}
    return ", ".join(f"{name} ({n})" for name, n in counts.items() if n < MINIMUM_QUESTIONS)


def next_command(files: dict[str, str]) -> str:
    """How to compare what was just written."""
    if len(files) > 1:
        results = " ".join(f"--results {arm}={shell_path(file)}" for arm, file in files.items())
        return f"dyag compare-models {results} --output comparison --format all"
    (arm, file), *_ = files.items()
    if arm == "rag":
        return (
            f"dyag compare-models --rag-results {shell_path(file)} --finetuned-results RESULTS.json --output comparison"
        )
    return f"dyag compare-models --rag-results RESULTS.json --finetuned-results {shell_path(file)} --output comparison"
