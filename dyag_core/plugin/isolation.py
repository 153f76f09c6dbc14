"""A plugin that raises at one item: the item is given up and counted, and the run goes on with the others.

Where it raises at everything, the fault is the plugin's and ends the run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dyag_core.errors import PluginError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from dyag_core.plugin.run import Run
    from dyag_core.records import Document, Example, MetricResult, Prediction

#: So many documents on end at which a generator raises are no accident.
IN_A_ROW = 5


class _Handed:
    """Documents as a generator takes them: which was the last, and whether it has had them all."""

    def __init__(self, documents: Iterable[Document]) -> None:
        self._documents = iter(documents)
        self.last: Document | None = None
        self.spent = False

    def __iter__(self) -> Iterator[Document]:
        return self

    def __next__(self) -> Document:
        self.spent = True  # also where reading raises: then it is the input that failed, and not the plugin
        self.last = next(self._documents)
        self.spent = False
        return self.last


def examples_of(
    generate: Callable[[Iterable[Document]], Iterable[Example]], documents: Iterable[Document], run: Run, what: str
) -> Iterator[Example]:
    """What `generate` makes of `documents`; one at which it raises is rejected, and it is called again with the rest.

    Args:
        generate: calls the plugin; whatever it raises arrives as a PluginError that names the plugin.
        what: the plugin, for the rejections.

    Raises:
        PluginError: it raised before or after its documents, at `IN_A_ROW` on end, or made nothing but errors.
    """
    handed = _Handed(documents)
    made = in_a_row = 0
    failed: PluginError | None = None
    while True:
        handed.last = None
        try:
            for example in generate(handed):
                made, in_a_row = made + 1, 0
                yield example
        except PluginError as error:
            in_a_row += 1
            if handed.last is None or handed.spent or in_a_row == IN_A_ROW:
                raise
            failed = error
            reason = f"{what} failed"
            if reason not in run.rejected:
                run.warn(f"{error.message} at document {handed.last.id!r}; it is left out, as any other like it")
            run.reject(reason, f"{handed.last.id}: {error.message}")
            continue
        if failed and not made:
            raise failed
        return


def scores_of(
    score: Callable[[Sequence[Prediction]], MetricResult | None],
    predictions: Sequence[Prediction],
    warn: Callable[[str], None],
) -> MetricResult | None:
    """What `score` returns for `predictions`; where it raises, each is scored by itself, and None if that raises again.

    Raises:
        PluginError: it raises for every one of them.
    """
    try:
        return score(predictions)
    except PluginError as error:
        if len(predictions) < 2:
            raise
        first = error
    singles = [_alone(score, prediction) for prediction in predictions]
    scored = next((result for result in singles if result is not None), None)
    failed = [prediction.id for prediction, result in zip(predictions, singles, strict=True) if result is None]
    if scored is None or not failed:
        raise first
    shown = ", ".join(map(repr, failed[:3])) + (", ..." if len(failed) > 3 else "")
    warn(f"{first.message}; {len(failed)} of {len(predictions)} answers are left unscored: {shown}")
    items = [result.items[0] if result is not None else None for result in singles]
    return scored.model_copy(update={"items": items})


def _alone(score: Callable[[Sequence[Prediction]], MetricResult | None], prediction: Prediction) -> MetricResult | None:
    try:
        return score([prediction])
    except PluginError:
        return None
