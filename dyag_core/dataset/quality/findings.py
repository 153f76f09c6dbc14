"""What a person should look at: each finding is a threshold on the figures, and carries the numbers it rests on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dyag_core.records.quality import Finding

if TYPE_CHECKING:
    from dyag_core.records import Quality

#: More than this share of rows too long for training fails the command (G6).
TOO_LONG = 0.01
_REDUNDANT = 0.05
_UNKNOWN = 0.3
_ONE_ANSWER = 0.2
_ONE_DOCUMENT = 0.2
_REJECTED = 0.3
_NAMED = 3


def findings(quality: Quality) -> tuple[Finding, ...]:
    """The gravest first; none where nothing stands out."""
    found = [
        *_about_lines(quality),
        *_about_rows(quality),
        *_about_coverage(quality),
    ]
    return tuple(sorted(found, key=lambda finding: not finding.grave))


def _about_lines(quality: Quality) -> list[Finding]:
    """The most frequent grave problems, and how many kinds more there are."""
    grave = [problem for problem in quality.problems if problem.grave]
    found = [Finding(kind="problem", grave=True, numbers={"what": p.kind, "n": p.lines}) for p in grave[:_NAMED]]
    if len(grave) > _NAMED:
        found.append(Finding(kind="more_problems", grave=True, numbers={"n": len(grave) - _NAMED}))
    return found


def _about_rows(quality: Quality) -> list[Finding]:
    rows, found = quality.rows, []
    if not rows:
        return [Finding(kind="no_rows", grave=True)]
    if quality.lengths and quality.lengths.over:
        numbers = {"n": quality.lengths.over, "limit": quality.lengths.limit, "model": quality.lengths.base_model}
        found.append(Finding(kind="over_long", grave=too_long(quality), numbers=numbers))
    near = quality.near_duplicates
    if near and near.redundant > _REDUNDANT * quality.sampled:
        found.append(
            Finding(kind="redundant", numbers={"n": near.redundant, **_share(near.redundant, quality.sampled)})
        )
    strata = quality.counts.get("stratum")
    asked = strata.values.get("unanswerable", 0) if strata else 0
    if asked and not quality.unknown_trained:
        found.append(Finding(kind="never_unknown", numbers={"n": asked}))
    if quality.unknown > _UNKNOWN * rows:
        found.append(Finding(kind="unknown", numbers={"n": quality.unknown, **_share(quality.unknown, rows)}))
    top = quality.answers[0] if quality.answers else None
    if top and top.rows > max(_ONE_ANSWER * rows, 10) and top.rows > quality.unknown:
        found.append(Finding(kind="one_answer", numbers={"n": top.rows, "answer": top.name, **_share(top.rows, rows)}))
    rejected = sum(quality.rejected.values())
    if rejected > _REJECTED * (rows + rejected):
        found.append(Finding(kind="rejected", numbers={"n": rejected, **_share(rejected, rows + rejected)}))
    return found


def _about_coverage(quality: Quality) -> list[Finding]:
    found = []
    documents, facts = quality.documents, quality.facts
    if documents and documents.total and documents.total > documents.covered:
        numbers = {"n": documents.total - documents.covered, "total": documents.total}
        found.append(Finding(kind="without_rows", numbers=numbers))
    top = documents.most[0] if documents and documents.most else None
    if documents and documents.covered > 5 and top and top.rows > _ONE_DOCUMENT * quality.rows:
        found.append(Finding(kind="one_document", numbers={"name": top.name, **_share(top.rows, quality.rows)}))
    if facts and facts.once > facts.covered / 2:
        found.append(Finding(kind="asked_once", numbers={"n": facts.once, "total": facts.covered}))
    return found


def too_long(quality: Quality) -> bool:
    """Whether more rows are too long for training than can be put up with."""
    return bool(quality.lengths and quality.lengths.over and quality.lengths.over > TOO_LONG * quality.rows)


def _share(part: int, whole: int) -> dict[str, Any]:
    return {"share": round(100 * part / whole, 1)}
