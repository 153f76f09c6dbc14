"""Which questions a model was trained on: hashes beside its weights.

Evaluation looks test questions up in them without the model carrying its training data around.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from dyag_core.artifacts import atomic_text
from dyag_core.chat.prompts import without_context
from dyag_core.text.normalise import normalise

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from dyag_core.chat.conversations import Conversation

_FILE = "trained_questions.txt"


def question_hash(question: str) -> str:
    """How a question stands in the list: the first 16 hex digits of its normalised text's sha256."""
    return hashlib.sha256(normalise(question).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def hashes_of(conversations: Iterable[Conversation]) -> frozenset[str]:
    """Of every question in these rows, passages left out."""
    return frozenset(question_hash(without_context(question)) for row in conversations for question in row.questions)


def write_trained_questions(model: Path, hashes: Iterable[str]) -> None:
    """Write the list into a model folder, one hash a line, sorted."""
    atomic_text(model / _FILE, "".join(f"{line}\n" for line in sorted(hashes)))


def trained_questions(model: Path) -> frozenset[str]:
    """Hashes of the questions that a model folder says it was trained on; empty where it says nothing."""
    path = model / _FILE
    return frozenset(path.read_text(encoding="ascii").split()) if path.is_file() else frozenset()
