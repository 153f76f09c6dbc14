"""Units and currencies: a prefix and a base, not a list of all of them. 5 km are 5000 m, and no 5 miles."""

from __future__ import annotations

import re
from decimal import Decimal

from dyag_core.api import fold

_PREFIXES = {
    "": 0, "k": 3, "kilo": 3, "M": 6, "mega": 6, "G": 9, "giga": 9, "T": 12, "tera": 12, "P": 15, "peta": 15,
    "h": 2, "hecto": 2, "c": -2, "centi": -2, "m": -3, "milli": -3, "µ": -6, "μ": -6, "u": -6, "micro": -6,
    "n": -9, "nano": -9,
}  # fmt: skip
#: Symbols keep their case ("Mb" is no "MB"); words are folded and without a plural's s.
_SYMBOLS = {
    "m": "length", "g": "mass", "l": "volume", "L": "volume", "W": "power", "Wh": "energy", "Hz": "frequency",
    "V": "voltage", "A": "current", "B": "byte", "o": "byte", "b": "bit", "bit": "bit", "J": "joule", "Pa": "pressure",
}  # fmt: skip
_WORDS = {
    "metre": "length", "meter": "length", "gram": "mass", "gramme": "mass", "litre": "volume", "liter": "volume",
    "watt": "power", "hertz": "frequency", "volt": "voltage", "ampere": "current", "byte": "byte", "octet": "byte",
    "bit": "bit", "joule": "joule", "pascal": "pressure",
}  # fmt: skip
#: Units without prefixes: word or symbol -> (dimension, factor).
_WHOLE = {
    "%": ("percent", 1), "percent": ("percent", 1), "pourcent": ("percent", 1), "°c": ("celsius", 1),
    "celsius": ("celsius", 1), "°f": ("fahrenheit", 1), "fahrenheit": ("fahrenheit", 1), "°": ("angle", 1),
    "degree": ("angle", 1), "degre": ("angle", 1), "s": ("time", 1), "sec": ("time", 1), "second": ("time", 1),
    "seconde": ("time", 1), "ms": ("time", "0.001"), "min": ("time", 60), "minute": ("time", 60), "h": ("time", 3600),
    "hour": ("time", 3600), "heure": ("time", 3600), "day": ("time", 86400), "jour": ("time", 86400),
    "week": ("time", 604800), "semaine": ("time", 604800), "month": ("months", 1), "mois": ("months", 1),
    "year": ("months", 12), "an": ("months", 12), "annee": ("months", 12), "mile": ("mile", 1), "inch": ("inch", 1),
    "kilo": ("mass", 1000), "tonne": ("mass", 1000000), "t": ("mass", 1000000),
    "m2": ("area", 1), "km2": ("area", 1000000),
    "ha": ("area", 10000), "hectare": ("area", 10000), "m3": ("volume", 1000), "km/h": ("speed", 1), "mph": ("mph", 1),
    "euro": ("EUR", 1), "eur": ("EUR", 1), "€": ("EUR", 1), "dollar": ("USD", 1), "usd": ("USD", 1), "$": ("USD", 1),
    "us$": ("USD", 1), "£": ("GBP", 1), "pound": ("GBP", 1), "gbp": ("GBP", 1), "livre": ("GBP", 1), "¥": ("JPY", 1),
    "yen": ("JPY", 1), "jpy": ("JPY", 1), "chf": ("CHF", 1), "franc": ("CHF", 1), "cent": ("cent", 1),
    "centime": ("cent", 1),
}  # fmt: skip
CURRENCY = r"(?:US\$|[$€£¥]|\b(?:EUR|USD|GBP|CHF)(?=[ ]?\d))"
#: What may stand behind a number as its unit.
UNIT = re.compile(
    r" ?(?:[^\W\d_]+/(?:s|sec|min|h|day|jour)\b"
    r"|per ?cent\b|pour ?cent\b|%|US\$|[$€£¥]|° ?[CF]\b|°|km/h\b|(?:k?m)(?:2|3|²|³)(?!\w)|degrees? (?:Celsius"
    r"|Fahrenheit)\b"
    r"|degrés? (?:Celsius|Fahrenheit)\b|(?:[^\W\d_]|µ)+(?![\w/]))"
)


def unit_of(written: str) -> tuple[str, Decimal] | None:
    """Dimension and factor of a unit as it is written; None where it is none."""
    symbol = written.strip()
    base, slash, per = symbol.partition("/")
    if slash and symbol.casefold() not in _WHOLE:
        told = unit_of(base)
        return (f"{told[0]}/{per}", told[1]) if told else None
    word = re.sub(r"degre(?:e?s?) ", "", fold(symbol)).replace("per cent", "percent").replace("pour cent", "pourcent")
    word = word.replace("° ", "°")
    for name in (symbol, word, word.removesuffix("s")):
        if name in _WHOLE and not (len(symbol) == 1 and symbol in "ST"):
            dimension, factor = _WHOLE[name]
            return dimension, Decimal(factor)
    for table, name in ((_SYMBOLS, symbol), (_WORDS, word.removesuffix("s"))):
        for base, dimension in table.items():
            prefix = name.removesuffix(base)
            if dimension in ("byte", "bit") and _PREFIXES.get(prefix, 0) < 0:
                continue  # "no" is no unit
            if name.endswith(base) and prefix in _PREFIXES and (len(prefix) > 1) <= (table is _WORDS or base == "Hz"):
                return dimension, Decimal(10) ** _PREFIXES[prefix]
    return None
