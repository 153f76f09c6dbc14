"""The scores that a comparison rests on: as the files hold them where all do, else scored anew for every arm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dyag_core.errors import DyagError, UsageError, nearest
from dyag_core.records import MetricResult, Prediction
from dyag_core.stages.matching import Matched, Text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dyag_core.manager import Plugins
    from dyag_core.stages.result_files import Item, ResultFile

#: Scored where no file has scores of its own (results of DYAG 2.0), and the order in which reports show metrics.
USUAL_METRICS = ("success", "exact_match", "token_f1", "containment", "abstention", "answer_length")


@dataclass(frozen=True)
class Scored:
    """Metric -> arm -> scores in the order of the questions, the primary metric first; and what to tell the reader."""

    metrics: dict[str, dict[str, MetricResult]]
    warnings: list[Text] = field(default_factory=list)


def score(files: Mapping[str, ResultFile], matched: Matched, primary: str, plugins: Plugins) -> Scored:
    """Scores of every metric that all arms can be scored on; an answer that failed is wrong (E2).

    Raises:
        UsageError: the primary metric is unknown, or neither direction of it is better.
    """
    stored = [_stored(files, matched, name) for name in _names(files, primary)]
    metrics: dict[str, dict[str, MetricResult]] = {}
    warnings: list[Text] = []
    for name, results in zip(_names(files, primary), stored, strict=True):
        if results is None:
            try:
                results = _anew(plugins, matched, name)
            except DyagError as error:
                if name == primary:
                    raise UsageError(
                        f"no file holds scores of the primary metric {name!r}, and no plugin gives them: {error}",
                        error.hint or nearest(name, sorted(set().union(*(file.scored for file in files.values())))),
                    ) from error
                warnings.append(_left_out(name, error.message))
                continue
        if results is not None:
            metrics[name] = results
    if primary not in metrics:
        raise UsageError(f"the primary metric {primary!r} does not apply to these questions")
    if next(iter(metrics[primary].values())).higher_is_better is None:
        raise UsageError(f"{primary!r} can't be the primary metric: neither more nor less of it is better")
    metrics[primary] = {arm: _errors_are_wrong(r, matched.items[arm]) for arm, r in metrics[primary].items()}
    return Scored(metrics, warnings)


def _names(files: Mapping[str, ResultFile], primary: str) -> list[str]:
    found = set().union(*(file.scored for file in files.values())) or set(USUAL_METRICS)
    usual = [name for name in USUAL_METRICS if name in found]
    return list(dict.fromkeys([primary, *usual, *sorted(found)]))


def _stored(files: Mapping[str, ResultFile], matched: Matched, name: str) -> dict[str, MetricResult] | None:
    """The files' own scores, if every file has them and one says what kind of number they are."""
    kind = next((file.kinds[name] for file in files.values() if name in file.kinds), None)
    if kind is None or not all(name in file.scored for file in files.values()):
        return None
    unit, higher_is_better = kind
    results = {}
    for arm, items in matched.items.items():
        values = [item.scores[name] for item in items]
        if unit == "rate" and any(value is not None and not 0 <= value <= 1 for value in values):
            raise UsageError(f"{files[arm].path}: a score of {name!r} is no share between 0 and 1")
        results[arm] = MetricResult(name=name, items=values, higher_is_better=higher_is_better, unit=unit)
    return results


def _anew(plugins: Plugins, matched: Matched, name: str) -> dict[str, MetricResult] | None:
    """Every arm scored by the metric's plugin, on the questions as all files together describe them."""
    chosen = plugins.choose("metrics", name)
    results = {}
    for arm, items in matched.items.items():
        result = plugins.score(chosen, _predictions(matched.questions, items))
        if result is None:
            return None
        results[arm] = result
    return results


def _predictions(questions: Sequence[Prediction], items: Sequence[Item]) -> list[Prediction]:
    shared = ("id", "answerable", "stratum", "document", "chunk", "fact")
    return [
        item.prediction.model_copy(update={name: getattr(question, name) for name in shared})
        for question, item in zip(questions, items, strict=True)
    ]


def _errors_are_wrong(result: MetricResult, items: Sequence[Item]) -> MetricResult:
    if result.unit != "rate" or not result.higher_is_better:
        return result
    values = [value if item.prediction.error is None else 0.0 for value, item in zip(result.items, items, strict=True)]
    return result.model_copy(update={"items": values})


def _left_out(name: str, reason: str) -> Text:
    return {
        "en": f"Metric {name} is left out: not every file holds it, and it can't be scored anew ({reason}).",
        "fr": f"La métrique {name} est laissée de côté : un fichier ne l'a pas, et elle ne peut être recalculée"
        f" ({reason}).",
    }
