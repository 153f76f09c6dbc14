"""Blind votes of `dyag serve`, as preferences between arms: people's judgement beside the metrics' scores."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Collection, Sequence
from contextlib import closing
from pathlib import Path

from dyag_core.comparison.sentences import Part, Sentence, in_words, say
from dyag_core.errors import UsageError
from dyag_core.evaluation.stats import share_interval
from dyag_core.records.comparison import Preference, Recommendation
from dyag_core.text.formatting import rounded

#: What a vote says of the left and the right answer, once its arms are put into alphabetical order.
_TURNED = {"left": "right", "right": "left"}


def read_votes(file: Path, arms: Collection[str]) -> list[Preference]:
    """The preferences between `arms` that the votes in `file` tell, the pair with most votes first.

    Raises:
        UsageError: the file holds no votes of `dyag serve`.
    """
    if not file.is_file():
        raise UsageError(f"{file}: no such file", "give the file of dyag serve --votes")
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as base:
            votes = base.execute("SELECT left_arm, right_arm, choice FROM votes").fetchall()
    except sqlite3.Error as error:
        raise UsageError(f"{file} holds no votes: {error}", "give the file of dyag serve --votes") from error
    pairs: dict[tuple[str, str], Counter[str]] = {}
    for left, right, choice in votes:
        if {left, right} <= set(arms):
            turned = left > right
            pair = (right, left) if turned else (left, right)
            pairs.setdefault(pair, Counter())[_TURNED.get(choice, choice) if turned else choice] += 1
    found = [_preference(*pair, counts) for pair, counts in sorted(pairs.items())]
    return sorted(found, key=lambda preference: -preference.n)


def _preference(a: str, b: str, counts: Counter[str]) -> Preference:
    """The arm that was preferred more often stands first."""
    for_a, for_b = counts["left"], counts["right"]
    if for_b > for_a:
        a, b, for_a, for_b = b, a, for_b, for_a
    decided = for_a + for_b
    low, high = share_interval(for_a, decided) if decided else (0.0, 1.0)
    return Preference(
        a=a,
        b=b,
        n=counts.total(),
        a_better=for_a,
        b_better=for_b,
        same=counts["same"],
        wrong=counts["wrong"],
        share=rounded(100 * for_a / decided) if decided else None,
        low=rounded(100 * low),
        high=rounded(100 * high),
    )


def vote_notes(preferences: Sequence[Preference]) -> list[Recommendation]:
    """A sentence for each pair."""
    return [Recommendation(kind="note", text=in_words(_sentence(each))) for each in preferences]


def _sentence(found: Preference) -> Sentence:
    common: dict[str, Part] = {"a": found.a, "b": found.b, "n": found.n, "same": found.same, "wrong": found.wrong}
    if found.share is None:
        return say("votes_undecided", **common)
    decided = found.a_better + found.b_better
    return say(
        "votes", **common, better=found.a_better, decided=decided, share=found.share, low=found.low, high=found.high
    )
