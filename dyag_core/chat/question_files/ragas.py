"""ragas: rows of an `EvaluationDataset` or a `Testset` (JSON Lines, CSV, Parquet).

A row has `user_input` and `reference`; before version 0.2 these were `question` and `ground_truth`, or a list
`ground_truths`. `answer` and `response` are what a model said, and are passed over. `reference_context_ids` name the
passages that the answer rests on. https://docs.ragas.io/en/stable/concepts/components/eval_sample/
"""

from __future__ import annotations

from dyag_core.chat.question_files.rows import Row, asked, passages

_REFERENCES = ("reference", "ground_truth", "ground_truths")


def question(row: Row) -> Row | None:
    """A row of ragas; None for any other."""
    old = "question" in row and any(name in row for name in _REFERENCES[1:])
    if "user_input" not in row and not old:
        return None
    said = row.get("user_input", row.get("question"))
    if isinstance(said, list):
        raise ValueError('"user_input" is a whole conversation (ragas MultiTurnSample), not a question')
    reference = next((row[name] for name in _REFERENCES if row.get(name) is not None), None)
    if reference is None:
        raise ValueError('"reference", the right answer, is missing (ragas); "response" is what a model said')
    return asked(said, reference, id=row.get("id"), **passages(row.get("reference_context_ids")))
