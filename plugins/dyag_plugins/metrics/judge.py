"""A language model says whether an answer is right, given the question and the expected answer.

Each answer is judged twice, once with the expected answer first and once with it second: models favour places (Zheng
et al. 2023, "Judging LLM-as-a-Judge"). Where the two verdicts differ, or one doesn't come, the answer is *unjudged*: it
counts as wrong, so that it stays in the mean, and it is counted beside it. An answer that equals the expected one
(normalised) is right and an empty one wrong, without asking. Where several answers are accepted, the judge sees all.

Every reply is journalled beside the output: what was judged once is not paid for again. With `labels`, verdicts are
held against people's: agreement and Cohen's kappa (Cohen 1960) stand in the metric's details.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from importlib.resources import files
from string import Template
from typing import Any

import yaml
from pydantic import Field, FilePath

from dyag_core import Decoding, Message, MetricDescription, MetricResult, Prediction, Reply, Run, UsageError, hookimpl
from dyag_core.api import Journal, detect_language, normalise
from dyag_plugins.metered_model import AskedModel, AskedModelOptions, Asker
from dyag_plugins.metrics.judge_labels import agreement, read_labels
from dyag_plugins.model_replies import parse_verdict

dyag_api = 1
dyag_metric = MetricDescription(
    title={"en": "judge", "fr": "juge"},
    phrase={"fr": "le juge"},
    meaning={
        "en": "a language model finds the answer right, whether it is shown before the expected one or after it",
        "fr": "un modèle de langue juge la réponse juste, qu'elle lui soit montrée avant ou après celle attendue",
    },
)

#: A second attempt must differ from the first: it is sampled.
_RETRY_TEMPERATURE = 0.7
_PARTS = ("expected", "answer")
#: In place of "expected" where several answers are accepted; one's own prompts may leave it out.
_SEVERAL = "expected_several"


class Options(AskedModelOptions):
    """Which model judges, how it is asked, and whom it is checked against."""

    model: str = Field(
        "qwen2.5:1.5b", description="preset, hub:ORG/NAME or folder; with base_url the name that the server uses"
    )
    prompts: FilePath | None = Field(None, description="your own prompts (YAML: system, user, expected, answer)")
    labels: FilePath | None = Field(
        None, exclude=True, description="people's verdicts, JSONL or CSV: id, label, and answer where arms differ"
    )
    max_new_tokens: int = Field(32, ge=1, description="length of a verdict in tokens; models that think need more")
    retries: int = Field(1, ge=0, description="how often a reply that is no verdict is asked for again")


@hookimpl
def dyag_score(predictions: Sequence[Prediction], options: Options, run: Run) -> MetricResult:
    """1 for a right answer, 0 for a wrong, failed or unjudged one. Applies to every question."""
    labels = read_labels(options.labels) if options.labels else []
    prompts = Prompts.load(predictions, options)
    known = [_without_asking(p) for p in predictions]
    places = [place for place, verdict in enumerate(known) if verdict is None]
    with (
        Journal(run.journal("judge")) as journal,
        AskedModel.choose(options, run).asker(journal, run, options.budget(), "judge") as asker,
    ):
        pairs = _Judge(asker, options, run.seed).pairs([prompts.both_orders(predictions[place]) for place in places])
    verdicts = list(known)
    reasons: Counter[str] = Counter()
    for place, pair in zip(places, pairs, strict=True):
        verdicts[place] = pair[0] if pair[0] == pair[1] and isinstance(pair[0], bool) else None
        if verdicts[place] is None:
            reasons[next((said for said in pair if isinstance(said, str)), "the two orders disagree")] += 1
    unjudged = [place for place, verdict in enumerate(verdicts) if verdict is None]
    if unjudged:
        run.warn(f"judge: {len(unjudged)} of {len(verdicts)} answers are unjudged and count as wrong: {dict(reasons)}")
    return MetricResult(
        name="judge",
        items=[float(verdict is True) for verdict in verdicts],
        unjudged=unjudged,
        details={
            "model": options.model,
            "asked": len(places),
            "unjudged": dict(sorted(reasons.items())),
            **agreement(predictions, verdicts, labels),
        },
    )


class Prompts:
    """The two orders in which a model is asked about an answer."""

    def __init__(self, content: Mapping[str, Any]) -> None:
        self._system = Message(role="system", content=content["system"].strip())
        self._user, *self._parts = (Template(content[key].strip()) for key in ("user", *_PARTS))
        self._several = Template(content.get(_SEVERAL, content["expected"]).strip())

    @classmethod
    def load(cls, predictions: Sequence[Prediction], options: Options) -> Prompts:
        """The prompts in the questions' language, or the user's own. UsageError: they can't be used."""
        lang = detect_language(p.question for p in predictions)
        source = options.prompts or files("dyag_plugins.metrics").joinpath("prompts", f"judge.{lang}.yaml")
        try:
            prompts = cls(yaml.safe_load(source.read_text(encoding="utf-8")))
            for others in ((), ("",)):
                prompts.both_orders(Prediction(id="", question="", expected="", expected_answers=others, answer=""))
        except (OSError, UnicodeDecodeError, yaml.YAMLError, KeyError, TypeError, ValueError, AttributeError) as error:
            raise UsageError(
                f"{options.prompts}: no usable prompts: {type(error).__name__}: {' '.join(str(error).split())}",
                "the keys system, user, expected and answer are needed; $question, $first and $second are replaced in "
                "user, $text in the others, $$ is a dollar sign",
            ) from error
        return prompts

    def both_orders(self, prediction: Prediction) -> tuple[list[Message], list[Message]]:
        """Expected answer first, then answer first."""
        one, answer = self._parts
        expected = self._several if prediction.expected_answers else one
        first = expected.substitute(text=" / ".join(prediction.accepted))
        second = answer.substitute(text=prediction.answer)
        return self._asked(prediction, first, second), self._asked(prediction, second, first)

    def _asked(self, prediction: Prediction, first: str, second: str) -> list[Message]:
        content = self._user.substitute(question=prediction.question, first=first, second=second)
        return [self._system, Message(role="user", content=content)]


class _Judge:
    """Gets verdicts, asking again where a reply is none."""

    def __init__(self, asker: Asker, options: Options, seed: int) -> None:
        self._asker, self._options, self._seed = asker, options, seed

    def pairs(self, asked: Sequence[tuple[list[Message], list[Message]]]) -> list[tuple[bool | str, bool | str]]:
        """The two verdicts on each answer: right, wrong, or why there is none."""
        prompts = [prompt for both in asked for prompt in both]
        found: list[bool | str] = ["the judge gave no verdict"] * len(prompts)
        left = list(range(len(prompts)))
        for attempt in range(self._options.retries + 1):
            decoding = Decoding(
                max_new_tokens=self._options.max_new_tokens,
                temperature=_RETRY_TEMPERATURE if attempt else 0.0,
                seed=self._seed + attempt,
            )
            replies = self._asker.replies([prompts[n] for n in left], decoding, "judging answers") if left else []
            for n, reply in zip(left, replies, strict=True):
                found[n] = _read(reply)
            left = [n for n in left if found[n] == "the judge gave no verdict"]
        return list(zip(found[::2], found[1::2], strict=True))


def _read(reply: Reply | None) -> bool | str:
    if reply is None:
        return "the budget was spent"
    if reply.error is not None:
        return "the judge gave no reply"
    verdict = parse_verdict(reply.text)
    return "the judge gave no verdict" if verdict is None else verdict


def _without_asking(prediction: Prediction) -> bool | None:
    """The verdict on an answer that needs no judge."""
    if prediction.error is not None or not prediction.answer.strip():
        return False
    answer = normalise(prediction.answer)
    return True if any(answer == normalise(one) for one in prediction.accepted) else None
