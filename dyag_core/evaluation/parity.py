"""Whether a model still answers the same in another form: an exported file beside the model that it was made from.

Both are asked the same prompts, greedily. What counts is the share of equal answers and, where the prompts come with
expected answers, the difference in a metric with its paired interval.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from dyag_core.evaluation.predictions import prediction_of
from dyag_core.records import Decoding
from dyag_core.retrieval.prompting import Prompt

if TYPE_CHECKING:
    from dyag_core.plugin.entry import Chosen
    from dyag_core.plugin.protocols import Engine
    from dyag_core.plugin.run import Run
    from dyag_core.records import Message, Question, Reply


@dataclass(frozen=True)
class Parity:
    """How a form of a model compares with the model. Shares and `difference` (form minus model) are in percent.

    `difference` is the mean with the bounds of its paired 95 % interval. `parted` has the place of the first token that
    differs (from 0) of each answer that isn't the same. What rests on expected answers is None where there are none.
    """

    asked: int
    same: int
    parted: tuple[int, ...]
    tokens_a_second: float
    model_tokens_a_second: float
    score: float | None = None
    model_score: float | None = None
    difference: tuple[float, float, float] | None = None

    @property
    def share(self) -> float:
        """Of equal answers, in percent."""
        return 100 * self.same / self.asked

    @property
    def loses(self) -> bool:
        """Whether the metric shows a loss: its interval lies below zero."""
        return self.difference is not None and self.difference[2] < 0

    def to_json(self) -> dict[str, Any]:
        """For manifests and cards."""
        told = asdict(self) | {"share": round(self.share, 1)}
        rounded = {name: round(value, 1) if isinstance(value, float) else value for name, value in told.items()}
        if self.difference is not None:
            rounded["difference"] = [round(value, 1) for value in self.difference]
        return rounded


@dataclass(frozen=True, eq=False)
class ParityTest:
    """What two forms of a model are asked.

    Args:
        prompts: chats that end with a user's turn.
        encode: text -> token ids, to say at which token answers part.
        questions: those that the prompts are of, with their expected answers; () where there are none.
        metric: a chosen metric plugin, which scores each answer to a question with a share between 0 and 1.
        decoding: greedy (temperature 0).
    """

    prompts: Sequence[Sequence[Message]]
    encode: Callable[[str], list[int]]
    questions: Sequence[Question] = ()
    metric: Chosen | None = None
    decoding: Decoding = field(default_factory=Decoding)

    def answers(self, engine: Engine, run: Run, what: str) -> list[Reply]:
        """The engine's answers, in the order of the prompts."""
        replies: dict[int, Reply] = {}
        with run.progress.task(f"asking {what}", total=len(self.prompts)) as task:
            for index, reply in engine.answer(list(self.prompts), self.decoding):
                replies[index] = reply
                task.advance()
        return [replies[index] for index in range(len(self.prompts))]

    def compare(self, ours: Sequence[Reply], model: Sequence[Reply], run: Run) -> Parity:
        """`ours`, of the form that is tested, beside those of the `model`. A failed answer equals none."""
        from dyag_core.evaluation.stats import paired_interval  # scipy, which plugins shouldn't load to be listed

        same = [a.error is None and b.error is None and a.text == b.text for a, b in zip(ours, model, strict=True)]
        parted = [
            _parted(self.encode(a.text), self.encode(b.text))
            for a, b, equal in zip(ours, model, same, strict=True)
            if not equal
        ]
        told: dict[str, Any] = {}
        if self.questions and self.metric is not None:
            pairs = zip(self._scores(ours, run), self._scores(model, run), self.questions, strict=True)
            known = [(a, b, q.document) for a, b, q in pairs if a is not None and b is not None]
            if known:
                a, b, documents = (list(column) for column in zip(*known, strict=True))
                told["score"], told["model_score"] = (100 * sum(scores) / len(scores) for scores in (a, b))
                found = paired_interval(a, b, documents)
                told["difference"] = tuple(100 * value for value in (found.difference, found.low, found.high))
        return Parity(len(same), sum(same), tuple(parted), _speed(ours), _speed(model), **told)

    def _scores(self, replies: Sequence[Reply], run: Run) -> list[float | None]:
        assert self.metric is not None
        predictions = [
            prediction_of(question, Prompt(question.messages), reply, frozenset())
            for question, reply in zip(self.questions, replies, strict=True)
        ]
        result = run.plugins.score(self.metric, predictions, run)
        return [None] * len(predictions) if result is None else list(result.items)


def _parted(ours: Sequence[int], model: Sequence[int]) -> int:
    """The first place where two sequences of tokens differ; the end of the shorter one where it begins the other."""
    pairs = zip(ours, model, strict=False)
    return next((place for place, (a, b) in enumerate(pairs) if a != b), min(len(ours), len(model)))


def _speed(replies: Sequence[Reply]) -> float:
    seconds = sum(reply.seconds for reply in replies)
    return sum(reply.completion_tokens for reply in replies) / seconds if seconds else 0.0
