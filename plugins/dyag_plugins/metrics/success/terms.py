"""A text as the things that tell answers apart: names, words, numbers, quantities, dates, addresses, options, symbols.

Words that mean the same in both texts have one key, whatever their case, accents or writing; what differs in meaning
has two. Punctuation between terms is kept as `gap`, for it says where a list or a clause goes on.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, replace
from decimal import Decimal

from dyag_plugins.metrics.success import numbers
from dyag_plugins.metrics.success.dates import dates, hours, times
from dyag_plugins.metrics.success.units import CURRENCY, UNIT, unit_of
from dyag_plugins.metrics.success.writing import one_way

_LETTER = r"(?:[^\W\d_]|[\u0300-\u036f\u0483-\u1cff])"
_CJK = "\u3040-\u30ff\u3400-\u9fff"
_SCAN = re.compile(
    rf"""
    (?P<address>(?:https?://|www\.)[^\s)\]>"»]+|[^\s@<>()\[\]"]+@[^\s@<>()\[\]"]+\.\w+
        |\b(?:[a-z0-9-]+\.)+(?:org|com|net|fr|eu|io|gouv|edu|info|dev|be|ch|de|uk)\b(?:/[^\s)\]>"»]*)?)
  | (?P<option>(?<![\w-])--?[A-Za-z][\w-]*)
  | (?P<path>(?<![\w/])(?:~?/|[A-Za-z]:[\\/]|\.{{1,2}}/)[^\s,;)"'»]+(?:\ [^\s,;)"'»]+[\\/][^\s,;)"'»]*)*)
  | (?P<name>(?<![\w$])\$[A-Za-z_]\w*|\b\w*[^\W_]_\w+|\b_\w+)
  | (?P<phone>(?<![\w.,])(?:\+\d|0\d)\d{{0,2}}(?:[ .-]?\d{{1,4}}){{3,}}(?!\w))
  | (?P<version>\bv\d+(?:\.\d+)*(?:[-.]?(?:rc|beta|alpha)\d*)?\b|(?<![\w.,])\d+(?:\.\d+){{2,}}(?![\w,]))
  | (?P<number>(?:{CURRENCY}\ ?)?(?:(?<![\w)\]°%])[-\u2212\u2013](?=[\d$€£])(?:{CURRENCY})?)?{numbers.DIGITS})
  | (?P<dotted>(?<!\w)(?:[^\W\d_]\.){{2,}})
  | (?P<cjk>[{_CJK}])
  | (?P<word>{_LETTER}+(?:-(?:et-)?(?:vingts?|dix|un|one|two|three|four|five|six|seven|eight|nine|deux|trois|quatre|cinq
        |sept|huit|neuf|onze|douze|treize|quatorze|quinze|seize)\b)*(?:\+\+|\#)?)
  | (?P<symbol>[=!<>&|*+]{{2,}}|[%‰*=<>≤≥≠&|~^+/@\#\\±×÷$€£¥°]
        |[^\w\s\x00-\u00ff\u2010-\u2027\u2030-\u205e\u3000-\u303f\uff00-\uffef])
    """,
    re.VERBOSE,
)
_ARTICLES = frozenset("a an the le la les un une des du".split())
_ONE = (["one"], ["un"], ["une"])
_NONE = {"word:none", "word:nobody", "word:aucun", "word:aucune", "word:nul"}
_ELISION = re.compile(r"(?<!\w)([LlDd]|[Qq]u|[JjNnSsCcMmTt])['’ʼ](?=\w)")
_RANGE = re.compile(r"\s?(?:[-\u2013]|\bto\b|\bà|\ba\b|\bau\b)\s?")
_MONEY = re.compile(r" ?(?:[$€£¥]|(?:euro|dollar)s?\b|EUR\b|USD\b)")
_POINTS = re.compile(r"[\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670]")
_DASHES = str.maketrans("’ʼ\u2212", "''-")


@dataclass(frozen=True)
class Term:
    """One thing said. `key` is what it is compared by; `bare` the number in a quantity, the year in a date."""

    key: str
    text: str
    start: int
    end: int
    gap: str = ""
    bare: str = ""
    unit: str = ""

    @property
    def capital(self) -> bool:
        """Whether it is written like a name; an option is none."""
        return not self.key.startswith("literal:-") and (
            self.text[:1].isupper() or any(char.isupper() for char in self.text)
        )

    @property
    def counts(self) -> bool:
        """Whether it is a number, a quantity, a date or a time."""
        return self.key.startswith(("number:", "quantity:", "date:", "time:", "version:"))


@dataclass(frozen=True)
class Reading:
    """How numbers are read: in which language's writing, whether they count things or name versions, and which sign
    (≥, ≤) goes without saying because the question asks for a bound; whether falling counts as a minus (`change`).
    """

    french: bool = False
    counting: bool = False
    versions: bool = False
    bound: str = ""
    change: bool = False


def terms(text: str, reading: Reading) -> list[Term]:
    """The terms of a text, articles left out unless nothing else is there."""
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFC", text)).translate(_DASHES)
    text = one_way(text, bound=reading.bound, change=reading.change)
    text = _ELISION.sub(lambda found: found[1] + " ", text) if "'" in text else text
    found = _scan(text, reading)
    found = _ranges(_spelt(found), text)
    if reading.counting:
        found = [replace(term, key="number:0") if term.key in _NONE else term for term in found]
    kept = [term for i, term in enumerate(found) if not _is_article(term, i, found, text)]
    return _with_gaps(kept or found, text)


def _scan(text: str, reading: Reading) -> list[Term]:
    placed = [
        Term(key, text[s:e], s, e, bare=f"number:{year}" if year else "")
        for s, e, key, year in dates(text, french=reading.french)
    ]
    for start, end, key in times(text):
        if not any(start < term.end and term.start < end for term in placed):
            placed.append(Term(key, text[start:end], start, end, bare=hours(key)))
    found: list[Term] = []
    place = 0
    for fixed in [*sorted(placed, key=lambda term: term.start), None]:
        limit = fixed.start if fixed else len(text)
        while place < limit and (match := _SCAN.search(text, place, limit)):
            made = _term(match, text, limit, reading)
            place = made.end
            found.append(made)
        if fixed:
            found.append(fixed)
            place = fixed.end
    return found


def _term(match: re.Match[str], text: str, limit: int, reading: Reading) -> Term:
    kind, written, start, end = match.lastgroup, match[0], match.start(), match.end()
    if kind == "number":
        return _number(written, text, start, end, limit, reading)
    if kind == "address":
        written = written.rstrip(".,;:!?")
        return Term("address:" + written.rstrip("/").casefold(), written, start, start + len(written))
    if kind == "path":
        end = start + len(written)
        written = written.rstrip(".:!?").rstrip("/") or written
        return Term("path:" + written, written, start, end)
    if kind == "phone" and (digits := re.sub(r"\D", "", written)) and len(digits) >= 9 and written[0] in "+0":
        whole = "+" + digits if written[0] == "+" else re.sub("^00", "+", digits)
        return Term("phone:" + re.sub(r"^\+33(?=\d{9}$)", "0", whole), written, start, end)
    if kind == "phone":  # a row of numbers
        first = re.match(numbers.DIGITS, written)
        assert first is not None
        return _number(first[0], text, start, start + first.end(), limit, reading)
    if kind == "version":
        value = numbers.read_digits(written, french=reading.french, counting=reading.counting)
        bare = written.removeprefix("v")
        grouped = value is not None and not reading.versions
        return Term(
            f"number:{numbers.plain_key(value)}" if grouped and value is not None else _version(bare),
            written,
            start,
            end,
        )
    if kind == "dotted":
        return Term("word:" + word_key(written.replace(".", "")), written, start, end)
    if kind in ("option", "name"):
        return Term(f"literal:{written}", written, start, end)
    if kind == "symbol":
        return Term(f"symbol:{written}", written, start, end)
    return Term("word:" + word_key(written), written, start, end)


def _version(written: str) -> str:
    return f"version:{written}" if written.count(".") != 1 else f"number:{written}"


def _number(written: str, text: str, start: int, end: int, limit: int, reading: Reading) -> Term:
    currency = re.search(CURRENCY, written)
    digits = re.sub(rf"{CURRENCY} ?|[-\u2212\u2013]", "", re.sub(r"(?<=[eE])-", "~", written)).replace("~", "-")
    money = bool(currency or _MONEY.match(text, end))  # no currency has three decimals
    value = numbers.read_digits(digits, french=reading.french, counting=reading.counting or money)
    if value is None:
        return Term(_version(digits), written, start, end)
    sign = -1 if re.match(rf"(?:{CURRENCY} ?)?[-\u2212\u2013]", written) else 1
    behind = text[end:limit]
    if re.fullmatch(r"\d{3}0", digits) and re.match(r"s\b", behind):
        return Term(f"decade:{digits}", text[start : end + 1], start, end + 1)
    if large := re.match(r"(?:([kKM])(?![\w²³/])| ?(thousand|mille|millions?|billions?|milliards?)\b)", behind):
        value *= Decimal(10) ** ({"k": 3, "K": 3, "M": 6}[large[1]] if large[1] else numbers.MULTIPLIERS[large[2]])
        end += large.end()
        behind = re.sub(r"^ (?:de |d )", " ", text[end:limit])
    if ordinal := re.match(r"(?:st|nd|rd|th|er|ère|e|ème|nde)\b", behind):
        return Term(f"place:{digits}", written, start, end + ordinal.end())
    value *= sign
    if re.fullmatch(r"0\d{3,}", digits):
        return Term(f"literal:{digits}", written, start, end)  # a code: its zeros count
    key = numbers.plain_key(value) if not reading.versions else digits if sign > 0 else "-" + digits
    unit = UNIT.match(behind)
    told = unit_of(currency[0]) if currency else unit_of(unit[0]) if unit else None
    if told is None:
        return Term(f"number:{key}", text[start:end], start, end)
    if not currency and unit:
        end += len(text[end:limit]) - len(behind) + unit.end()
    dimension, factor = told
    return Term(f"quantity:{dimension}:{numbers.plain_key(value * factor)}", text[start:end], start, end,
                bare=f"number:{key}", unit=dimension)  # fmt: skip


def word_key(word: str) -> str:
    """A word without case, and without the marks that readers of its script leave out. Others tell words apart."""
    word = word.replace("İ", "i").casefold().replace("œ", "oe").replace("æ", "ae")
    kept = []
    for char in word:
        decomposed = unicodedata.normalize("NFD", char)
        latin = decomposed[0] < "\u0400"
        kept.append(decomposed[0] if latin and len(decomposed) > 1 else char)
    marks = "\u0300-\u036f" if word[:1] < "\u0400" else "\u0301"
    return re.sub(f"[{marks}]", "", _POINTS.sub("", "".join(kept)))


def _spelt(found: list[Term]) -> list[Term]:
    """Number words, ordinals and Roman numerals become numbers."""
    made: list[Term] = []
    i = 0
    while i < len(found):
        term = found[i]
        words = [other.key.removeprefix("word:") for other in found[i : i + 6] if other.key.startswith("word:")]
        spelt = numbers.spelt_out(words) if term.key.startswith("word:") else None
        if words[:1] in _ONE and len(words) > 1 and unit_of(words[1]):
            spelt = 1, 1
        if spelt and not term.text.isupper():
            value, used = spelt
            last = found[i + used - 1]
            i += used
            unit = unit_of(found[i].text) if i < len(found) and found[i].key.startswith("word:") else None
            made.append(_counted(value, term, found[i] if unit else last, unit))
            i += bool(unit)
            continue
        made.append(_told(term, made[-1] if made else None))
        i += 1
    return made


def _ranges(found: list[Term], text: str) -> list[Term]:
    """What joins two numbers into a range is a term of its own: "10-20" is "10 to 20", and not "10, 20". A day
    and a time of day are none: "le 3 mai à 9 h".
    """
    made: list[Term] = []
    for term in found:
        left = next((other for other in reversed(made[-2:]) if other.counts), None)
        moment = left and left.key.startswith("date:") and (term.key.startswith("time:") or term.unit == "time")
        if left and term.counts and not moment and _RANGE.fullmatch(text[left.end : term.start]):
            if made[-1] is not left:
                made.pop()
            made.append(Term("symbol:range", text[left.end : term.start], left.end, term.start))
        made.append(term)
    return made


def _counted(value: int, first: Term, last: Term, unit: tuple[str, Decimal] | None) -> Term:
    number = f"number:{value}"
    if unit is None:
        return Term(number, first.text, first.start, last.end)
    key = f"quantity:{unit[0]}:{numbers.plain_key(value * unit[1])}"
    return Term(key, f"{first.text} {last.text}", first.start, last.end, bare=number, unit=unit[0])


def _told(term: Term, before: Term | None) -> Term:
    word = term.key.removeprefix("word:")
    if word != term.key and (place := numbers.ordinal(word)) is not None:
        return Term(f"place:{place}", term.text, term.start, term.end)
    century = re.fullmatch(r"([IVX]{2,})(?:e|th|ème)", term.text)
    if century and (value := numbers.roman(century[1])):
        return Term(f"place:{value}", term.text, term.start, term.end)
    if before and before.capital and (value := numbers.roman(term.text)):
        return Term(f"number:{value}", term.text, term.start, term.end)
    return term


def _is_article(term: Term, place: int, found: list[Term], text: str) -> bool:
    """Articles say nothing; "A" in "vitamin A" and "LA" are names, "à" is a preposition."""
    word = term.key.removeprefix("word:")
    if word == "s" and not term.text.isupper():
        return text[term.start - 1 : term.start] == "'"
    if word in ("l", "d", "qu") and len(term.text) < 3 and not term.text.isupper():
        return True
    if word not in _ARTICLES or term.text in "àÀ" or not term.key.startswith("word:"):
        return False
    if len(term.text) > 1:
        return not term.text.isupper()
    return term.text.islower() or (place == 0 and len(found) > 1 and not found[1].counts and found[1].text.islower())


def _with_gaps(found: list[Term], text: str) -> list[Term]:
    """Each term with what stands between it and the one before, ranges spelt out."""
    made = []
    end = 0
    for term in found:
        gap = text[end : term.start]
        made.append(Term(term.key, term.text, term.start, term.end, gap, term.bare, term.unit))
        end = term.end
    return made
