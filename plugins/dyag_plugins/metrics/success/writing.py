"""One way of writing what is written in several: "at least 3" is "≥ 3", "minus 5" is "-5", "half" is 50 %.

A text is rewritten before it is read as terms, so that the terms need to know one way only.
"""

from __future__ import annotations

import re

from dyag_plugins.metrics.success.numbers import DIGITS, NUMBER_WORD

#: A number, in digits or in words, as it may stand behind a word that compares.
_AHEAD = rf"(?= ?(?:[-+\u2212\u2013$€£¥]|\d|v\d|(?:{NUMBER_WORD})\b))"
#: A number is read from its beginning alone: a long row of digits would be tried from each of them.
_START = r"(?<![\w.,])"
_AMOUNT = rf"(?:v|[$€£] ?)?{DIGITS}(?: ?(?:%|[$€£]|[^\W\d_]+))?"
_COMPARED = (
    ("≥", r"at least|no(?:t)? (?:less|fewer) than|a minimum of|au moins|au minimum|pas moins de|à partir de"),
    ("≤", r"at most|no(?:t)? more than|up to|a maximum of|au plus|au maximum|pas plus de|jusqu['’]à|jusqu['’]en"),
    (
        ">",
        r"(?:more|greater|higher|larger|longer) than|over|above|exceeding|plus (?:grand )?que"
        r"|plus de|sup[ée]rieure?s? à",
    ),
    (
        "<",
        r"(?:less|fewer|lower|smaller|shorter) than|under|below|plus petit que|moins (?:de|que)|inf[ée]rieure?s? à",
    ),
    ("~", r"nearly|almost|presque|près de"),
)
_OR_MORE = (
    r"(?:or|and) (?:newer|later|more|above|higher|greater|over|older|up)|(?:ou|et) (?:plus|ult[ée]rieure?s?)"
    r"|(?:au )?minimum|au moins|at least"
)
_OR_LESS = (
    r"(?:or|and) (?:less|fewer|lower|below|earlier|under)|ou (?:moins|ant[ée]rieure?s?)|(?:au )?maximum|au plus|at most"
)
_PARTS = {2: r"half|halves|demi(?:e|s|es)?", 3: r"thirds?|tiers", 4: r"quarters?|quarts?", 5: r"fifths?|cinquièmes?"}
_HOW_MANY = {"a": 1, "one": 1, "un": 1, "two": 2, "deux": 2, "three": 3, "trois": 3, "four": 4, "quatre": 4}

_REWRITTEN: list[tuple[re.Pattern[str], str]] = [
    (re.compile(rf"{_START}({_AMOUNT}) (?:below sea level|sous le niveau de la mer)", re.IGNORECASE), r"-\1"),
    (
        re.compile(
            rf"{_START}({DIGITS})(?: degrees?| degrés?|°)? (?:(?:below|sous|en dessous de) z[eé]ro)", re.IGNORECASE
        ),
        r"-\1",
    ),
    (re.compile(r">=|=>(?= ?\d)"), "≥"),
    (re.compile(r"<=|=<(?= ?\d)"), "≤"),
    *((re.compile(rf"\b(?:{words}){_AHEAD}", re.IGNORECASE), f"{sign} ") for sign, words in _COMPARED),
    *(
        (re.compile(rf"{_START}({_AMOUNT}) (?:{words})\b", re.IGNORECASE), rf"{sign} \1")
        for sign, words in (("≥", _OR_MORE), ("≤", _OR_LESS))
    ),
    (re.compile(r"(?<!\d )\b(?:minus|moins|negative) (?=[$€£]?\d)", re.IGNORECASE), "-"),
    (re.compile(r"(?:\A|(?<=[a-z:(] ))\+(?=\d+(?:[.,]\d+)?(?!\d| \d))"), ""),  # a plus says nothing, except in "UTC+1"
    (re.compile(rf"\b(?:between|entre) ({_AMOUNT}) (?:and|et) (?=\d)", re.IGNORECASE), r"\1 to "),
    (re.compile(r"(?<![\w.])\.(?=\d)"), "0."),
    # years before our era, grades and blood groups
    (
        re.compile(
            rf"{_START}(\d+),? (?:B\.?C\.?(?:E\.?)?(?!\w)|before Christ|(?:av\.?|avant) (?:J\.?-?C\.?|J[ée]sus-Christ))"
        ),
        r"-\1",
    ),
    (re.compile(rf"{_START}(\d+),? (?:A\.?D\.?(?!\w)|(?:ap\.?|apr[èe]s) J\.?-?C\.?)"), r"\1"),
    (re.compile(r"\b([A-F]|AB|O)(?:[-\u2212\u2013](?![\w-])| n[ée]gati(?:f|ve)\b)"), r"\1_minus"),
    (re.compile(r"\b([A-F]|AB|O)(?:\+(?![\w+])| positi(?:f|ve)\b)"), r"\1_plus"),
    # licences: "Apache License, Version 2.0" is "Apache 2.0", "GPL version 3" is "GPLv3"
    (re.compile(r"(?<=[^\W\d_]) licen[cs]e(?=,? (?:version |v)?\d)", re.IGNORECASE), ""),
    (re.compile(r",?(?<!\w) ?\bversion (?=v?\d)", re.IGNORECASE), " "),
    (re.compile(r"(?<=[A-Z]{2})v(?=\d)"), " "),
    (re.compile(r"\b([eE])-(?=[a-z]{3})"), r"\1"),  # e-mail
    (re.compile(r"(?<![\w-])(--[a-z][\w-]*)=(?=\w)"), r"\1 "),
    (re.compile(r"(?:\b19|['’]|(?<!\d)(?<!\d[.,]))([2-9]0)s\b"), r"19\1s"),  # the 90s
    (re.compile(r"\b(?:les )?années (\d{3}0)\b", re.IGNORECASE), r"\1s"),
    (re.compile(r"\b(?:les )?années ([2-9]0)\b", re.IGNORECASE), r"19\1s"),
    (re.compile(r"\bper hour\b|\bpar heure\b|\bà l['’]heure\b", re.IGNORECASE), "/h"),
    (re.compile(r"\b(?:kilomet(?:er|re)s?|kilomètres?|km) ?/h\b", re.IGNORECASE), "km/h"),
    (re.compile(r"\bmiles? ?/h\b", re.IGNORECASE), "mph"),
    (re.compile(r"\b(?:US|U\.S\.|American) dollars?\b|\bdollars? (?:US|am[ée]ricains?)\b"), "USD"),
    (re.compile(r"\bpounds? sterling\b|\blivres? sterling\b", re.IGNORECASE), "GBP"),
    (re.compile(r"\bswiss francs?\b|\bfrancs? suisses?\b", re.IGNORECASE), "CHF"),
    (re.compile(r"\b(dollars?|francs?) ([^\W\d_]+(?:iens?|ais|ges?))\b"), r"\2 \1"),  # other dollars, as in English
    (re.compile(r"\b(Prof|Dr|Mr|Mrs|Ms)\.(?= [^\W\d_])"), r"\1"),
]
_FRACTION = re.compile(
    rf"(?<![\w/.,])(?:(?P<n>\d|{'|'.join(_HOW_MANY)})[ -](?P<part>{'|'.join(_PARTS.values())})"
    r"|(?P<top>\d)/(?P<bottom>[2-9])(?![\w/])|(?P<half>half|(?:la )?moiti[ée]))\b(?! past\b| an?\b|-)",
    re.IGNORECASE,
)


#: What falls has a minus where a change is asked for; what rises needs no plus.
_FALLS = re.compile(
    r"\b(?:fell|fall(?:s|en)?|dropp?(?:s|ed)?|decreas(?:e[sd]?|ing)|declin(?:e[sd]?|ing)|shrank|down|lost|loss"
    r"|reduced|reduction|baiss(?:e|é|er|ant)|recul(?:e|é|er)?|diminu(?:e|é|er|tion)|chut(?:e|é|er)|perdu|perte|repli)"
    r"(?: (?:by|of|de))? (?=[$€£]?\d)",
    re.IGNORECASE,
)


def one_way(text: str, *, bound: str = "", change: bool = False) -> str:
    """A text with comparisons, signs, fractions, ranges and versions in one writing.

    `bound` is a sign that goes without saying: where it is asked how much is needed, "at least 8 GB" is "8 GB".
    `change` says that a change is asked for: "fell by 4 %" is "-4 %" then.
    """
    if change:
        text = _FALLS.sub("-", text)
    for pattern, instead in _REWRITTEN:
        text = pattern.sub(instead, text)
    text = _FRACTION.sub(_percent, text)
    return re.sub(rf"{bound} *(?=\S)", "", text) if bound else text


def _percent(found: re.Match[str]) -> str:
    if found["half"]:
        return "50 %"
    if found["top"]:
        top, bottom = int(found["top"]), int(found["bottom"])
    else:
        top = int(found["n"]) if found["n"].isdigit() else _HOW_MANY[found["n"].lower()]
        bottom = next(n for n, words in _PARTS.items() if re.fullmatch(words, found["part"], re.IGNORECASE))
    return f"{100 * top / bottom:.4g} %" if top < bottom else found[0]
