"""How many passages to retrieve (`-k auto`), chosen on validation questions so that the test questions stay untouched.

More passages find more answers, and cost tokens and distract small models. The choice is the smallest k whose recall is
within one standard error of the best (the one-standard-error rule: Breiman et al. 1984; Hastie et al., ESL, 7.10).
Nothing is asked of the model: a passage counts as found where it stands in the prompt, so one that no longer fits the
context is not found.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dyag_core.artifacts import file_sha256
from dyag_core.chat.questions import read_usable
from dyag_core.errors import UsageError
from dyag_core.records.arm import ARMS
from dyag_core.retrieval.prompting import build_prompts

if TYPE_CHECKING:
    from pathlib import Path

    from dyag_core.plugin.protocols import Engine
    from dyag_core.plugin.run import Run
    from dyag_core.records import Decoding
    from dyag_core.retrieval.index import OpenIndex

CANDIDATES = (1, 2, 3, 5, 8)
RULE = "the smallest k whose recall is within one standard error of the best"
#: More questions than these make the choice no better; they are taken from all over the file.
_MOST = 500


@dataclass(frozen=True)
class ChosenK:
    """The choice and what it rests on: recall in per cent for each candidate, over so many validation questions."""

    k: int
    recall: dict[int, float]
    questions: int
    file: str
    sha256: str

    def describe(self) -> dict[str, Any]:
        """For results files."""
        return {
            "rule": RULE,
            "recall": {str(k): round(recall, 1) for k, recall in self.recall.items()},
            "questions": self.questions,
            "file": self.file,
            "sha256": self.sha256,
        }

    def sentence(self) -> str:
        """Which and why."""
        shown = ", ".join(f"{recall:.1f} % at {k}" for k, recall in self.recall.items())
        return f"k = {self.k}: {RULE}; recall on {self.questions} questions of {self.file}: {shown}"


def validation_beside(questions: Path) -> Path:
    """NAME_val.jsonl beside NAME_test.jsonl, whether it is there or not."""
    return questions.with_name(f"{questions.stem.removesuffix('_test')}_val.jsonl")


def choose_k(
    validation: Path, index: OpenIndex, engine: Engine, *, system: str | None, lang: str, decoding: Decoding, run: Run
) -> ChosenK:
    """Search `index` with the questions of `validation` and choose.

    Raises:
        UsageError: none of the questions names a passage of this index.
    """
    questions = read_usable(validation, system, run.warn)
    known = [question for question in questions if index.right_chunks(question)]
    if not known:
        raise UsageError(
            f"{validation}: no question names a passage (meta.chunk) of {index.folder}, so k can't be chosen on it",
            "give a number: -k 3",
        )
    asked = [known[i * len(known) // min(len(known), _MOST)] for i in range(min(len(known), _MOST))]
    prompts = build_prompts(
        [question.messages for question in asked],
        ARMS["rag"],
        engine=engine,
        index=index,
        k=max(CANDIDATES),
        lang=lang,
        decoding=decoding,
    )
    # Passages that don't fit are left out the worst first, so a smaller k keeps the first of those kept here.
    places = [[hit.chunk.id for hit in prompt.hits] for prompt in prompts]
    recall = {
        k: sum(set(question.chunks) <= set(kept[:k]) for question, kept in zip(asked, places, strict=True)) / len(asked)
        for k in CANDIDATES
    }
    enough = max(recall.values()) - _standard_error(max(recall.values()), len(asked))
    return ChosenK(
        k=min(k for k, value in recall.items() if value >= enough),
        recall={k: 100 * value for k, value in recall.items()},
        questions=len(asked),
        file=validation.name,
        sha256=file_sha256(validation),
    )


def _standard_error(share: float, n: int) -> float:
    """Of a share, with two successes and two failures added (Agresti & Coull 1998): not 0 where all were found."""
    p = (share * n + 2) / (n + 4)
    return math.sqrt(p * (1 - p) / (n + 4))
