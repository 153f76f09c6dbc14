"""Does an answer offer more than the expected value: another one beside it, or a longer name that holds it?

"Anna and Bert" is not Anna, "Paris, Texas" not Paris, "New York" not York, "John Smith Jr." not John Smith, "GPL-2.0+"
not GPL-2.0. Words of the question and of a sentence around the value are no offers.
"""

from __future__ import annotations

import re
from collections.abc import Sequence, Set

from dyag_plugins.metrics.success.clauses import MASK
from dyag_plugins.metrics.success.places import is_elsewhere, says_where
from dyag_plugins.metrics.success.terms import Term

#: Words of grammar, in both languages: a phrase with one of them is no name and no list item.
GRAMMAR = frozenset(
    "de et est sont pour par sur avec dans en au aux ce c cette ces cet son sa ses il elle ils elles qui que qu"
    " dont a ete as on y se s ne"
    " etait fut ont avait leur comme depuis selon vers chez si oui non tout tous donc aussi entre sous plus"
    " and is are was were of for by on with in at to from as it its this that these those be been has have had"
    " they he she we you i so then while because although ahead behind devant derriere car"
    " which who whose since according under about into than there here also yes no both use uses used called"
    " named".split()
)
#: Words that begin an answer, and name nothing.
STARTERS = GRAMMAR | frozenset(
    "answer response reponse sorry sure well ok okay voila bien run try choose see licence license version name"
    " nom date ville city"
    " port option user press hit type click use pass set enter"
    " appuyez tapez cliquez utilisez saisissez passez merci thanks hello bonjour".split()
)
WEEKDAYS = {
    f"word:{day}"
    for day in "monday tuesday wednesday thursday friday saturday sunday".split()
    + "lundi mardi mercredi jeudi vendredi samedi dimanche".split()
}
_OUT_OF = {"word:of", "word:de", "word:sur"}
_MORE_OR_LESS = {f"word:{word}" for word in "off more less fewer extra".split()}
_UP_TO = {f"word:{word}" for word in "to through until till au a jusqu".split()}
#: Before somebody's name.
TITLES = frozenset("mr mrs ms m mme mlle dr doctor docteur prof professor professeur sir monsieur madame".split())
#: Before the name of what they make: "Mozilla Firefox" is Firefox.
_MAKERS = frozenset(
    "adobe amazon apache apple canonical gnu google hp ibm intel jetbrains microsoft mozilla oracle".split()
)
#: What many make: "Oracle Linux" is one Linux of several.
_MADE_BY_MANY = frozenset("bsd cloud database java linux maps music sql unix".split())
#: Nouns that name the kind of a thing, not another thing.
_KINDS = frozenset("licence license version inc ltd".split())
_AND = {"word:and", "word:et", "symbol:&", "symbol:+", "word:plus"}
_OR = {"word:or", "word:ou"}
_WHOSE = frozenset("her his their son sa ses leur leurs".split())
_EACH = {f"word:{word}" for word in ("for", "pour", "in", "en", "on", "sur", "under", "sous")}
_LONGEST_ITEM = 4
_SEPARATOR = re.compile(r"[,;/|.\n!?]")


def longer_name(answer: Sequence[Term], start: int, stop: int, asked: Set[str]) -> bool:
    """Whether the terms from `start` to `stop` are only a part of what a name, number or symbol says."""
    if _glued(answer, start, stop):
        return True
    if stop < len(answer) and re.match(r"['’]s?\s", answer[stop].gap):
        return True  # Anna's brother
    first, last = answer[start], answer[stop - 1]
    if start and answer[start - 1].key in ("symbol:<", "symbol:>", "symbol:≤", "symbol:≥", "symbol:≠", "symbol:~"):
        return True
    if first.counts and start > 1 and answer[start - 1].key in _OUT_OF and answer[start - 2].counts:
        return True  # 50 of the 200
    if last.counts and stop < len(answer) and answer[stop].key in _MORE_OR_LESS - asked:
        return True  # $12 off
    if stop < len(answer) and answer[stop].gap == " " and answer[stop].key not in asked:
        following = answer[stop]
        if last.capital and ((following.capital and _word(following) not in _KINDS) or following.counts):
            return True
        if last.counts and not first.counts and following.capital:
            return True
    if start and first.gap == " " and first.capital and not first.counts:
        before = answer[start - 1]
        if before.capital and not before.counts and before.key not in asked:
            return not _may_stand_before(before, first)
    return False


def _may_stand_before(before: Term, name: Term) -> bool:
    """Whether a word with a capital before a name makes no other name of it: a title, a maker, the first word."""
    word = _word(before)
    made = word in _MAKERS and _word(name) not in _MADE_BY_MANY
    return made or word in STARTERS or word in TITLES


def other_values(answer: Sequence[Term], start: int, stop: int, asked: Set[str]) -> bool:
    """Whether another value stands beside the terms from `start` to `stop`, in a list or as an alternative."""
    value = answer[start]
    if _lies_elsewhere(answer, start, stop):
        return True
    if value.key in WEEKDAYS and _goes_on(answer, start, stop):
        return True
    stop = _behind_the_region(answer, start, stop)
    behind = _item(answer, stop, 1)
    before = _item(answer, start - 1, -1)
    if stop < len(answer) and answer[stop].key in _EACH and _parallel(answer, stop):
        return True
    for item, conjunction in (behind, before):
        if item and _is_offer(item, value, asked, conjunction=conjunction, start_of_text=item[0] is answer[0]):
            return True
    return False


def _goes_on(answer: Sequence[Term], start: int, stop: int) -> bool:
    """Whether a day of the week is one end of several days: "du mardi au jeudi"."""
    around = answer[max(0, start - 2) : stop + 2]
    return any(term.key in _UP_TO for term in around) and sum(term.key in WEEKDAYS for term in around) > 1


def _behind_the_region(answer: Sequence[Term], start: int, stop: int) -> int:
    """Where a name ends together with the region that says where it is: "Boston, Massachusetts"."""
    region, joint = _item(answer, stop, 1)
    if joint == "," and region and says_where(_text(answer[start:stop]), _text(region)):
        return stop + len(region)
    return stop


def _lies_elsewhere(answer: Sequence[Term], start: int, stop: int) -> bool:
    """Whether brackets behind a town's name make it another town: "Paris (Texas)"."""
    if stop == len(answer) or "(" not in answer[stop].gap:
        return False
    return any(
        is_elsewhere(_text(answer[start:stop]), _text(answer[stop:end]))
        for end in range(stop + 1, min(stop + 3, len(answer)) + 1)
    )


def _text(named: Sequence[Term]) -> str:
    return " ".join(term.text for term in named)


def _parallel(answer: Sequence[Term], place: int) -> bool:
    """Whether another value follows for something else: "MIT for the code, GPL for the data"."""
    again = (i for i in range(place + 2, len(answer)) if answer[i].key == answer[place].key)
    return any(answer[i - 1].capital or answer[i - 1].counts for i in again)


def _glued(answer: Sequence[Term], start: int, stop: int) -> bool:
    if (
        start
        and re.fullmatch(r"[-_.]?", answer[start].gap)
        and answer[start - 1].key not in ("symbol:#", "symbol:+", "symbol:~")
    ):
        return not (answer[start - 1].key.startswith("symbol:") and answer[start - 1].text in "=<>")
    if stop < len(answer) and re.fullmatch(r"[-_.]?", answer[stop].gap):
        following = answer[stop]
        hiragana = "\u3040" <= following.text[:1] <= "\u309f"
        return not (hiragana or following.text in (">", "=") or _word(following) in ("licensed", "based", "compatible"))
    return False


def _item(answer: Sequence[Term], place: int, step: int) -> tuple[list[Term], str]:
    """The terms of the list item beside a value, and what joins it: "and", "or", "," or "" where nothing does."""
    if not 0 <= place < len(answer):
        return [], ""
    joint = ""
    edge = answer[place] if step > 0 else answer[place + 1]
    if MASK in edge.gap:
        return [], ""
    if answer[place].key in _OR | _AND:
        joint = "or" if answer[place].key in _OR else "and"
        place += step
    elif _SEPARATOR.search(edge.gap):
        joint = ","
    elif "(" in edge.gap:
        joint = ""
    if not joint:
        return [], ""
    item: list[Term] = []
    while 0 <= place < len(answer) and len(item) <= _LONGEST_ITEM + 4:
        term = answer[place]
        if term.key in _OR | _AND:
            break
        item.append(term)
        boundary = term.gap if step < 0 else answer[place + 1].gap if place + 1 < len(answer) else ""
        if _SEPARATOR.search(boundary) or MASK in boundary:
            break
        place += step
    return item[::step], joint


def _is_offer(item: Sequence[Term], value: Term, asked: Set[str], *, conjunction: str, start_of_text: bool) -> bool:
    if is_other_spelling(item, value):
        return False
    if conjunction == "or":
        return len(item) <= _LONGEST_ITEM + 4 and not all(term.key in asked for term in item)
    if len(item) > _LONGEST_ITEM or any(term.key in asked for term in item):
        return False
    words = [_word(term) for term in item]
    if conjunction == "and" and value.capital and words[0] in _WHOSE:
        return True  # "Anna and her brother"
    if start_of_text and words[0] in STARTERS:
        return False
    if value.counts:
        return item[0].counts if len(item) == 1 or conjunction == "," else item[0].counts and not set(words) & GRAMMAR
    if set(words) & GRAMMAR:
        return False
    if value.capital:
        return item[0].capital or item[-1].capital
    return (conjunction == "and" and len(item) <= 2) or (
        not start_of_text and len(item) == 1 and not item[0].counts and words[0] not in ("please",)
    )


def is_other_spelling(item: Sequence[Term], value: Term) -> bool:
    """Whether an item is the long or the short form of an option: "-q or --quiet" is one option."""
    forms = sorted((item[0].text, value.text), key=len)
    return len(item) == 1 and bool(re.fullmatch(r"-(\w) --\1[\w-]+", " ".join(forms), re.IGNORECASE))


def _word(term: Term) -> str:
    return term.key.removeprefix("word:")
