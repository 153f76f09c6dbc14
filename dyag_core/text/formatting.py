"""Numbers, lists, quotations and spaces as people write them in English and French."""

from __future__ import annotations

import re


def quoted(text: str, lang: str) -> str:
    """In the language's quotation marks."""
    return f"« {text} »" if lang == "fr" else f'"{text}"'


def capital(text: str) -> str:
    """With a capital first letter, the rest as it is."""
    return text[:1].upper() + text[1:]


def listed(parts: list[str], lang: str) -> str:
    """a, b and c."""
    joint = " et " if lang == "fr" else " and "
    return joint.join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def number(value: float, lang: str, *, sign: bool = False) -> str:
    """A rounded number as people read it: at least one decimal for fractions, a decimal comma in French."""
    text = f"{value:+}" if sign and value else f"{value}"
    return text.replace(".", ",") if lang == "fr" else text


def percent(value: float, lang: str) -> str:
    """84.2% in English, 84,2 % in French."""
    return f"{number(value, lang)} %" if lang == "fr" else f"{number(value, lang)}%"


def interval(low: float, high: float, lang: str, *, sign: bool = False) -> str:
    """Two bounds: "1.5 to 3.0", "1,5 à 3,0"."""
    joint = " à " if lang == "fr" else " to "
    return number(low, lang, sign=sign) + joint + number(high, lang, sign=sign)


def unbroken(text: str, lang: str) -> str:
    """`text` with no-break spaces where French sets them: before high punctuation and %, inside quotation marks."""
    return re.sub(r" (?=[%:;?!»])|(?<=«) ", "\u00a0", text) if lang == "fr" else text


def rounded(value: float, decimals: int = 1) -> float:
    """`value` to `decimals` places, or to as many more as a small one needs not to look like zero."""
    for places in range(decimals, 7):
        short = round(float(value), places)
        if short != 0:
            return short
    return 0.0


def significant(value: float, digits: int = 2) -> float:
    """`value` to so many significant digits: p-values."""
    return float(f"{value:.{digits}g}")
