"""From predictions to a results file: every metric's items, means and intervals, overall and by stratum."""

from __future__ import annotations

import math
import statistics
from typing import TYPE_CHECKING, Any

from dyag_core.evaluation.repeats import means
from dyag_core.evaluation.stats import summarise
from dyag_core.plugin.metric_descriptions import description_of
from dyag_core.records import Evaluation
from dyag_core.text.abstention import abstains
from dyag_core.text.reasoning import reasons

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

    from dyag_core.plugin.entry import Chosen
    from dyag_core.plugin.host import Plugins
    from dyag_core.plugin.run import Run
    from dyag_core.records import MetricDescription, MetricResult, MetricSummary, Prediction


def evaluation(
    repetitions: Sequence[Sequence[Prediction]],
    scorers: Sequence[Chosen],
    plugins: Plugins,
    run: Run,
    metadata: dict[str, Any],
) -> Evaluation:
    """Score predictions (at least one) and lay them out as a results file. Rates are percentages (0-100).

    Every mean is over all questions that the metric applies to; an answer that failed counts as wrong. The first
    repetition is the result; of the others, the means are kept.
    """
    predictions, *again = repetitions
    scores: list[MetricResult] = []
    described: dict[str, MetricDescription] = {}
    for scorer in scorers:
        result = plugins.score(scorer, predictions, run)
        if result is not None:
            scores.append(result)
            described[result.name] = description_of(scorer.plugin, result.name, str(scorer))
    metrics = _metrics(predictions, scores, described)
    first = {name: summary["mean"] for name, summary in metrics["summaries"].items()}
    return Evaluation(
        metadata={
            **metadata,
            "seen_in_training": sum(p.seen_in_training for p in predictions),
            "plugins": plugins.used(),
        },
        metrics=metrics,
        results=[_item(p, i, scores, _verdicts(scores, described)) for i, p in enumerate(predictions)],
        repeats=[first, *means(again, scorers, plugins, run)] if again else [],
    )


def _verdicts(scores: Sequence[MetricResult], described: Mapping[str, MetricDescription]) -> list[str]:
    """The yes-or-no metrics of every results file, which have keys of their own in it, as in DYAG 2.0."""
    return [result.name for result in scores if described[result.name].scored == "always" and result.unit == "rate"]


def _metrics(
    predictions: Sequence[Prediction], scores: Sequence[MetricResult], described: Mapping[str, MetricDescription]
) -> dict[str, Any]:
    clusters = [p.document for p in predictions]
    summaries = {result.name: summarise(result, clusters) for result in scores}
    seconds = sorted(p.seconds for p in predictions)
    prompt = sum(p.prompt_tokens for p in predictions)
    completion = sum(p.completion_tokens for p in predictions)
    n = len(predictions)
    return {
        **{f"{name}_rate": summaries[name].mean for name in _verdicts(scores, described)},
        "avg_time_seconds": sum(seconds) / n,
        "median_time_seconds": statistics.median(seconds),
        "p95_time_seconds": seconds[math.ceil(0.95 * n) - 1],
        "avg_retrieval_seconds": sum(p.retrieval_seconds for p in predictions) / n,
        "avg_tokens": (prompt + completion) / n,
        "avg_prompt_tokens": prompt / n,
        "avg_completion_tokens": completion / n,
        "total_tokens": prompt + completion,
        "total_questions": n,
        "errors": sum(p.error is not None for p in predictions),
        "truncated": sum(p.truncated for p in predictions),
        "reasoned": sum(_reasoned(p) for p in predictions),
        "seen_in_training": sum(p.seen_in_training for p in predictions),
        "summaries": {name: summary.model_dump(mode="json") for name, summary in summaries.items()},
        "strata": _by_stratum(predictions, scores, clusters),
        "details": {result.name: result.details for result in scores if result.details},
        "descriptions": {result.name: _description(described[result.name], result) for result in scores},
    }


def _description(metric: MetricDescription, result: MetricResult) -> dict[str, Any]:
    """What a reader of the file needs where the metric's plugin is not installed."""
    scored = metric.model_copy(update={"unit": result.unit, "higher_is_better": result.higher_is_better})
    return scored.model_dump(mode="json", exclude={"name"})


def _by_stratum(
    predictions: Sequence[Prediction], scores: Sequence[MetricResult], clusters: Sequence[Hashable]
) -> dict[str, dict[str, Any]]:
    strata = sorted({p.stratum for p in predictions if p.stratum is not None})
    return {
        stratum: {
            result.name: _summary_of(result, clusters, [i for i, p in enumerate(predictions) if p.stratum == stratum])
            for result in scores
        }
        for stratum in strata
    }


def _summary_of(result: MetricResult, clusters: Sequence[Hashable], members: Sequence[int]) -> dict[str, Any]:
    summary: MetricSummary = summarise(result.part(members), [clusters[i] for i in members])
    return summary.model_dump(mode="json")


def abstained(prediction: Prediction) -> bool:
    """Whether an answer came and says that it doesn't know."""
    return prediction.error is None and abstains(prediction.answer, prediction.question, truncated=prediction.truncated)


def _reasoned(prediction: Prediction) -> bool:
    """Whether the model reasoned before it answered: in the reply, or apart from it."""
    return prediction.reasoning is not None or (prediction.reply is not None and reasons(prediction.reply))


def _item(
    prediction: Prediction, position: int, scores: Sequence[MetricResult], verdicts: Sequence[str]
) -> dict[str, Any]:
    """One entry of `results`. Metric values are as the plugins gave them: shares between 0 and 1."""
    values = {result.name: result.items[position] for result in scores}
    asked = {
        "id": prediction.id,
        "question": prediction.question,
        "expected_answer": prediction.expected,
        **({"expected_answers": list(prediction.expected_answers)} if prediction.expected_answers else {}),
        "generated_answer": prediction.answer,
        **({"reply": prediction.reply} if prediction.reply is not None else {}),
        **({"reasoning": prediction.reasoning} if prediction.reasoning is not None else {}),
    }
    return {
        **asked,
        **{name: values[name] == 1.0 for name in verdicts if name not in asked},
        "abstained": abstained(prediction),
        "metrics": values,
        "unjudged": [result.name for result in scores if position in result.unjudged],
        "answerable": prediction.answerable,
        "stratum": prediction.stratum,
        "document": prediction.document,
        "chunk": prediction.chunk,
        "other_chunks": list(prediction.other_chunks),
        "fact": prediction.fact,
        "time_seconds": prediction.seconds,
        "retrieval_seconds": prediction.retrieval_seconds,
        "tokens": prediction.prompt_tokens + prediction.completion_tokens,
        "prompt_tokens": prediction.prompt_tokens,
        "completion_tokens": prediction.completion_tokens,
        "sources": [source.model_dump(mode="json") for source in prediction.sources],
        "truncated": prediction.truncated,
        "seen_in_training": prediction.seen_in_training,
        "error": prediction.error,
    }
