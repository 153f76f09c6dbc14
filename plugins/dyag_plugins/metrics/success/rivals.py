"""Is another value of the same kind what the answer gives to the question? "Born in Graz, died in Vienna" says Graz.

Values are names, options, years, and quantities of one dimension. The one whose clause holds more of the question's
words is the answer; where none holds more, the first one, or one that stands where an answer stands: "... is Vienna".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from dyag_plugins.metrics.success.clauses import MASK
from dyag_plugins.metrics.success.offers import GRAMMAR, STARTERS, is_other_spelling
from dyag_plugins.metrics.success.terms import Term

_EDGE = re.compile(rf"[,;.:!?()\n{MASK}]|\s[—–-]\s")
_JOINTS = {f"word:{word}" for word in "and et but mais or ou while whereas because car although then puis".split()}
_ASKS = GRAMMAR | frozenset(
    "what how much many where when why quel quelle quels quelles quand combien quoi est-ce does do did".split()
)
_COPULA = {
    f"word:{word}" for word in "is are was were be est sont etait etaient soit called named nomme appelle".split()
}
#: Where the answer to a question with such a word stands.
_PLACES = {
    "word:who": {"word:by"},
    "word:qui": {"word:par"},
    "word:where": {"word:in", "word:at", "word:on"},
    "word:ou": {"word:a", "word:en", "word:dans"},
    "word:when": {"word:in", "word:on", "word:since"},
    "word:quand": {"word:en", "word:depuis"},
}
#: A verb's form that says what was done: "written", "hosted", "publié".
_PARTICIPLE = re.compile(r"(?:ed|en|wn|ght|ilt|ade|ée?s?|ite?s?)$")
_LEAST_STEM = 3
#: What somebody adds to the work of another, as words begin: "with a preface by", "traduit par".
_ADDED = re.compile(
    r"(?:preface|foreword|afterword|prologue|introduc|illustrat|illustre|translat|tradui|traduc|photo|postface|annot"
    r"|cover|couverture|commentary|commentaires?$|avant-propos)"
)
_BY = {"word:by", "word:par", "word:de"}
#: What stands behind these is in the opposite state; it is masked elsewhere where that is not what was asked.
_EXCEPT = {"except", "excepting", "sauf", "hormis", "excepte"}
#: A question with one of these is not for who did something, but for whom, or what somebody is.
_NO_ACTOR = {
    f"word:{word}" for word in "by par whom did does do is are was were be been est sont fut ete etait".split()
}
_NOW = set("today now currently nowadays aujourd maintenant desormais actuellement".split())
_OPPOSITES = (
    (
        {"start", "begin", "open", "commence", "debut", "ouvre", "ouvert"},
        {"end", "finish", "close", "fin", "termine", "ferme"},
    ),
    ({"born", "birth", "ne", "nee", "naissance"}, {"die", "death", "mort", "morte", "deces"}),
    ({"buy", "bought", "achat", "achete"}, {"sell", "sold", "vente", "vendu"}),
    ({"minimum", "minimal", "least"}, {"maximum", "maximal", "most"}),
    ({"profit", "gain", "surplus", "benefice", "excedent"}, {"loss", "losses", "deficit", "perte"}),
    ({"income", "revenue", "recette"}, {"expense", "expenditure", "spending", "depense"}),
    ({"won", "win", "gagne"}, {"lost", "lose", "perdu", "place:2", "place:3"}),
)


def rival_answers(answer: Sequence[Term], start: int, stop: int, question: Sequence[Term]) -> bool:
    """Whether another value than the terms from `start` to `stop` is what the answer gives to the question."""
    words = [word for term in question if (word := _word(term)) not in _ASKS and term.key.startswith("word:")]
    if _says_something_else(answer, start, stop, question, words):
        return True
    kind = next((found for term in answer[start:stop] if (found := _kind(term))), "")
    asked = {term.key for term in question}
    wanted = {term.key for term in answer[start:stop]}
    clause = _clause(answer, start, stop)
    rivals = [
        span
        for *span, sure in _values(answer, kind)
        if not any(start <= i < stop or answer[i].key in wanted or answer[i].key in asked for i in range(*span))
        and not (kind == "option" and is_other_spelling(answer[slice(*span)], answer[start]))
        and (sure or _clause(answer, *span) != clause)
    ]
    if not kind or not rivals or _abbreviates(answer, start):
        return False
    mine = _about(answer, start, stop, words)
    theirs = max(_about(answer, *span, words) for span in rivals)
    if mine != theirs:
        return theirs > mine
    first = min(place for place, _ in rivals) > start
    return not first and kind in ("name", "option") and not _stands_as_answer(answer, start, asked)


def _says_something_else(
    answer: Sequence[Term], start: int, stop: int, question: Sequence[Term], words: Sequence[str]
) -> bool:
    """Whether a value belongs to the opposite of what was asked, to another thing, or to whom something is done for."""
    first, last = _clause(answer, start, stop)
    there = [_word(term) for term in answer[first:last]]
    for one, other in (*_OPPOSITES, *(pair[::-1] for pair in _OPPOSITES)):
        if _any(one, words) and not _any(other, words) and _any(other, there) and not _any(one, there):
            # when it starts, where the question is when it ends
            return not any(_word(term) in _EXCEPT for term in answer[first:start])
    if (
        _adds_to_another(answer, start, first, words)
        or _is_whom(answer, start, first, question)
        or _belongs_to_another(answer, start, first, words)
        or _was_before(answer, start, stop, words)
        or _describes_another(answer, start, stop, words)
    ):
        return True
    asked = [term.key for term in question]
    noun = next((words[0] for how in ("word:much", "word:many", "word:combien") if how in asked and words), "")
    if noun and stop + 1 < len(answer) and answer[stop].key in ("word:of", "word:de"):
        counted = _word(answer[stop + 1])
        if counted not in _ASKS and answer[start].unit == "byte" and not _any({noun}, there):
            return True  # 4 GB of disk, where the question is how much memory
    by = [i for i, term in enumerate(answer) if term.key in ("word:by", "word:par")]
    return bool(
        {"word:who", "word:qui"} & set(asked) and start and answer[start - 1].key in ("word:for", "word:pour") and by
    )


def _adds_to_another(answer: Sequence[Term], start: int, first: int, words: Sequence[str]) -> bool:
    """Whether a name stands behind what its bearer added to the work of another: "Wirth, with a preface by Roth"."""
    if first == 0 or start <= first or answer[start - 1].key not in _BY:
        return False
    there = [_word(term) for term in answer[first:start]]
    return any(_ADDED.match(word) and not any(_alike(asked, word) for asked in words) for word in there)


def _is_whom(answer: Sequence[Term], start: int, first: int, question: Sequence[Term]) -> bool:
    """Whether a name stands behind the verb, where the question is who did it: "the Reds beat the Blues"."""
    asks = next((i for i, term in enumerate(question) if term.key in ("word:who", "word:qui")), None)
    if asks is None or asks + 1 == len(question) or {term.key for term in question} & _NO_ACTOR:
        return False
    if question[asks + 1].capital or (start and answer[start - 1].key in ("word:by", "word:par")):
        return False  # "Qui Anna a-t-elle remplacé ?"
    done = [_word(term) for term in question if term.key.startswith("word:") and not term.capital]
    for verb in range(first + 1, start):
        if not any(word not in _ASKS and _alike(word, _word(answer[verb])) for word in done):
            continue
        return any(term.capital and not term.counts for term in answer[first:verb])
    return False


def _belongs_to_another(answer: Sequence[Term], start: int, first: int, words: Sequence[str]) -> bool:
    """Whether a value is somebody else's in a relation that wasn't asked for: "Ode, whose deputy is Roy"."""
    return any(
        answer[i].key in ("word:whose", "word:dont") and not any(_alike(asked, _word(answer[i + 1])) for asked in words)
        for i in range(first, start - 1)
    )


def _was_before(answer: Sequence[Term], start: int, stop: int, words: Sequence[str]) -> bool:
    """Whether a value is told in the past, and another one as what is so now: "Lille hosted it, today it is Lens"."""
    first, last = _clause(answer, start, stop)
    past = [_word(term) for term in answer[first:last] if term.text.endswith("ed")]
    later = {_word(term) for term in answer[last:]}
    return bool(later & _NOW) and any(
        _alike(asked.removesuffix("s"), word) for asked in words if not asked.endswith("ed") for word in past
    )


def _describes_another(answer: Sequence[Term], start: int, stop: int, words: Sequence[str]) -> bool:
    """Whether "is" joins a value to another thing, and what was asked to another value: "the cover is blue, ..."."""
    if not words or start == 0 or answer[start - 1].key not in _COPULA or _about(answer, start, stop, words):
        return False
    first, last = _clause(answer, start, stop)
    joined = (i for i, term in enumerate(answer) if term.key in _COPULA and not first <= i < last)
    return any(
        any(_alike(asked, _word(term)) for asked in words for term in answer[_clause(answer, i, i + 1)[0] : i])
        for i in joined
    )


def _any(forms: set[str], words: Sequence[str]) -> bool:
    return any(_alike(form, word) for form in forms for word in words)


def _kind(term: Term) -> str:
    """What a value is compared with; "" for what has no rivals."""
    if term.counts:
        if term.unit:
            return term.unit
        year = term.key.startswith("date:") or re.fullmatch(r"number:(?:1[5-9]|20)\d\d", term.key)
        return "year" if year else "number"
    if term.key.startswith("literal:-"):
        return "option"
    return "name" if term.capital and term.key.startswith("word:") else ""


def _values(answer: Sequence[Term], kind: str) -> Iterator[tuple[int, int, bool]]:
    """Where values of a kind stand, and whether they surely are some: any word that begins a sentence has a capital."""
    i = 0
    while i < len(answer):
        stop = i + 1
        if _kind(answer[i]) == kind and (kind != "name" or _word(answer[i]) not in STARTERS):
            while kind == "name" and stop < len(answer) and answer[stop].gap == " " and _kind(answer[stop]) == kind:
                stop += 1
            alone = stop == len(answer) or bool(_EDGE.search(answer[stop].gap))
            begins = i == 0 or bool(re.search(r"[.!?\n]", answer[i].gap))
            plain = answer[i].text[1:].islower() and stop == i + 1
            yield i, stop, not (kind == "name" and begins and plain and not alone)
        i = stop


def _about(answer: Sequence[Term], start: int, stop: int, words: Sequence[str]) -> int:
    """How many of the question's words stand in the clause of a value."""
    first, last = _clause(answer, start, stop)
    there = [_word(term) for term in [*answer[first:start], *answer[stop:last]]]
    counted = last > stop and answer[start].counts and any(_alike(word, _word(answer[stop])) for word in words)
    return sum(any(_alike(word, other) for other in there) for word in set(words)) + counted  # "3 volumes"


def _clause(answer: Sequence[Term], start: int, stop: int) -> tuple[int, int]:
    """Where the clause of a value begins and ends."""
    first, last = start, stop
    while first > 0 and not _EDGE.search(answer[first].gap) and answer[first - 1].key not in _JOINTS:
        first -= 1
    while last < len(answer) and not _EDGE.search(answer[last].gap) and answer[last].key not in _JOINTS:
        last += 1
    return first, last


def _abbreviates(answer: Sequence[Term], start: int) -> bool:
    """Whether a value in brackets is made of the initials before it: "European Space Agency (ESA)"."""
    initials = "".join(term.text[:1] for term in answer[max(0, start - 6) : start] if term.capital)
    name = answer[start].text
    return (
        "(" in answer[start].gap and len(name) > 1 and initials.endswith((name, name[:-1] if len(name) > 3 else name))
    )


def _alike(word: str, other: str) -> bool:
    """Whether two words are forms of one: "die" and "died"."""
    shorter, longer = sorted((word, other), key=len)
    return word == other or (
        len(shorter) >= _LEAST_STEM and longer.startswith(shorter) and len(longer) < len(shorter) + 3
    )


def _stands_as_answer(answer: Sequence[Term], start: int, asked: set[str]) -> bool:
    """Whether a value stands where an answer does: behind "is", a colon, "written in", or "by" where one asks who."""
    if start == 0 or ":" in answer[start].gap:
        return True
    before = answer[start - 1]
    if before.key in _COPULA or any(before.key in places for word, places in _PLACES.items() if word in asked):
        return True
    verb = answer[start - 2] if start > 1 else None
    return verb is not None and bool(_PARTICIPLE.search(verb.text)) and _word(before) in GRAMMAR


def _word(term: Term) -> str:
    return term.key.removeprefix("word:")
