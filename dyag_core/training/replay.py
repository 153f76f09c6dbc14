"""Going on from an older adapter: its base and data, old rows mixed into the new ones, old questions asked again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from dyag_core.artifacts import file_sha256, write_jsonl
from dyag_core.chat.conversations import read_conversations
from dyag_core.chat.questions import read_usable
from dyag_core.errors import UsageError
from dyag_core.plugin.metric_descriptions import primary_among
from dyag_core.records import Decoding, Passport, Prediction
from dyag_core.training.foreign_adapter import passport_of
from dyag_core.training.passport import model_folder, training_seconds

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from dyag_core.chat.conversations import Conversation
    from dyag_core.plugin.host import Plugins
    from dyag_core.plugin.run import Run
    from dyag_core.records import Question
    from dyag_core.records.options import FinetuneOptions

WEIGHTS = "adapter_model.safetensors"
#: Old test questions asked before and after; more would cost more time than they tell.
MOST_QUESTIONS = 100


@dataclass(frozen=True)
class Parent:
    """The adapter to go on from, and what keeps its knowledge alive.

    Args:
        folder: of the adapter.
        passport: its passport; None where another tool made it.
        replay: the file it was trained on, or None.
        replay_share: share of old rows among all rows, 0 to 1.
        old_test: questions it could answer, or None.
    """

    folder: Path
    passport: Passport | None
    replay: Path | None
    replay_share: float
    old_test: Path | None

    def fingerprint(self) -> dict[str, Any]:
        """What the result depends on."""
        return {
            "from_adapter": file_sha256(self.folder / WEIGHTS),
            "replay": file_sha256(self.replay) if self.replay else None,
            "replay_share": self.replay_share if self.replay else None,
            "old_test": file_sha256(self.old_test) if self.old_test else None,
        }

    def for_passport(self) -> dict[str, Any]:
        """Its hash, and what its own passport says about its data."""
        passport = self.passport
        known = {"adapter_sha256": file_sha256(self.folder / WEIGHTS)}
        if passport is None:
            return known
        return known | {
            "data": passport.data,
            "seed": passport.seed,
            "training_seconds": training_seconds(passport),
            "parent": passport.parent,
        }


def find_parent(given: FinetuneOptions) -> Parent | None:
    """The adapter to go on from, or None. NAME_test.jsonl beside a replayed NAME_train.jsonl is the old test.

    Raises:
        UsageError: it isn't there, or options that belong to it stand alone.
    """
    replay, old_test = given.replay, given.old_test
    if given.from_adapter is None:
        if replay or old_test:
            raise UsageError("--replay and --old-test belong to an older adapter", "name it: --from-adapter FOLDER")
        return None
    passport = passport_of(given.from_adapter)
    folder = model_folder(given.from_adapter)
    if not (folder / WEIGHTS).is_file():
        raise UsageError(f"{folder}: {WEIGHTS} is missing", "copy the whole folder, or train it again")
    if old_test is None and replay is not None and replay.stem.endswith("_train"):
        beside = replay.with_name(f"{replay.stem.removesuffix('_train')}_test{replay.suffix}")
        old_test = beside if beside.is_file() and beside.stat().st_size else None
    return Parent(folder, passport, replay, given.replay_share, old_test)


def mix(new: Sequence[Conversation], parent: Parent, target: Path, run: Run) -> dict[str, Any]:
    """Write new rows and a seeded choice of old ones to `target`; returns what was replayed, for the passport."""
    assert parent.replay is not None
    old = read_conversations(parent.replay)
    wanted = round(len(new) * parent.replay_share / (1 - parent.replay_share))
    chosen = sorted(run.random("replay").sample(range(len(old)), min(wanted, len(old))))
    rows = [_row(row) for row in new] + [_row(old[i], replayed=True) for i in chosen]
    write_jsonl(target, rows)
    share = len(chosen) / len(rows)
    run.progress.message(
        f"{len(new)} new rows and {len(chosen)} of {len(old)} old ones ({share:.0%} of all rows are replayed)"
    )
    return {
        "file": parent.replay.name,
        "sha256": file_sha256(parent.replay),
        "rows": len(chosen),
        "of": len(old),
        "share": round(share, 4),
    }


class OldScore(NamedTuple):
    """The mean over old test questions in percent, how many they are, and the metric."""

    percent: float
    questions: int
    metric: str


def old_score(
    parent: Parent, base_path: str, chat_template: str | None, adapter: Path, plugins: Plugins, run: Run
) -> OldScore:
    """How well `adapter` answers old test questions (greedy), on the metric that decides."""
    assert parent.old_test is not None
    metric = primary_among(plugins.metrics())
    system = parent.passport.system_prompt if parent.passport else None
    questions = read_usable(parent.old_test, system, lambda told: run.tell_once(f"warning: {told}"))
    if len(questions) > MOST_QUESTIONS:
        chosen = sorted(run.random("old test").sample(range(len(questions)), MOST_QUESTIONS))
        questions = [questions[i] for i in chosen]
    engine = plugins.engine(plugins.choose("engines", "transformers"), base_path, adapter, run, chat_template)
    try:
        prompts = [question.messages for question in questions]
        replies = dict(engine.answer(prompts, Decoding(max_new_tokens=64)))
    finally:
        engine.close()
    predictions = [_prediction(question, replies[i].text, replies[i].error) for i, question in enumerate(questions)]
    result = plugins.score(plugins.choose("metrics", metric), predictions, run)
    scores = [item or 0.0 for item in result.items] if result else []
    return OldScore(round(100 * sum(scores) / max(1, len(scores)), 2), len(questions), metric)


def compared(parent: Parent, before: OldScore, after: OldScore) -> dict[str, Any]:
    """Old test scores for the passport, in percent."""
    assert parent.old_test is not None
    return {
        "file": parent.old_test.name,
        "sha256": file_sha256(parent.old_test),
        "metric": after.metric,
        "questions": after.questions,
        "before": before.percent,
        "after": after.percent,
    }


def _row(conversation: Conversation, **more: Any) -> dict[str, Any]:
    meta: Mapping[str, Any] = conversation.meta | more
    messages = [message.model_dump() for message in conversation.messages]
    return {"messages": messages} | ({"meta": meta} if meta else {})


def _prediction(question: Question, answer: str, error: str | None) -> Prediction:
    return Prediction(
        id=question.id,
        question=question.question,
        expected=question.expected_answer,
        expected_answers=question.expected_answers,
        answer=answer,
        answerable=question.answerable,
        error=error,
    )
