"""Templates with placeholders, filled in as a language writes numbers, lists and plurals.

Languages differ in more than words: "84.2%" is "84,2 %" in French, and no question at all is singular there. So a
template says how each of its parts is written, and those who fill it hand over plain numbers and names:

    fill("{n:# question|# questions}, {share:percent} right", "fr", {"n": 60, "share": 84.2})
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from string import Formatter
from typing import Any

from dyag_core.text.formatting import capital, listed, number, percent, quoted

#: How a part is written in a language: `way(value, lang)`.
Way = Callable[[Any, str], str]


def fill(template: str, lang: str, parts: Mapping[str, Any], ways: Mapping[str, Way] | None = None) -> str:
    """`template` with its placeholders replaced by `parts`.

    Behind a placeholder's colon stands one of

    - nothing, or the name of a way: `text` (numbers as the language writes them), `signed`, `percent`, `quoted`, or one
      of `ways`. With a capital first letter (`Text`) what is written gets one, too. A list is written as "a, b and c",
      with a comma behind the way as "a, b, c". None is a dash.
    - `one form|other form`, chosen by the number; `#` in it is the number.

    Raises:
        KeyError: `parts` lacks a placeholder. ValueError: there is no such way of writing.
    """
    return _Filler(lang, {**_WAYS, **(ways or {})}).vformat(template, (), parts)


class _Filler(Formatter):
    """Python's own template syntax, with the ways of writing as format specifications."""

    def __init__(self, lang: str, ways: Mapping[str, Way]):
        self._lang = lang
        self._ways = ways

    def format_field(self, value: Any, format_spec: str) -> str:
        """`value` as `format_spec` (what stands behind the colon) says."""
        if "|" in format_spec:
            one, several = format_spec.split("|")
            form = one if is_singular(value, self._lang) else several
            return form.replace("#", number(value, self._lang))
        name = format_spec.removesuffix(",")
        way = self._ways.get(name[:1].lower() + name[1:])
        if way is None:
            raise ValueError(f"no way of writing is called {name!r}: {', '.join(filter(None, self._ways))}")
        if isinstance(value, list):
            parts = [way(part, self._lang) for part in value]
            written = ", ".join(parts) if format_spec.endswith(",") else listed(parts, self._lang)
        else:
            written = way(value, self._lang)
        return capital(written) if name[:1].isupper() else written


def is_singular(value: float, lang: str) -> bool:
    """Whether a noun behind this number is in the singular: 1 in English; 0, 1 and 1.5 in French."""
    return abs(value) < 2 if lang == "fr" else value == 1


def _text(value: Any, lang: str) -> str:
    if value is None:
        return "–"
    return number(value, lang) if isinstance(value, int | float) else str(value)


def _signed(value: float, lang: str) -> str:
    return number(value, lang, sign=True)


_WAYS: dict[str, Way] = {"": _text, "text": _text, "signed": _signed, "percent": percent, "quoted": quoted}
