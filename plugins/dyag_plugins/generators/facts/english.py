"""English labels as phrases: number, countability, and what can be asked of a label that is true or not."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

from dyag_core.api import fold
from dyag_plugins.generators.facts.label_text import NO_QUESTION, UNSAID, is_unsaid, lower_first
from dyag_plugins.generators.facts.packs import folded, label_key
from dyag_plugins.generators.facts.phrase import Phrase, question_phrase

if TYPE_CHECKING:
    from dyag_plugins.generators.facts.packs import Kind, Pack

_VOWELS = "aeiou"
_NO_NOUN = frozenset(
    "how what when where who why which if is are can do does did was were has have had will would should may must be "
    "been a an to in on at by for from with without of about into during before after under over between and or but "
    "so as than not no yes i you we he she it they this that these those there here my your our their its all any "
    "some each every both please let see also more most very just only get getting use using used make making create "
    "creating add adding set setting run running install installing configure configuring open choose find start stop "
    "try check ensure allow".split()
)
#: A question to the reader of one page.
_POINTS = re.compile(r"\b(?:you|your|we|our|us|ce|cette|cela|this|these)\b")
_QUESTION = re.compile(
    r"^(?:(?:to|for|by|with|from|at|in|on|since|until) )?(?:who|whom|whose|what|which|when|where|why|how)\b|^(?:is"
    r"|are|do|does|can|could|should|will|has|have|was|were|may|must) (?:it|they|there|this|that|the|you|we|i|one"
    r"|users?)\b"
)
_TO_DO = re.compile(r"^(who|what|when|where|how) to ")
_SHOULD = {"who": "should", "what": "should", "when": "should", "where": "can", "how": "do"}
_PLURALS = frozenset(("children", "people", "men", "women"))
_OF_AN_EVENT = frozenset("date time year day month hours price".split())
_SINGULAR = ("ss", "us", "is", "news", "series", "chaos", "cosmos", "ethos", "pathos", "asbestos")
_ADJECTIVE = ("able", "ible", "free", "only", "ready", "ful", "less", "based", "friendly")
#: What ends so and stands alone is no noun either: "honorary" is, "salary" isn't.
_ADJECTIVE_ALONE = ("orary", "ious", "uous", "ical", "guided")
_NO_ADJECTIVE = frozenset("table cable variable timetable source resource need seed feed speed shed bed red".split())
_OF_ANOTHER = frozenset(
    "allowed included required available accepted provided needed possible permitted offered welcome used updated "
    "created modified published given changed added removed known affected involved".split()
)
_PREPOSITIONS = frozenset("of for in to by with per on at from under".split())
#: Nouns of these endings are seldom counted: "has encryption", "comes with monitoring".
_UNCOUNTED = ("ing", "tion", "sion", "ance", "ence", "ness", "ity", "ware", "ship", "age", "ics", "cy", "ment")
_AUXILIARIES = frozenset("is are was were".split())
#: What somebody or something is, rather than has.
_ROLES = frozenset("member donor partner subscriber volunteer beneficiary".split())
_NEVER_A_NOUN = frozenset(
    "full half single double adult senior junior normal regular standard high low big small large medium long short "
    "new old other before after planned actual real former current previous next first last second third left "
    "right".split()
)
_MODALS = frozenset("can could will should must may".split())


class English:
    """Labels in English, with one pack."""

    lang = "en"

    def __init__(self, pack: Pack) -> None:
        self._pack, self._heads = pack, pack.heads
        self._numbered, self._predicates = folded(pack.numbered), folded(pack.predicates)
        self._amounts = folded(pack.amounts)
        self._attributes, self._never_had = folded(pack.attributes), folded(pack.never_had)
        self._counted, self._uncounted = folded(pack.counted), folded(pack.uncounted)
        #: "supports": "support"
        self._verbs = {f"{verb}es" if verb.endswith(("ss", "sh", "ch")) else f"{verb}s": verb for verb in pack.verbs}

    def phrase(self, label: str, text: str, kind: Kind | None, heading: bool, number: bool) -> Phrase:
        """How to speak of `label`, which people say as `text`."""
        noun = kind.noun if kind and kind.noun else None
        if not kind and (text.rstrip().endswith("?") or _QUESTION.match(fold(text))):
            asked = _TO_DO.sub(lambda to: f"{to[1]} {_SHOULD[to[1]]} I ", lower_first(text.rstrip(" ?")))
            return question_phrase(label, asked, _POINTS)
        bare = noun.removeprefix("the ") if noun else lower_first(re.sub(r"^(?:the|a|an) (?=\w)", "", text, flags=re.I))
        words = bare.split()
        first = fold(words[0]) if words else ""
        dated = len(words) == 2 and words[1].lower() in _OF_AN_EVENT  # "start date"
        odd = (
            not words
            or is_unsaid(text)
            or (first in _NO_NOUN and not dated)
            or (first in self._verbs and len(words) > 1)
            or (kind is None and "or" in words)
            or any(_is_run_together(word) or _MACHINE.fullmatch(word) or word == "%" for word in words)
            or any(one[:3] == other[:3] and one != other for one, other in pairwise(words) if len(one) > 4)  # no slash
        )
        predicate = bool(words) and self._is_predicate(words)
        headed = heading and (len(words) > 3 or words[0].endswith("ing"))
        if kind is None and (odd or predicate or headed):
            return Phrase(label, "", bare, "", False, kind, self._heads.get(first), doubt=UNSAID)
        if noun is None and number and words[-1].lower() in self._numbered:
            bare = f"{bare} number"
        if kind is None and number and _is_plural(_named(bare)) and fold(_named(bare)) not in self._amounts:
            bare = f"number of {bare}"
        return self.noun(label, noun or f"the {bare}", bare, "", kind)

    def noun(self, label: str, noun: str, bare: str, _gender: str, kind: Kind | None) -> Phrase:
        """A noun phrase with all its forms."""
        named = _named(bare)
        head = named.lower()
        plural = _is_plural(named)
        what = "who" if kind and (kind.canonical or "").startswith("Who ") else "what"
        return Phrase(
            label, noun, bare, f"{what} {'are' if plural else 'is'}", plural, kind,
            (kind.asks if kind else None) or self._heads.get(fold(bare.split()[0])) or self._heads.get(head),
            its=f"its {bare}",
            what=what,
            it_is="they are" if plural else "it is",
            that_one="those" if plural else "that",
            the_same="the same",
            which_ones="which ones",
            of_noun=f"of {noun}",
            of_bare=f"of {bare}",
            a_bare=self._with_article(bare, head, plural),
            be="are" if plural else "is",
        )  # fmt: skip

    def truth(self, label: str, text: str) -> tuple[Phrase, tuple[str, ...]]:
        """How to ask whether `label` is true of something; the phrase has its doubt where nobody would ask it so."""
        pack, bare = self._pack, lower_first(text)
        if text.rstrip().endswith("?") or _QUESTION.match(fold(text)):
            return self.phrase(label, text, None, False, False), tuple(pack.question_frames)
        words = label_key(bare).split()
        said = Phrase(label, "", bare, "", False, None)
        if not words or is_unsaid(text):
            return replace(said, doubt=UNSAID), ()
        first, rest = words[0], bare.partition(" ")[2]
        if rest and first in _AUXILIARIES:
            return replace(said, bare=rest), tuple(pack.adjective_questions)
        if rest and first in _MODALS:
            return replace(said, bare=rest, be=first), tuple(pack.modal_questions)
        if rest and first in ("has", "have"):
            return self._had(label, re.sub(r"^(?:an?|the) ", "", rest))
        if rest and first in self._verbs:
            return replace(said, bare=f"{self._verbs[first]} {rest}"), tuple(pack.verb_questions)
        last = next((n for n, word in enumerate(words) if n and word in _PREPOSITIONS), len(words))
        if first in _NO_NOUN and first not in self._predicates:
            return replace(said, doubt=NO_QUESTION), ()
        if words[-1] in _ROLES or (last < len(words) and words[last - 1] in _ROLES):
            return replace(said, bare=self._with_article(bare, words[last - 1], plural=False)), tuple(
                pack.adjective_questions
            )
        if not self._is_adjective(words[:last]):
            return self._had(label, text)
        # "Dogs allowed", "Parking included": what is asked about isn't the subject.
        of_another = last > 1 and words[last - 1] in _OF_ANOTHER and not words[last - 2].endswith("ly")
        return (replace(said, doubt=NO_QUESTION), ()) if of_another else (said, tuple(pack.adjective_questions))

    def is_of_several(self, name: str) -> bool:
        """Not told: names end in s."""
        return False

    def named(self, name: str, *, quoted: bool) -> str:
        """A name as it stands in a sentence."""
        return name

    def of(self, name: str) -> str:
        """With a name behind it."""
        return f"of {name}"

    def elides(self, name: str) -> bool:
        """Nothing does in English."""
        return False

    def is_attribute_head(self, key: str) -> bool:
        """Whether a label, in the form in which labels are compared, has a noun of the pack as its head."""
        head = self.head(key)
        return bool({head, head.removesuffix("s")} & self._attributes) or self._is_adjective(key.split())

    def head(self, key: str) -> str:
        """The noun that a label, in the form in which labels are compared, is about: "state" of "home state of ..."."""
        return (re.split(r" (?:of|for|in|to|by|with|per|at|on) ", key)[0].split() or [""])[-1]

    def may_be_a_noun(self, key: str) -> bool:
        """Whether the head of a label is a noun: "reduced" and "full" are none."""
        head = re.split(r" (?:of|for|in|to|by|with|per|at|on) ", key)[0].split()[-1]
        return head not in _NEVER_A_NOUN and not self._is_adjective([head])

    def _is_adjective(self, words: list[str]) -> bool:
        word = words[-1]
        if word in self._predicates or " ".join(words[-2:]) in self._predicates:
            return True
        if word in _NO_ADJECTIVE or word in self._counted:
            return False
        return word.endswith(_ADJECTIVE) or (len(word) > 4 and word.endswith("ed") and not word.endswith("eed"))

    def _is_predicate(self, words: list[str]) -> bool:
        """Whether a label says how something is ("Active", "Last updated"), not what it has."""
        last = fold(words[-1])
        if self._is_adjective([fold(word) for word in words]) and " ".join(map(fold, words)) not in self._attributes:
            return True
        if len(words) == 1:
            return last in self._predicates or last.endswith(_ADJECTIVE_ALONE)
        return (
            last in self._predicates
            or last in _OF_ANOTHER
            or (len(last) > 5 and last.endswith(("ated", "ised", "ized")))
        )

    def _had(self, label: str, text: str) -> tuple[Phrase, tuple[str, ...]]:
        bare = lower_first(text)
        words = label_key(bare).split()
        alone = len(words) == 1
        if not words or words[0] in _NO_NOUN or (alone and words[0] in self._never_had) or is_unsaid(text):
            return Phrase(label, "", bare, "", False, None, doubt=NO_QUESTION), ()
        return self.noun(label, f"the {bare}", bare, "", None), tuple(self._pack.noun_questions)

    def _with_article(self, bare: str, head: str, plural: bool) -> str:
        uncounted = fold(head) not in self._counted and (head.endswith(_UNCOUNTED) or fold(head) in self._uncounted)
        if plural or uncounted:
            return bare
        first = bare.split()[0]
        spelt = first.isupper() and len(first) <= 4
        vowel = (
            (first[:1] in "AEFHILMNORSX")
            if spelt
            else first[:1].lower() in _VOWELS and not _SOUNDS_YOU.match(first.lower())
        )
        return f"{'an' if vowel else 'a'} {bare}"


def _is_run_together(word: str) -> bool:
    """Whether a label is several words without a space: "sugarpercent", "crispedricewafer"."""
    if not word.islower() or not word.isascii() or word.endswith(_LONG_WORDS):
        return False
    return len(word) >= _LONGEST_WORD or (len(word) > 9 and word.endswith(_SECOND_WORDS))


#: "google-site-verification", not "end-of-life"
_MACHINE = re.compile(r"[a-z]+(?:-(?!of-|to-|and-|in-|the-|for-)[a-z]+){2,}")
_LONGEST_WORD = 14
_LONG_WORDS = tuple(
    "tion tions ment ments ity ities ness istic istics ship ships ology ure ures ive ives ator ators".split()
)
_SECOND_WORDS = tuple("percent name number count code price level score value".split())
_SOUNDS_YOU = re.compile(r"(?:uni|use|usa|usu|eu|one\b|once\b|ubi|uti)")


def _named(bare: str) -> str:
    """The noun of a phrase: what it names, not what that is of."""
    return re.split(r"\s(?:of|for|in|to|by|with|per)\s", bare)[0].split()[-1]


def _is_plural(named: str) -> bool:
    head = named.lower()
    return head in _PLURALS or (head.endswith("s") and not head.endswith(_SINGULAR) and not named.isupper())
