"""Numbers in French and in English: digits with their separators, words, ordinals, Roman numerals.

"1 234,5", "1,234.5" and "1.234,5" are one number. "1,234" is 1.234 in a French question and 1234 in an English one;
"2.000" is 2000 where the question asks how many. Trailing zeros say nothing, except in versions.
"""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation

#: Digits as they are written, with groups of three and one decimal mark.
DIGITS = r"(?:\d{1,3}(?:[ \u00a0\u202f']\d{3})+(?![\d])(?:[.,]\d+)?|\d+(?:[.,]\d+)*)(?:[eE][-+]?\d+)?"
ROMAN = re.compile(r"(?=[IVX]{2})X{0,3}(?:IX|IV|V?I{0,3})")
_ORDINAL = re.compile(r"(\d+)(?:st|nd|rd|th|er|re|ere|e|eme|nd|nde)")

_UNITS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen"
)
_UNITES = "zero un deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize dix-sept"
_SMALL = {word: i for words in (_UNITS, _UNITES) for i, word in enumerate(words.split())} | {
    "eighteen": 18, "nineteen": 19, "dix-huit": 18, "dix-neuf": 19, "une": 1, "soixante-dix": 70, "quatre-vingt": 80,
    "quatre-vingts": 80, "quatre-vingt-dix": 90, "vingt": 20, "trente": 30, "quarante": 40, "cinquante": 50,
    "soixante": 60, "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80,
    "ninety": 90, "dozen": 12, "douzaine": 12,
}  # fmt: skip
_HUNDRED = {"hundred", "cent", "cents"}
MULTIPLIERS = {
    "thousand": 3, "mille": 3, "million": 6, "millions": 6, "billion": 9, "billions": 9, "milliard": 9, "milliards": 9,
}  # fmt: skip
_ORDINALS = (
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth"
    " sixteenth seventeenth eighteenth nineteenth twentieth",
    "premier deuxieme troisieme quatrieme cinquieme sixieme septieme huitieme neuvieme dixieme onzieme douzieme"
    " treizieme quatorzieme quinzieme seizieme dix-septieme dix-huitieme dix-neuvieme vingtieme",
    "premiere second",
    "premiere seconde",
)
ORDINAL_WORDS = {word: i for words in _ORDINALS for i, word in enumerate(words.split(), 1)}
#: A word that begins a number, as a pattern.
NUMBER_WORD = "|".join(sorted({*_SMALL, *MULTIPLIERS, "hundred", "cent"}, key=len, reverse=True))
#: The parts of a word that spells a number: "quatre-vingt-dix-huit" is 90 and 8.
_PARTS = re.compile(r"quatre-vingt-dix|quatre-vingts?|soixante-dix|dix-(?:sept|huit|neuf)|[^\W\d_]+")


def read_digits(written: str, *, french: bool, counting: bool) -> Decimal | None:
    """The value of digits as they are written; None where they are none (a version, say)."""
    mantissa, _, exponent = re.sub(r"[ \u00a0\u202f']", "", written).lower().partition("e")
    marks = set(re.findall(r"[.,]", mantissa))
    if len(marks) == 2:  # the last one is the decimal mark
        decimal = max(".,", key=mantissa.rfind)
        mantissa = mantissa.replace("," if decimal == "." else ".", "").replace(decimal, ".")
    elif marks:
        mantissa = _one_mark(mantissa, marks.pop(), french=french, counting=counting)
    try:
        return Decimal(mantissa) * Decimal(10) ** int(exponent or 0)
    except (InvalidOperation, ValueError):
        return None


def _one_mark(written: str, mark: str, *, french: bool, counting: bool) -> str:
    groups = bool(re.fullmatch(rf"[1-9]\d{{0,2}}(?:\{mark}\d{{3}})+", written))
    several = written.count(mark) > 1
    thousands = groups and ((several and mark == ",") or counting or (mark == "," and not french))
    if several and not thousands:
        return written  # a version
    return written.replace(mark, "" if thousands else ".")


def ordinal(word: str) -> int | None:
    """The place that a folded word names: "3rd", "first", "1er", "xive"."""
    if found := _ORDINAL.fullmatch(word):
        return int(found[1])
    return ORDINAL_WORDS.get(word)


def roman(word: str) -> int | None:
    """The value of a Roman numeral of two letters and more, up to 39, as dynasties and centuries have them."""
    if not word or not ROMAN.fullmatch(word):
        return None
    values = [{"I": 1, "V": 5, "X": 10}[letter] for letter in word]
    return sum(-v if v < max(values[i:]) else v for i, v in enumerate(values))


def spelt_out(words: list[str]) -> tuple[int, int] | None:
    """The number that the first of some words spell, and how many of them do; "one" and "un" alone are no number."""
    total = current = used = 0
    latest = 0  # the last part: 80 and 10 make a number, 1 and 2 are two
    for i, word in enumerate(words):
        for part in [word] if word in _SMALL else _PARTS.findall(word) or [word]:
            if part in _SMALL and _joins(latest, _SMALL[part]):
                latest = _SMALL[part]
                current += latest
            elif part in _HUNDRED:
                current, latest = max(current, 1) * 100, 100
            elif part in MULTIPLIERS:
                total, current, latest = total + max(current, 1) * 10 ** MULTIPLIERS[part], 0, 1000
            elif part not in ("and", "et") or not latest:
                return (total + current, used) if _says_a_number(words[:used]) else None
        if word not in ("and", "et"):
            used = i + 1
    return (total + current, used) if _says_a_number(words[:used]) else None


def _joins(before: int, part: int) -> bool:
    return before == 0 or before >= 100 or (before >= 20 and part < 20)


def _says_a_number(words: list[str]) -> bool:
    lone = {"one", "un", "une", *_HUNDRED, *MULTIPLIERS}
    return bool(words) and not (len(words) == 1 and words[0] in lone)


def plain_key(value: Decimal) -> str:
    """A number without trailing zeros and without an exponent."""
    return f"{value.normalize():f}" if value else "0"
