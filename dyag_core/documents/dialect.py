"""Which sign divides the cells of a CSV file."""

from __future__ import annotations

import csv
import re
from collections import Counter

#: In this order where nothing else decides: a comma stands in numbers and sentences as well.
_SEPARATORS = "\t;|,"
#: Of so many rows the commonest number of cells must be; a share that is less by this is as good.
_LEAST_EVEN, _AS_EVEN = 0.5, 0.02
_SEP_LINE = re.compile(r"""^["']?sep=(\\t|.)["']?[;,\s]*$""", re.IGNORECASE)


def declared_separator(line: str) -> str | None:
    """The separator that a first line "sep=;" names, as Excel reads it; None where the line is none of this kind."""
    found = _SEP_LINE.match(line.rstrip("\r\n"))
    if found is None:
        return None
    return "\t" if found[1] == "\\t" else found[1]


def separator_of(lines: list[str]) -> str | None:
    """The sign that divides most rows into the same number of cells; None where no sign divides them.

    Where several do, the one that makes more cells is taken, and a comma only where it makes more than twice as many.

    Args:
        lines: the beginning of the file, with line ends.
    """
    found = [
        (share, width, sign)
        for sign in _SEPARATORS
        for share, width in [_evenness(lines, sign)]
        if share >= _LEAST_EVEN
    ]
    if not found:
        sign = max(_SEPARATORS, key=(lines or [""])[0].count)
        return sign if lines and sign in lines[0] else None
    most = max(share for share, *_ in found)
    even = [(width, sign) for share, width, sign in found if share >= most - _AS_EVEN]
    return max(even, key=lambda one: (one[0] / 2 if one[1] == "," else one[0], -_SEPARATORS.index(one[1])))[1]


def _evenness(lines: list[str], separator: str) -> tuple[float, int]:
    """(share of rows with the commonest number of cells, that number)."""
    try:
        rows = [row for row in csv.reader(lines, delimiter=separator) if any(map(str.strip, row))]
    except csv.Error:
        return 0.0, 0
    widths = Counter(map(len, rows))
    divided = {width: number for width, number in widths.items() if width > 1}
    if not divided:
        return 0.0, 0
    width = max(divided, key=lambda width: (divided[width], width))
    return divided[width] / len(rows), width
