"""deepeval: goldens (`EvaluationDataset.save_as`: a JSON array, JSON Lines or CSV), test cases, and a test run's file.

A golden has `input` and `expected_output`; a test run writes the same in camel case. `actual_output` is what a model
said, and is passed over. https://deepeval.com/docs/evaluation-datasets
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dyag_core.chat.question_files.rows import Row, asked

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dyag_core.chat.question_files.rows import Placed

_EXPECTED = ("expected_output", "expectedOutput")
_SAID = ("actual_output", "actualOutput", "retrieval_context", "retrievalContext")
_LISTS = ("goldens", "testCases", "test_cases")


def rows(whole: Row) -> Iterator[Placed] | None:
    """The goldens or test cases of an object that holds them in a list; None for any other object."""
    inside = whole.get("testRunData", whole)
    name = next((name for name in _LISTS if isinstance(inside, dict) and isinstance(inside.get(name), list)), None)
    if name is None:
        return None
    return ((f"{name}[{i}]", row if isinstance(row, dict) else "not an object") for i, row in enumerate(inside[name]))


def question(row: Row) -> Row | None:
    """A golden or a test case; None for any other row."""
    if "scenario" in row and ("turns" in row or "expected_outcome" in row):
        raise ValueError("a conversation (deepeval ConversationalGolden), not a question")
    if "input" not in row or "instruction" in row or not any(name in row for name in (*_EXPECTED, *_SAID)):
        return None
    expected = next((row[name] for name in _EXPECTED if row.get(name) is not None), None)
    if expected is None:
        raise ValueError(
            '"expected_output", the right answer, is missing (deepeval); "actual_output" is what a model said'
        )
    return asked(row["input"], expected, document=row.get("source_file", row.get("sourceFile")))
