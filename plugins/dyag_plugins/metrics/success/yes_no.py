"""Yes-or-no answers: by the word itself, or by a sentence that affirms or denies what was asked."""

from __future__ import annotations

import re

from dyag_core.api import fold, tokens

_YES = (
    r"(?:yes|oui|si|true|vrai|yep|yeah|affirmative|right|correct|exact|absolument|absolutely|indeed|of course|certainly"
    r"|definitely|sure|bien sur|tout a fait|evidemment|certainement)"
)
_NO = (
    r"(?:not really|not at all|absolutely not|of course not|pas du tout|bien sur que non"
    r"|no|non|false|faux|nope|negative)"
)
_FIRST = re.compile(
    rf"^\W*(?:(?P<yes>{_YES})|(?P<no>{_NO}))(?=\s*(?:[.,;:!\n—–-]|$|\s(?:it|this|that|you|he|she|they|c'est|il|elle|on|ce)\b))"
)
_LATER = re.compile(
    rf"(?:\b(?:so|donc|answer is|reponse est|hence|therefore|is) :?(?P<w>{_YES}|{_NO})\b"
    r"(?=\W*$|[.,;:!]| (?:because|since|as|car|parce)\b))"
)
_DENIAL = re.compile(r"\b(?:not|never|cannot|no|none|pas|jamais|aucune?|non)\b|n't\b")
_NEEDED = {"need", "needs", "needed", "required", "requires", "necessary", "faut", "necessaire", "requis", "requise"}
#: "It does", "it isn't": the question's verb says the rest.
_SHORT = re.compile(
    r"(?:it|he|she|they|you|this|that|i|we) (?:is|are|was|were|does|do|did|has|have|had|can|could|will|would|should"
    r"|must)"
    r"(?P<no> not|n't|not)?"
)
_FILLER = frozenset(
    "it is are was were be been being this that they he she you can does do did has have had will would as of in"
    " to for by with on and"
    " il elle est sont etait ce c cela ca on a ont peut fait en de et ne n pas pour par not never no t isn doesn"
    " aren wasn don can cannot s"
    " none aucun aucune so actually indeed simply tout du y".split()
)


def yes_or_no(text: str) -> bool | None:
    """True for a text that says yes and nothing else, False for no, None for any other."""
    folded = fold(text).strip(" .!\"'«»")
    if re.fullmatch(_YES, folded):
        return True
    return False if re.fullmatch(_NO, folded) else None


def says(answer: str, question: str) -> bool | None:
    """Whether an answer says yes or no to the question; None where it says neither, or both."""
    folded = fold(answer).replace("’", "'").strip()
    first, later = _FIRST.search(folded), _LATER.search(folded)
    told = bool(first["yes"]) if first else None
    concluded = bool(re.fullmatch(_YES, later["w"])) if later else None
    if told is not None and concluded is not None and told != concluded:
        return None
    rest = folded[first.end() :] if first else folded
    affirmed = _affirms(
        re.split(r"[.;,]\s|\bbecause\b|\bcar\b|\bparce\b|\bsince\b", rest.strip(" .,;:!-"))[0], question
    )
    known = {value for value in (told, concluded, affirmed) if value is not None}
    return known.pop() if len(known) == 1 else None


def _affirms(clause: str, question: str) -> bool | None:
    """Whether a clause repeats what was asked, plainly or denied; None where it says something else."""
    words = {_stem(word) for word in tokens(clause) if word not in _FILLER}
    asked = {_stem(word) for word in tokens(question)}
    if short := _SHORT.fullmatch(clause.strip(" .!")):
        return not short["no"]
    if not words or not words <= asked:
        return None
    return bool(_DENIAL.search(fold(question))) == bool(_DENIAL.search(clause))


def _stem(word: str) -> str:
    """A word without the ending of a plural or of the third person; what says that something is needed is one word."""
    if word in _NEEDED:
        return "needed"
    return word.removesuffix("s") if len(word) > 3 else word
