"""Put a fact into words: noun phrases, questions, answers. What is said comes from the pack; here it is inflected."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from string import Formatter
from typing import TYPE_CHECKING

from dyag_core.api import fold
from dyag_plugins.generators.facts.packs import GIVEN, OF_THE_PHRASE, as_words, label_key

if TYPE_CHECKING:
    from collections.abc import Callable

    from dyag_core.records import Fact
    from dyag_plugins.generators.facts.packs import Absent, Kind, Pack

_VOWELS = "aeiou"
#: Longer names are sentences by themselves and are set in quotation marks.
_LONGEST_NAME_WORDS = 6


@dataclass(frozen=True)
class Phrase:
    """How an attribute is spoken of: "la licence", "licence". `noun` is "" where the gender is unknown."""

    label: str
    noun: str
    bare: str
    which: str
    plural: bool
    kind: Kind | None
    asks: str | None = None
    its: str = ""
    it_is: str = ""
    what: str = "what"
    that_one: str = ""
    the_same: str = ""
    which_ones: str = ""
    of_noun: str = ""
    of_bare: str = ""
    a_bare: str = ""
    be: str = "is"
    _templates: dict[str, str] = field(default_factory=dict, init=False, repr=False, compare=False)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Every label of this meaning, its own first, in the form in which `as_words` has a text."""
        labels = (self.label, self.bare, *(self.kind.labels if self.kind else ()))
        words = (as_words(fold(label)) for label in labels)
        return tuple(dict.fromkeys(name for name in words if name.strip()))

    def put_into(self, template: str) -> str:
        """A template with this phrase's words in it; what depends on the subject and the value still stands open."""
        known = self._templates.get(template)
        if known is None:
            words = {name: getattr(self, "be" if name == "is" else name) for name in OF_THE_PHRASE}
            known = "".join(
                _literal(text) + ("" if name is None else _literal(words[name]) if name in words else f"{{{name}}}")
                for text, name, _, _ in Formatter().parse(template)
            )
            self._templates[template] = known
        return known


def _literal(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")


@dataclass(frozen=True)
class Wordings:
    """Speaks of facts in one language with one pack."""

    pack: Pack
    lang: str

    @cached_property
    def _kinds(self) -> dict[str, Kind]:
        kinds: dict[str, Kind] = {}
        for kind in self.pack.kinds:
            for label in kind.labels:
                kinds.setdefault(label_key(label), kind)
        return kinds

    @cached_property
    def _genders(self) -> dict[str, str]:
        return {fold(noun): gender for gender, nouns in self.pack.nouns.items() for noun in nouns}

    @cached_property
    def _unelided(self) -> frozenset[str]:
        return frozenset(fold(word) for word in self.pack.no_elision)

    @cached_property
    def is_attribute(self) -> Callable[[str], bool]:
        """Whether a label, a heading or a column is an attribute that things are known to have.

        That is one of a kind, or with a head noun that the pack lists: what only sounds like one ("Le développement
        local", "Main term 1") is read about, not asked for.
        """
        return lru_cache(maxsize=4096)(self._is_attribute)

    def _is_attribute(self, label: str) -> bool:
        key = label_key(label)
        if key in self._kinds:
            return True
        if key in self._vague or any(map(str.isdigit, key)) or len(key.split()) > _LONGEST_NAME_WORDS:
            return False
        if self.lang == "fr":
            head = key.partition(" ")[0]
            return head in self._genders or (head.endswith(("s", "x")) and head[:-1] in self._genders)
        head = re.split(r" (?:of|for|in|to|by|with|per|at|on) ", key)[0].split()[-1:]
        return bool(head) and (head[0] in self._attributes or head[0].removesuffix("s") in self._attributes)

    @cached_property
    def _vague(self) -> frozenset[str]:
        return frozenset(label_key(label) for label in self.pack.vague)

    @cached_property
    def _attributes(self) -> frozenset[str]:
        return frozenset(fold(noun) for noun in self.pack.attributes)

    @cached_property
    def _heads(self) -> dict[str, str]:
        return {fold(head): asks for asks, heads in self.pack.asks.items() for head in heads}

    @cached_property
    def _numbered(self) -> frozenset[str]:
        return frozenset(fold(head) for head in self.pack.numbered)

    def phrase(self, label: str, *, heading: bool = False, number: bool = False) -> Phrase:
        """How to speak of `label`.

        A `heading` ("Getting started") is taken for a noun only if it is known as one. Where the value is a bare
        `number`, a label such as "Fiche" is "le numéro de fiche": nobody asks which record it is and is told 72.
        """
        return self._phrases(label, heading, number)

    @cached_property
    def _phrases(self) -> Callable[[str, bool, bool], Phrase]:
        """Those of the newest labels are kept: texts can have a new one in every line."""
        return lru_cache(maxsize=4096)(self._phrased)

    def _phrased(self, label: str, heading: bool, number: bool) -> Phrase:
        make = self._english if self.lang == "en" else self._french
        return make(label, self._kinds.get(label_key(label)), heading, number)

    def absent(self, entry: Absent) -> Phrase:
        """How to speak of something that documents seldom tell, in the words in which others are asked about it."""
        bare = re.sub(r"^(?:le|la|les|the)\s+|^l'", "", entry.noun)
        kind = self._kinds.get(label_key(bare))
        if self.lang == "en":
            return self._english_noun(bare, entry.noun, bare, kind)
        gender = entry.gender or ("f" if entry.noun.startswith("la ") else "m")
        return self._french_noun(bare, entry.noun, bare, gender, kind)

    # -- questions and answers ---------------------------------------------------------------------------------------

    def canonical(self, phrase: Phrase) -> str:
        """The template of the one plain question about a fact."""
        kind = phrase.kind
        template = kind.canonical if kind else None
        if template is None and kind and kind.noun is None and kind.questions and not phrase.noun:
            template = kind.questions[0]
        if template is None:
            template = (self.pack.frames if phrase.noun else self.pack.label_frames)[0]
        return template

    def yes_or_no(self, phrase: Phrase) -> tuple[str, ...]:
        """Templates that ask whether a label ("open source", "API publique") is true of something."""
        words = label_key(phrase.bare).split()
        if self.lang == "en":
            head = next((n for n, word in enumerate(words) if n and word in _ENGLISH_PREPOSITIONS), len(words))
            last = words[head - 1] if words else ""
            adjective = last in _ENGLISH_ADJECTIVES or last.endswith(_ENGLISH_ADJECTIVE)
            return tuple(self.pack.adjective_questions if adjective else self.pack.noun_questions)
        if words and words[0] in self._genders:
            return tuple(self.pack.noun_questions)
        return tuple(self.pack.label_questions if phrase.noun else self.pack.adjective_questions)

    def templates(self, phrase: Phrase, value: str | None = None) -> tuple[list[str], list[str]]:
        """(wordings particular to this attribute that fit `value`, wordings for any attribute)."""
        kind = phrase.kind
        general = self.pack.frames if phrase.noun else self.pack.label_frames
        if kind is None:
            return [], general
        fit = kind.fits is None or value is None or re.search(kind.fits, value)
        return (kind.questions if fit else []), ([] if kind.broad and kind.questions else general)

    def answer(self, phrase: Phrase, fact: Fact) -> str:
        """The answer as a sentence."""
        template = phrase.kind.answer if phrase.kind and phrase.kind.answer else None
        template = template or (self.pack.answer if phrase.noun else self.pack.label_answer)
        text = self.fill(template, phrase, fact.subject, value=fact.value or "", quoted=False)
        return re.sub(r"([.!?…])\.$", r"\1", text)

    def fill(
        self,
        template: str,
        phrase: Phrase,
        subject: str,
        *,
        value: str = "",
        chunk: str = "",
        proposed: str = "",
        other: Phrase | None = None,
        value_other: str = "",
        subject_other: str = "",
        quoted: bool = True,
    ) -> str:
        """A template in words; the first letter is a capital unless people would type it otherwise."""
        words = self._subjects(subject, quoted)
        if value or chunk or proposed or other or value_other or subject_other:
            words = words | {"value": value, "chunk": chunk, "proposed": proposed, "value_other": value_other}
            if other:
                words |= {"noun_other": other.noun, "bare_other": other.bare, "which_other": other.which}
            if subject_other:
                second = self._subjects(subject_other, quoted)
                words |= {"subject_other": second["subject"], "of_subject_other": second["of_subject"]}
        text = phrase.put_into(template).format_map(words)
        return text if template.startswith(_TYPED) else text[:1].upper() + text[1:]

    # -- subjects ----------------------------------------------------------------------------------------------------

    @cached_property
    def _subjects(self) -> Callable[[str, bool], dict[str, str]]:
        """(subject, whether a long one is quoted) -> all that is said with it; the newest are kept."""
        return lru_cache(maxsize=64)(self._said_with)

    def _said_with(self, subject: str, quoted: bool) -> dict[str, str]:
        name = self._name(subject) if quoted else subject
        return dict.fromkeys(GIVEN, "") | {
            "subject": name,
            "of_subject": self._of(name),
            "that_subject": f"qu'{name}" if self._elides(name) else f"que {name}",
            "possessive": f"{name}'" if name.endswith("s") else f"{name}'s",
        }

    def _name(self, subject: str) -> str:
        if len(subject.split()) <= _LONGEST_NAME_WORDS and not re.search(r"[?!:.]\s*$", subject):
            return subject
        return f"« {subject} »" if self.lang == "fr" else f'"{subject}"'

    def _of(self, name: str) -> str:
        if self.lang == "en":
            return f"of {name}"
        for article, merged in (("Le ", "du "), ("Les ", "des ")):
            if name.startswith(article):
                return merged + name[len(article) :]
        return f"d'{name}" if self._elides(name) else f"de {name}"

    def _elides(self, name: str) -> bool:
        """De becomes d' before a vowel; before h and y it stays, as most people write (de Hadoop, de Yunohost)."""
        first = fold(name[:1])[:1]  # "œ" is two letters then, a combining mark none
        return bool(first) and first in _VOWELS and fold(name.split()[0]) not in self._unelided

    # -- attributes --------------------------------------------------------------------------------------------------

    def _asks(self, head: str, kind: Kind | None) -> str | None:
        return (kind.asks if kind else None) or self._heads.get(head)

    def _french(self, label: str, kind: Kind | None, _heading: bool, number: bool) -> Phrase:
        bare = _lower_first(label)
        if kind and kind.noun:
            gender = kind.gender or (
                "f" if kind.noun.startswith("la ") else "fp" if kind.noun.startswith("les ") else "m"
            )
            return self._french_noun(label, kind.noun, re.sub(r"^(?:le|la|les)\s+|^l'", "", kind.noun), gender, kind)
        if number and label_key(label).split()[0] in self._numbered:
            bare = f"numéro {self._of_bare(bare)}"
            return self._french_noun(label, f"le {bare}", bare, "m", kind)
        gender = self._gender(label)
        if gender is None:
            return Phrase(label, "", bare, "", False, kind, self._asks(label_key(label).partition(" ")[0], kind))
        article = "les " if gender.endswith("p") else "l'" if self._takes_l(bare) else "la " if gender == "f" else "le "
        return self._french_noun(label, article + bare, bare, gender, kind)

    def _french_noun(self, label: str, noun: str, bare: str, gender: str, kind: Kind | None) -> Phrase:
        plural = gender.endswith("p")
        head = label_key(bare).partition(" ")[0]
        its = "ses" if plural else "son" if gender == "m" or self._takes_l(bare) else "sa"
        article = {"m": "un", "f": "une"}.get(gender, "des")
        return Phrase(
            label, noun, bare, _FRENCH_WHICH[gender], plural, kind, self._asks(head, kind),
            its=f"{its} {bare}",
            it_is="ce sont" if plural else "c'est",
            what="qui" if self._heads.get(head) == "who" else "quoi",
            that_one={"m": "celui", "f": "celle", "mp": "ceux", "fp": "celles"}[gender],
            the_same={"m": "le même", "f": "la même"}.get(gender, "les mêmes"),
            which_ones="lesquelles" if gender.startswith("f") else "lesquels",
            of_noun=f"des {bare}" if plural else f"du {bare}" if noun.startswith("le ") else f"de {noun}",
            of_bare=self._of_bare(bare),
            a_bare=f"{article} {bare}",
            be="sont" if plural else "est",
        )  # fmt: skip

    def _of_bare(self, bare: str) -> str:
        return f"d'{bare}" if self._takes_l(bare) else f"de {bare}"

    def _gender(self, label: str) -> str | None:
        """m, f, mp or fp by the head noun; None where nothing tells it."""
        words = re.findall(r"[^\W\d_]+(?:-[^\W\d_]+)*", label.lower())
        adjectives = {fold(word) for word in self.pack.adjectives}
        while words and fold(words[0]) in adjectives:
            words.pop(0)
        if not words:
            return None
        head = fold(words[0])
        if head in self._genders:
            return self._genders[head]
        singular = head[:-1] if head.endswith(("s", "x")) else None
        if singular in self._genders:
            return self._genders[singular].rstrip("p") + "p"
        for gender, endings in self.pack.endings.items():
            for ending in endings:
                first = words[0]  # its "é" must not be folded away here: -té is feminine, -te is not always
                if first.endswith(ending) and len(first) > len(ending) + 2:
                    return gender
                if first.endswith(f"{ending}s") and len(first) > len(ending) + 3:
                    return f"{gender}p"
        return None

    def _takes_l(self, bare: str) -> bool:
        word = re.split(r"[\s'’-]", bare)[0]
        first = fold(word[:1])[:1]
        return bool(first) and first in _VOWELS + "h" and fold(word) not in self._unelided

    def _english(self, label: str, kind: Kind | None, heading: bool, number: bool) -> Phrase:
        noun = kind.noun if kind and kind.noun else None
        bare = noun.removeprefix("the ") if noun else _lower_first(label)
        words = bare.split()
        phrase_like = words[0].lower() in _ENGLISH_NO_NOUN or (heading and (len(words) > 3 or words[0].endswith("ing")))
        if noun is None and phrase_like:
            return Phrase(label, "", bare, "", False, kind, self._asks(words[0].lower(), kind))
        if noun is None and number and words[-1].lower() in self._numbered:
            bare = f"{bare} number"
        return self._english_noun(label, noun or f"the {bare}", bare, kind)

    def _english_noun(self, label: str, noun: str, bare: str, kind: Kind | None) -> Phrase:
        head = re.split(r"\s(?:of|for|in|to|by|with|per)\s", bare)[0].split()[-1].lower()
        plural = head.endswith("s") and not head.endswith(_ENGLISH_SINGULAR)
        counted = head in _ENGLISH_COUNTED
        article = ("an " if bare[:1].lower() in _VOWELS else "a ") if counted else ""
        return Phrase(
            label, noun, bare, "what are" if plural else "what is", plural, kind,
            self._asks(label_key(bare).partition(" ")[0], kind) or self._heads.get(head),
            its=f"its {bare}",
            it_is="they are" if plural else "it is",
            that_one="those" if plural else "that",
            the_same="the same",
            which_ones="which ones",
            of_noun=f"of {noun}",
            of_bare=f"of {bare}",
            a_bare=article + bare,
            be="are" if plural else "is",
        )  # fmt: skip


_FRENCH_WHICH = {"m": "quel est", "f": "quelle est", "mp": "quels sont", "fp": "quelles sont"}
_ENGLISH_NO_NOUN = frozenset("how what when where who why which if is are can do does getting using".split())
_ENGLISH_SINGULAR = ("ss", "us", "is", "news", "series", "os")
_ENGLISH_ADJECTIVES = frozenset("open free public private active available mandatory deprecated".split())
_ENGLISH_PREPOSITIONS = frozenset("of for in to by with per on at from under".split())
_ENGLISH_ADJECTIVE = ("ed", "able", "ible", "ant", "free", "source", "only", "ready")
_ENGLISH_COUNTED = frozenset("api app dashboard interface licence license version policy contract mirror mode".split())
#: People type these as they stand: no capital is put in front.
_TYPED = ("{subject}", "{bare} {subject}", "pls ", "{value}", "{proposed}")


def _lower_first(label: str) -> str:
    """ "Site web" -> "site web"; "URL du site" and "iOS" stay."""
    first, _, rest = label.partition(" ")
    if first[1:] != first[1:].lower() or (len(first) > 1 and first.isupper()):
        return label
    return f"{first.lower()} {rest}".strip()
