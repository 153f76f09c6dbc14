"""What columns of questions are called, in English and in French."""

from __future__ import annotations

import re
from collections.abc import Sequence

from dyag_core.text.normalise import fold

#: The first that is there counts. In tools' own files `answer` and `response` are what a model said.
_QUESTION = ("question", "questions", "query", "user input", "input", "prompt", "requete", "demande")
_ANSWER = (
    "expected answer", "expected", "expected output", "reference answer", "reference", "ground truth", "gold answer",
    "gold", "correct answer", "right answer", "generation gt", "reponse attendue", "reponse de reference",
    "bonne reponse", "reponse correcte", "attendu", "answer", "reponse",
)  # fmt: skip
#: Cells of these hold several answers.
_SEVERAL = (
    "expected answers", "accepted answers", "other answers", "other accepted answers", "answers", "ground truths",
    "alternatives", "reponses attendues", "reponses acceptees", "autres reponses", "autres reponses acceptees",
    "reponses",
)  # fmt: skip
_META = {
    "id": "id", "qid": "id", "identifiant": "id",
    "document": "document", "source file": "document",
    "chunk": "chunk", "passage": "chunk",
    "stratum": "stratum", "strate": "stratum",
    "answerable": "answerable", "repondable": "answerable",
    "system": "system", "systeme": "system",
}  # fmt: skip


def plain_heading(heading: str) -> str:
    """A heading without case, accents, signs and the number at its end: "Réponse_2" is "reponse"."""
    return re.sub(r"[\W_]+|\d+$", " ", fold(heading)).strip()


def question_heading(headings: Sequence[str]) -> str | None:
    """The heading of the column of questions; None where none is called so."""
    return _first(headings, _QUESTION)


def answer_headings(headings: Sequence[str]) -> tuple[list[str], list[str]]:
    """Those of columns with one answer a cell ("answer", "answer 2"), and with several."""
    first = _first(headings, _ANSWER)
    single = [one for one in headings if first and plain_heading(one) == plain_heading(first)]
    return single, [one for one in headings if plain_heading(one) in _SEVERAL]


def meta_headings(headings: Sequence[str]) -> dict[str, str]:
    """The headings of what else is read, by what it says of a question."""
    return {_META[name]: one for one in reversed(headings) if (name := plain_heading(one)) in _META}


def _first(headings: Sequence[str], names: Sequence[str]) -> str | None:
    found = [(names.index(name), i) for i, one in enumerate(headings) if (name := plain_heading(one)) in names]
    return headings[min(found)[1]] if found else None
