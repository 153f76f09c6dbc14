"""AutoRAG: rows of `qa.parquet` (qid, query, retrieval_gt, generation_gt), or the same as JSON Lines.

`generation_gt` is a text or a list of accepted answers. `retrieval_gt` names passages by the ids of AutoRAG's corpus:
an answer rests on one of each inner list. Where one has several to choose from, which one it is can't be told, and the
passages are left out. https://marker-inc-korea.github.io/AutoRAG/data_creation/data_format.html
"""

from __future__ import annotations

from typing import Any

from dyag_core.chat.question_files.rows import Row, asked, passages


def question(row: Row) -> Row | None:
    """A row of AutoRAG; None for any other."""
    if "query" not in row or "generation_gt" not in row:
        return None
    return asked(row["query"], row["generation_gt"], id=row.get("qid"), **passages(_needed(row.get("retrieval_gt"))))


def _needed(retrieval: Any) -> list[Any]:
    """The passages that are all needed."""
    if isinstance(retrieval, str):
        return [retrieval]
    if not isinstance(retrieval, list) or not retrieval:
        return []
    groups = retrieval if isinstance(retrieval[0], list) else [retrieval]
    return [group[0] for group in groups] if all(len(group) == 1 for group in groups) else []
