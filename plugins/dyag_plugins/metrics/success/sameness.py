"""When do two terms say the same? Where they are equal, or one says more than the question needs: 5 km for 5."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal

from dyag_core.api import fold
from dyag_plugins.metrics.success.terms import Term


def same_run(wanted: Sequence[Term], given: Sequence[Term], question: str) -> bool:
    """Whether two texts say the same, term by term."""
    return len(wanted) == len(given) and all(_same(w, g, question) for w, g in zip(wanted, given, strict=True))


def _same(wanted: Term, given: Term, question: str) -> bool:
    """Whether two terms say the same: a unit or a year's day may be added, a unit that was asked for may be left
    out.
    """
    if wanted.key == given.key:
        return True
    if given.bare and given.bare == wanted.key:  # 5 km for 5, 12 March 2019 for 2019; 5 % is no 5
        return _may_be_left_out(given, question)
    if wanted.key.startswith("time:") and wanted.bare == given.key:
        return True  # "à 17 heures" for 17h
    if wanted.key.startswith("date:") and wanted.key.endswith("-0") and given.key.startswith(wanted.key[:-1]):
        return True  # 3 May 2019 for May 2019
    if "angle" in (wanted.unit, given.unit) and wanted.bare == given.bare:
        return {wanted.unit, given.unit} <= {"angle", "celsius", "fahrenheit"}  # 12 degrees for 12 °C
    if "percent" in (wanted.unit, given.unit) and _share(wanted) == _share(given) is not None:
        return True  # 0.75 for 75 %
    if wanted.bare and wanted.bare == given.key and wanted.unit:
        return _names_unit(wanted, question)
    return (
        wanted.key.startswith("address:")
        and _bare_address(wanted) == _bare_address(given)
        and ("://" not in wanted.key or "://" not in given.key)
    )


def _may_be_left_out(given: Term, question: str) -> bool:
    """Whether a unit of the answer that the expected number has not is no other thing than what was asked for."""
    if given.unit in ("percent", "angle"):
        return _names_percent(question)
    counted = re.search(r"how many (\w{3,})|combien d[e'’] ?(\w{3,})", question, re.IGNORECASE)
    return not (counted and given.unit) or _names_unit(given, question)  # 2 years are no 2 moons


def _share(term: Term) -> Decimal | None:
    """The part of a whole that a percentage, or a number below 1, says."""
    if term.unit == "percent":
        return Decimal(term.bare.removeprefix("number:")) / 100
    if term.key.startswith("number:0."):
        return Decimal(term.key.removeprefix("number:"))
    return None


def _names_percent(question: str) -> bool:
    return bool(re.search(r"%|\bper ?cent|\bpour ?cent|\bpourcentage", fold(question)))


def _names_unit(wanted: Term, question: str) -> bool:
    unit = re.sub(r"[-\d.,\s]+", "", wanted.text)
    if wanted.unit == "percent":
        return _names_percent(question)
    return bool(unit) and bool(re.search(rf"(?<!\w){re.escape(fold(unit))}", fold(question)))


def _bare_address(term: Term) -> str:
    return re.sub(r"^address:(?:https?://)?", "", term.key)


def same_addresses(wanted: Sequence[Term], given: Sequence[Term]) -> bool:
    """A path that goes on is another page: where the expected answer holds addresses, these and no others are given."""
    expected = {_bare_address(term) for term in wanted if term.key.startswith("address:")}
    found = {_bare_address(term) for term in given if term.key.startswith("address:")}
    return not expected or expected == found


def runs(wanted: Sequence[Term], told: Sequence[Term], question: str) -> Iterator[tuple[int, int]]:
    """Where the wanted terms stand in a row."""
    n = len(wanted)
    for i in range(len(told) - n + 1):
        if n and all(_same(w, g, question) for w, g in zip(wanted, told[i : i + n], strict=True)):
            yield i, i + n
