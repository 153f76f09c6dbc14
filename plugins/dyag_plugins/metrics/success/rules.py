"""The verdict on one answer, and the rule that it rests on."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from typing import Literal

from dyag_core import Prediction
from dyag_core.api import abstains, detect_language, fold, without_reasoning
from dyag_plugins.metrics.success import clauses, yes_no
from dyag_plugins.metrics.success.offers import GRAMMAR, TITLES, WEEKDAYS, longer_name, other_values
from dyag_plugins.metrics.success.rivals import rival_answers
from dyag_plugins.metrics.success.sameness import runs, same_addresses, same_run
from dyag_plugins.metrics.success.terms import Reading, Term, terms

#: Expected answers of so many words are sentences: their telling words decide.
SENTENCE_WORDS = 6
#: Answers of so many words that say less than half as many different things go round in a loop.
_LOOP_WORDS = 8

_PREPOSITIONS = {f"word:{word}" for word in ("in", "on", "at", "by", "en", "au", "aux", "a", "dans")}
_TITLES = {f"word:{word}" for word in TITLES}
_EMPTY = {f"word:{word}" for word in GRAMMAR}
#: What denies is looked at as such, and may be said in several words: "writes nothing", "doesn't write anything".
_DENIALS = {f"word:{word}" for word in ("not", "no", "nothing", "anything", "never", "doesn", "pas", "rien", "ne", "t")}
#: Names of more words than this are texts: every word of theirs is wanted.
_LONGEST_NAME = 4
_FRENCH = re.compile(
    r"\b(?:quel(?:le)?s?|quand|combien|qui|quoi|ou est|est-ce|l[ea]s?|d[eu]s?|un|une|a-t-|est-il|est-elle)\b"
)
#: Questions for a bound, and what then goes without saying: what is needed is needed at least.
_BOUNDS = {
    "≥": re.compile(
        r"\b(?:need(?:ed|s)?|required?|requires|minimum|minimale?s?|requise?s?|faut|necessaires?|necessite)\b"
    ),
    "≤": re.compile(r"\b(?:maximum|maximale?s?|limite?|at most|au plus)\b"),
}

#: Questions for a change that may be one up or one down.
_CHANGE = re.compile(
    r"\b(?:chang(?:e|ed|es)|var(?:y|ied|iation)|evol(?:ve|ved|ution|ue)|growth|balance|a evolue|varie|croissance"
    r"|solde)\b"
)

Rule = Literal[
    "failed", "abstained", "answered", "equal", "yes_no", "value", "list", "sentence",
    "another_turn", "hedged", "rambles", "negation", "not_alone", "missing",
]  # fmt: skip


@dataclass(frozen=True)
class Strictness:
    """How many words an answer may have beside the expected ones, and what share of a sentence it must hold."""

    extra_words: int
    key_share: float


def verdict(prediction: Prediction, strictness: Strictness) -> tuple[bool, Rule]:
    """Whether the question was answered, and by which rule it was or wasn't."""
    answer = without_reasoning(prediction.answer)
    if prediction.error is not None or not answer.strip():
        return False, "failed"
    refuses = abstains(answer, prediction.question, truncated=prediction.truncated)
    if not prediction.answerable:
        return refuses, "abstained" if refuses else "answered"
    verdicts = [_judged(answer, prediction.question, one, strictness, refuses) for one in _variants(prediction)]
    return next((found for found in verdicts if found[0]), verdicts[0])


def _variants(prediction: Prediction) -> Iterator[str]:
    """Every right answer; alternatives in one text ("Anna|Anne"), and a name without its abbreviation in brackets."""
    for expected in prediction.accepted:
        yield expected
        if re.fullmatch(r"[^|]*\w ?\| ?\w[^|]*(?:\|[^|]+)*", expected):
            yield from (part.strip() for part in expected.split("|"))
        if short := re.fullmatch(r"(\S[^()]+?) \(([^()]+)\)", expected):
            yield short[1]
            if short[2].isupper():
                yield short[2]


def _judged(reply: str, question: str, expected: str, strictness: Strictness, refuses: bool) -> tuple[bool, Rule]:
    reading = _reading(question, expected)
    answer = clauses.without_markup(reply)
    if re.search(r"\d[,;] \d", expected) and not re.search(r"\d,\d", expected):
        answer = re.sub(r"(?<=\d),(?=\d)", ", ", answer)  # a list of numbers, written without spaces
    wanted, given = terms(clauses.without_markup(expected), reading), terms(answer, reading)
    questioned = terms(question, reading)
    asked = {term.key for term in questioned}
    if not any(runs(wanted, given, question)):
        wanted = _without_the_obvious(wanted, given, question)
    if same_run(wanted, given, question):
        return True, "equal"
    if clauses.goes_on_with_another_turn(reply):
        return False, "another_turn"
    polarity = yes_no.yes_or_no(expected)
    if polarity is not None:
        return yes_no.says(answer, question) is polarity, "yes_no"
    if refuses and not abstains(expected):
        return False, "abstained"
    begins = re.split(r"[.,:;!?\n]|\bbut\b|\bmais\b", answer)[0]
    if (not abstains(expected) and abstains(begins)) or (clauses.hedges(answer) and not clauses.hedges(expected)):
        return False, "hedged"
    if _rambles(given, wanted, asked, strictness):
        return False, "rambles"
    if not same_addresses(wanted, given):
        return False, "missing"
    shown = clauses.stated(
        clauses.about(answer, question, expected),
        denials=not clauses.denies(expected) and not clauses.denies(question),
        contrasts=not (
            clauses.sets_against(expected)
            or clauses.sets_against(question)
            or clauses.says_the_exception(answer, question)
        ),
    )
    told = terms(shown, reading)
    return _found(wanted, told, given, questioned, question, expected, answer, strictness)


def _without_the_obvious(wanted: list[Term], given: Sequence[Term], question: str) -> list[Term]:
    """Without what an answer may leave out: a preposition ("in 2019"), a title ("Mr Roy"), the weekday of a date, the
    kind of thing that was asked for ("platform A" where the question is which platform).
    """
    kinds = {term.key for term in terms(question, Reading()) if term.text.islower()} - _EMPTY
    left = list(wanted)
    if len(left) > 1 and left[0].key in _PREPOSITIONS | _TITLES and left[0].text not in "AI":
        left = left[1:]
    if len(left) > 1 and left[0].key in WEEKDAYS and left[1].key.startswith("date:"):
        left = left[any(term.key in WEEKDAYS for term in given) ^ 1 :]
    if 1 < len(left) <= _LONGEST_NAME and left[0].key in kinds and left[0].text[1:].islower():
        left = left[1:]
    if 1 < len(left) <= _LONGEST_NAME and left[-1].key in kinds and left[-1].text.islower():
        left = left[:-1]
    return left


def _found(
    wanted: Sequence[Term], told: Sequence[Term], given: Sequence[Term], questioned: Sequence[Term], question: str,
    expected: str, answer: str, strictness: Strictness,
) -> tuple[bool, Rule]:  # fmt: skip
    asked = {term.key for term in questioned}
    items = _items(wanted)
    spans = list(runs(wanted, told, question))
    rule: Rule = "value"
    if not spans and len(items) > 1:
        rule, spans = "list", list(_covering(items, told, question))
    own = {term.key for term in wanted}
    alone = [
        span
        for span in spans
        if not longer_name(told, *span, asked | own)
        and not other_values(told, *span, asked)
        and not (rule == "value" and rival_answers(told, *span, questioned))
    ]
    if alone:
        return True, rule
    if len(wanted) >= SENTENCE_WORDS and not spans:
        if clauses.denies(expected) != clauses.denies(answer):
            return False, "negation"
        if _tells(given, [term for term in wanted if term.key not in asked], strictness.key_share):
            return True, "sentence"
    if spans:
        return False, "not_alone"
    return False, "negation" if any(runs(wanted, given, question)) else "missing"


def _reading(question: str, expected: str) -> Reading:
    asked = fold(question)
    return Reading(
        french=bool(_FRENCH.search(asked)) or detect_language([question, expected]) == "fr",
        counting=bool(re.search(r"\b(?:how many|number of|combien d|combien \?|nombre d)", asked)),
        versions=bool(re.search(r"\bversions?\b|\breleases?\b", asked)),
        bound=next((sign for sign, asks in _BOUNDS.items() if asks.search(asked)), ""),
        change=bool(_CHANGE.search(asked) or re.match(r"[-+\u2212\u2013] ?[$€£]?\d", expected)),
    )


def _items(wanted: Sequence[Term]) -> list[list[Term]]:
    """The items of an expected list: by commas, semicolons, lines, "and"; one where it is no list."""
    items: list[list[Term]] = [[]]
    for term in wanted:
        if term.key in ("word:and", "word:et", "symbol:&"):
            items.append([])
            continue
        if re.search(r"[,;\n]|\s/\s", term.gap) and items[-1]:
            items.append([])
        items[-1].append(term)
    found = [item for item in items if item]
    return found if all(len(item) <= SENTENCE_WORDS for item in found) else [list(wanted)]


def _covering(items: Sequence[Sequence[Term]], told: Sequence[Term], question: str) -> Iterator[tuple[int, int]]:
    """Where all items stand side by side, in any order, with nothing but conjunctions between them."""
    places = [list(runs(item, told, question)) for item in items]
    if not all(places):
        return
    taken = {place: span for spans in places for span in spans for place in range(*span)}
    joints = {
        "word:and",
        "word:et",
        "symbol:&",
        "word:also",
        "word:with",
        "word:avec",
        "word:ainsi",
        "word:que",
        "symbol:/",
    }
    for start in sorted(taken):
        stop = start
        while stop < len(told) and (stop in taken or told[stop].key in joints):
            stop += 1
        while told[stop - 1].key in joints:
            stop -= 1
        inside = [any(start <= s and e <= stop for s, e in spans) for spans in places]
        if all(inside) and stop - start <= sum(map(len, items)) + len(items):
            yield start, stop
            return


def _tells(given: Sequence[Term], expected: Sequence[Term], share: float) -> bool:
    """Whether enough of a sentence's telling words, and all of its numbers, are there."""
    telling = {_stem(term) for term in expected if term.key.removeprefix("word:") not in GRAMMAR} - _DENIALS
    numbers = {term.key for term in expected if term.counts}
    there = {_stem(term) for term in given}
    return bool(telling) and numbers <= there and len(telling & there) >= share * len(telling)


def _stem(term: Term) -> str:
    """A word's key without the ending of a plural or of the third person."""
    return term.key.removesuffix("s") if term.key.startswith("word:") and len(term.key) > len("word:") + 3 else term.key


def _rambles(given: Sequence[Term], wanted: Sequence[Term], asked: Set[str], strictness: Strictness) -> bool:
    beyond = sum(term.key not in asked for term in given) - sum(term.key not in asked for term in wanted)
    if beyond > strictness.extra_words or len(given) > len(wanted) + len(asked) + 2 * strictness.extra_words:
        return True
    return len(given) >= _LOOP_WORDS + len(wanted) and len({term.key for term in given}) < len(given) / 2
