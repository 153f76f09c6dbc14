"""Dates and times in the writing of both languages: "12 March 2021", "March 12, 2021", "2021-03-12", "le 1er mars"."""

from __future__ import annotations

import re
from collections.abc import Iterator

from dyag_core.api import fold

_MONTHS = (
    "january february march april may june july august september october november december",
    "janvier fevrier mars avril mai juin juillet aout septembre octobre novembre decembre",
)
_NAMES = [name for names in _MONTHS for name in names.split()]
_MONTH = r"(?P<{0}>" + "|".join(f"{n[:3]}(?:{n[3:]}|[a-z]?\\b\\.?)" if len(n) > 3 else n for n in _NAMES) + r")\b\.?"
_DAY = r"(?P<{0}>\d{{1,2}}|premier|first)(?:st|nd|rd|th|er)?"
_YEAR = r"(?P<{0}>\d{{4}})\b"
_DATE = re.compile(
    "|".join(
        (
            r"\b(?P<y0>\d{4})-(?P<m0>\d{2})-(?P<d0>\d{2})(?!\d)(?:t[\d:.]+z?)?",
            rf"\b{_DAY.format('d1')}(?: of)? {_MONTH.format('m1')}(?:,? {_YEAR.format('y1')})?",
            rf"\b{_MONTH.format('m2')} {_DAY.format('d2')}\b(?!\d|[.,]\d)(?:,? {_YEAR.format('y2')})?",
            rf"\b{_MONTH.format('m3')} {_YEAR.format('y3')}",
            r"(?<![\d/.])(?P<a4>\d{1,2})(?P<sep>[/.])(?P<b4>\d{1,2})(?P=sep)(?P<y4>\d{4})(?![\d/.]\d)",
        )
    )
)
_TIME = re.compile(
    r"(?<![\d:.,])(?P<h>[01]?\d|2[0-4]) ?(?:[:h] ?(?P<min>[0-5]\d)(?::[0-5]\d)?(?! ?h\b)|(?P<hour>h\b(?! ?\d)"
    r"|(?=[ap]\.?m\b)|(?= [ap]\.?m\b)"
    r"| o'clock)) ?(?P<half>[ap]\.?m\b\.?)?"
)


def dates(text: str, *, french: bool) -> Iterator[tuple[int, int, str, str]]:
    """Dates of a text that keeps its places when folded: start, end, key and year ("" where there is none)."""
    folded = fold(text)
    if len(folded) != len(text):
        return
    for found in _DATE.finditer(folded):
        part = {name[0]: value for name, value in found.groupdict().items() if value}
        if "a" in part:
            first, second = int(part["a"]), int(part["b"])
            day, month = (first, second) if french or first > 12 else (second, first)
            if month > 12 or day > 31:
                continue
        else:
            day = part.get("d", "0")
            day, month = int(day) if day.isdigit() else 1, _month(part["m"])
        year = part.get("y", "")
        yield found.start(), found.end(), f"date:{year}-{month}-{day}", year


def times(text: str) -> Iterator[tuple[int, int, str]]:
    """Times of day: start, end and key. "9h" is 9:00 o'clock, "9 h" a duration as well: both have this key."""
    folded = fold(text)
    if len(folded) != len(text):
        return
    for found in _TIME.finditer(folded):
        hour = int(found["h"]) % 12 + 12 * (found["half"][0] == "p") if found["half"] else int(found["h"])
        yield found.start(), found.end(), f"time:{hour}:{int(found['min'] or 0):02}"


def hours(key: str) -> str:
    """The duration that a time on the full hour may be as well: "17h" is 17 o'clock and 17 hours; else ""."""
    hour, _, minutes = key.removeprefix("time:").partition(":")
    return f"quantity:time:{int(hour) * 3600}" if minutes == "00" and hour != "0" else ""


def _month(name: str) -> int:
    if name.isdigit():
        return int(name)
    return (
        next(
            i
            for i, full in enumerate(_NAMES)
            if full.startswith(name.rstrip(".")[:3] if len(name) < 4 else name.rstrip(".")[:4])
        )
        % 12
        + 1
    )
