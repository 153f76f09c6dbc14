"""Read result files: DYAG's own and the `evaluate-rag` shape of DYAG 2.0, as one kind of thing."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from dyag_core.artifacts import read_json
from dyag_core.errors import UsageError
from dyag_core.evaluation.results import abstained
from dyag_core.records import MetricDescription, Prediction, Source
from dyag_core.records.base import problems
from dyag_core.text.abstention import wants_abstention
from dyag_core.text.normalise import normalise
from dyag_core.text.reasoning import without_reasoning
from dyag_core.text.sanitize import plain, plain_value

EXPECTED_SHAPE = (
    'expected {"metadata": {...}, "metrics": {...}, "results": [{"id", "question", "expected_answer", '
    '"generated_answer", ...}]} as `dyag evaluate` writes it, or the older '
    '{"metadata": {...}, "results": [{"question", "answer", "expected", ...}]}'
)


@dataclass(frozen=True)
class Item:
    """One answered question with the scores that stand in its file (shares between 0 and 1 for rates).

    `tokens` are those of prompt and answer together, `unjudged` the metrics whose judge gave no verdict.
    """

    prediction: Prediction
    scores: dict[str, float | None]
    abstained: bool
    tokens: int
    unjudged: frozenset[str] = frozenset()


@dataclass(frozen=True)
class ResultFile:
    """One arm's results.

    `kinds` holds (unit, higher_is_better) of the metrics that the file describes, `descriptions` what they said about
    themselves, `details` what they tell beside their scores, `repeats` metric -> mean for each time that the questions
    were asked; `has_ids` is False in the older shape, whose questions are told apart by their text.
    """

    path: Path
    metadata: dict[str, Any]
    items: tuple[Item, ...]
    kinds: dict[str, tuple[str, bool | None]]
    has_ids: bool
    descriptions: dict[str, MetricDescription] = field(default_factory=dict)
    details: dict[str, dict[str, Any]] = field(default_factory=dict)
    repeats: tuple[dict[str, Any], ...] = ()

    @property
    def scored(self) -> set[str]:
        """Names of the metrics that every item has a score (or a None) for."""
        return set.intersection(*(set(item.scores) for item in self.items))


def read_results(path: Path) -> ResultFile:
    """A result file of either shape.

    Raises:
        UsageError: missing, not JSON, or of neither shape; says which item and what was expected.
    """
    data = read_json(path)
    if not isinstance(data, dict) or not isinstance(data.get("results"), list):
        raise UsageError(f'{path}: not a results file: it has no list under "results"', EXPECTED_SHAPE)
    if not data["results"]:
        raise UsageError(f'{path}: the list under "results" is empty', "evaluate at least one question first")
    items = tuple(_item(path, number, raw) for number, raw in enumerate(data["results"], 1))
    with_ids = sum(bool(item.prediction.id) for item in items)
    if with_ids not in (0, len(items)):
        raise UsageError(f"{path}: only {with_ids} of {len(items)} results have an id", EXPECTED_SHAPE)
    _refuse_twins(path, items)
    metadata = data.get("metadata")
    return ResultFile(
        path=path,
        metadata=plain_value(metadata) if isinstance(metadata, dict) else {},
        items=items,
        kinds=_kinds(data.get("metrics")),
        has_ids=with_ids > 0,
        descriptions=_descriptions(path, data.get("metrics")),
        details=_details(data.get("metrics")),
        repeats=_repeats(data.get("repeats")),
    )


def examples_shown(metadata: dict[str, Any]) -> int | None:
    """How many answered questions an arm saw before each question; None where its file tells of none."""
    told = metadata.get("few_shot")
    examples = told.get("examples") if isinstance(told, dict) else None
    return len(examples) if isinstance(examples, list) else None


def question_key(prediction: Prediction) -> str:
    """What a question is matched by where there are no ids: its normalised text (or the text, if nothing is left)."""
    return normalise(prediction.question) or prediction.question.strip()


def _item(path: Path, number: int, raw: Any) -> Item:
    where = f"{path}: result {number}"
    if not isinstance(raw, dict):
        raise UsageError(f"{where} is not an object", EXPECTED_SHAPE)
    error = _error(raw)
    question = _required(where, "question", raw.get("question"))
    expected = _required(where, "expected answer", raw.get("expected_answer", raw.get("expected")))
    answer = raw.get("generated_answer", raw.get("answer"))
    reply = "" if error and answer is None else _required(where, "answer", answer)
    answer = without_reasoning(reply)
    answerable = raw.get("answerable")
    prediction = Prediction(
        id=plain(str(raw["id"])) if raw.get("id") is not None else "",
        question=question,
        expected=expected,
        answer=answer,
        expected_answers=_texts(raw.get("expected_answers")),
        reply=_text(raw.get("reply")) or (reply if reply != answer else None),
        reasoning=_text(raw.get("reasoning")),
        answerable=answerable if isinstance(answerable, bool) else not wants_abstention(expected),
        stratum=_text(raw.get("stratum")),
        document=_text(raw.get("document")),
        chunk=_text(raw.get("chunk")),
        other_chunks=_texts(raw.get("other_chunks")),
        sources=_sources(raw.get("sources")),
        prompt_tokens=_count(raw.get("prompt_tokens")),
        completion_tokens=_count(raw.get("completion_tokens")),
        seconds=_number(raw.get("time_seconds", raw.get("time"))) or 0.0,
        truncated=raw.get("truncated") is True,
        seen_in_training=raw.get("seen_in_training") is True,
        error=error,
    )
    said = raw.get("abstained")
    return Item(
        prediction=prediction,
        scores=_scores(where, raw),
        tokens=_count(raw.get("tokens")) or prediction.prompt_tokens + prediction.completion_tokens,
        abstained=said if isinstance(said, bool) else abstained(prediction),
        unjudged=frozenset(map(str, raw["unjudged"])) if isinstance(raw.get("unjudged"), list) else frozenset(),
    )


def _required(where: str, name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise UsageError(f"{where} has no {name}", EXPECTED_SHAPE)
    return plain(value)


def _error(raw: dict[str, Any]) -> str | None:
    """The item's error; DYAG 2.0 may say `success: false` and nothing more (its "success" is that a reply came)."""
    if raw.get("error"):
        return plain(str(raw["error"]))
    failed = "generated_answer" not in raw and raw.get("success") is False
    return "failed, no reason was recorded" if failed else None


def _scores(where: str, raw: dict[str, Any]) -> dict[str, float | None]:
    metrics = raw.get("metrics")
    if not isinstance(metrics, dict):
        return {}
    scores: dict[str, float | None] = {}
    for name, value in metrics.items():
        number = _number(value)
        if value is not None and number is None:
            raise UsageError(f"{where}: its score {plain(str(name))!r} is not a number", EXPECTED_SHAPE)
        scores[plain(str(name))] = number
    return scores


def _kinds(metrics: Any) -> dict[str, tuple[str, bool | None]]:
    summaries = metrics.get("summaries") if isinstance(metrics, dict) else None
    if not isinstance(summaries, dict):
        return {}
    return {
        plain(str(name)): (plain(str(summary.get("unit", "rate"))), summary.get("higher_is_better", True))
        for name, summary in summaries.items()
        if isinstance(summary, dict)
    }


def _descriptions(path: Path, metrics: Any) -> dict[str, MetricDescription]:
    """By name; what a newer DYAG says of a metric beside what this one knows is left out."""
    told = metrics.get("descriptions") if isinstance(metrics, dict) else None
    found = {}
    for name, said in told.items() if isinstance(told, dict) else ():
        known = {key: said[key] for key in MetricDescription.model_fields if isinstance(said, dict) and key in said}
        try:
            found[plain(str(name))] = MetricDescription(**plain_value(known) | {"name": plain(str(name))})
        except ValidationError as error:
            raise UsageError(
                f"{path}: what it says about the metric {plain(str(name))!r} is unusable: {problems(error)}",
                "take it out of metrics.descriptions: the metric is then called by its name",
            ) from error
    return found


def _details(metrics: Any) -> dict[str, dict[str, Any]]:
    details = metrics.get("details") if isinstance(metrics, dict) else None
    found = details.items() if isinstance(details, dict) else ()
    return {plain(str(name)): plain_value(told) for name, told in found if isinstance(told, dict)}


def _repeats(repeats: Any) -> tuple[dict[str, Any], ...]:
    found = repeats if isinstance(repeats, list) else []
    return tuple({plain(str(k)): _number(v) for k, v in run.items()} for run in found if isinstance(run, dict))


def _sources(raw: Any) -> tuple[Source, ...]:
    """Chunk ids with scores; DYAG 2.0 lists plain ids, or objects of some shape."""
    found = []
    for entry in raw if isinstance(raw, list) else []:
        if isinstance(entry, dict):
            chunk = next((entry[key] for key in ("chunk", "chunk_id", "id") if entry.get(key) is not None), None)
            score = _number(entry.get("score"))
        else:
            chunk, score = entry, None
        if isinstance(chunk, str | int):
            found.append(Source(chunk=plain(str(chunk)), score=score or 0.0))
    return tuple(found)


def _refuse_twins(path: Path, items: tuple[Item, ...]) -> None:
    seen: set[str] = set()
    for item in items:
        if item.prediction.id and item.prediction.id in seen:
            raise UsageError(f"{path}: the id {item.prediction.id!r} stands twice")
        seen.add(item.prediction.id)


def _number(value: Any) -> float | None:
    """A finite number (true and false are 1 and 0), else None."""
    if not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def _count(value: Any) -> int:
    return int(_number(value) or 0)


def _text(value: Any) -> str | None:
    return None if value is None else plain(str(value))


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(plain(str(each)) for each in value) if isinstance(value, list) else ()
