"""Put a fact into words: noun phrases, questions, answers. What is said comes from the pack; here it is inflected."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from dyag_core.normalise import fold
from dyag_plugins.generators.packs import label_key

if TYPE_CHECKING:
    from dyag_core.records import Fact
    from dyag_plugins.generators.packs import Absent, Kind, Pack

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
    def _phrases(self) -> dict[tuple[str, bool], Phrase]:
        return {}

    def phrase(self, label: str, *, heading: bool = False) -> Phrase:
        """How to speak of `label`; a `heading` ("Getting started") is taken for a noun only if it is known as one."""
        key = (label, heading)
        if key not in self._phrases:
            kind = self._kinds.get(label_key(label))
            self._phrases[key] = self._english(label, kind, heading) if self.lang == "en" else self._french(label, kind)
        return self._phrases[key]

    def absent(self, entry: Absent) -> Phrase:
        """How to speak of something that documents seldom tell."""
        bare = re.sub(r"^(?:le|la|les|the)\s+|^l'", "", entry.noun)
        if self.lang == "en":
            return Phrase(bare, entry.noun, bare, "what is", False, None)
        gender = entry.gender or ("f" if entry.noun.startswith("la ") else "m")
        return Phrase(bare, entry.noun, bare, _FRENCH_WHICH[gender], gender.endswith("p"), None)

    # -- questions and answers ---------------------------------------------------------------------------------------

    def canonical(self, phrase: Phrase, subject: str) -> str:
        """The one plain question about a fact."""
        kind = phrase.kind
        template = kind.canonical if kind else None
        if template is None and kind and kind.noun is None and kind.questions and not phrase.noun:
            template = kind.questions[0]
        if template is None:
            template = (self.pack.frames if phrase.noun else self.pack.label_frames)[0]
        return self.fill(template, phrase, subject)

    def templates(self, phrase: Phrase) -> tuple[list[str], list[str]]:
        """(wordings particular to this attribute, wordings for any attribute)."""
        general = self.pack.frames if phrase.noun else self.pack.label_frames
        return (phrase.kind.questions if phrase.kind else []), general

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
        other: Phrase | None = None,
        value_other: str = "",
        quoted: bool = True,
    ) -> str:
        """A template in words; the first letter is a capital unless people would type it otherwise."""
        name = self._name(subject) if quoted else subject
        text = template.format(
            subject=name,
            of_subject=self._of(name),
            that_subject=f"qu'{name}" if self._elides(name) else f"que {name}",
            possessive=f"{name}'" if name.endswith("s") else f"{name}'s",
            noun=phrase.noun,
            bare=phrase.bare,
            which=phrase.which,
            label=phrase.label,
            value=value,
            chunk=chunk,
            noun_other=other.noun if other else "",
            bare_other=other.bare if other else "",
            which_other=other.which if other else "",
            value_other=value_other,
            **{"is": "are" if phrase.plural else "is"},
        )
        typed = template.startswith(("{subject}", "{bare} {subject}", "pls ", "{value}"))
        return text if typed else text[:1].upper() + text[1:]

    # -- subjects ----------------------------------------------------------------------------------------------------

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
        first = fold(name[:1])
        return first in _VOWELS and fold(name.split()[0]) not in {fold(word) for word in self.pack.no_elision}

    # -- attributes --------------------------------------------------------------------------------------------------

    def _french(self, label: str, kind: Kind | None) -> Phrase:
        bare = _lower_first(label)
        if kind and kind.noun:
            gender = kind.gender or (
                "f" if kind.noun.startswith("la ") else "fp" if kind.noun.startswith("les ") else "m"
            )
            bare = re.sub(r"^(?:le|la|les)\s+|^l'", "", kind.noun)
            return Phrase(label, kind.noun, bare, _FRENCH_WHICH[gender], gender.endswith("p"), kind)
        gender = self._gender(label)
        if gender is None:
            return Phrase(label, "", bare, "", False, kind)
        article = "les " if gender.endswith("p") else "l'" if self._takes_l(bare) else "la " if gender == "f" else "le "
        return Phrase(label, article + bare, bare, _FRENCH_WHICH[gender], gender.endswith("p"), kind)

    def _gender(self, label: str) -> str | None:
        """m, f, mp or fp by the head noun; None where nothing tells it."""
        words = re.findall(r"[^\W\d_]+(?:-[^\W\d_]+)*", fold(label))
        adjectives = {fold(word) for word in self.pack.adjectives}
        while words and words[0] in adjectives:
            words.pop(0)
        if not words:
            return None
        head = words[0]
        if head in self._genders:
            return self._genders[head]
        singular = head[:-1] if head.endswith(("s", "x")) else None
        if singular in self._genders:
            return self._genders[singular].rstrip("p") + "p"
        for gender, endings in self.pack.endings.items():
            for ending in endings:
                # "é" must not be folded away here: -té is feminine, -te is not always.
                first = re.findall(r"[^\W\d_]+", label.lower())[0]
                if first.endswith(ending) and len(first) > len(ending) + 2:
                    return gender
                if first.endswith(f"{ending}s") and len(first) > len(ending) + 3:
                    return f"{gender}p"
        return None

    def _takes_l(self, bare: str) -> bool:
        word = re.split(r"[\s'’-]", bare)[0]
        return fold(word[:1]) in _VOWELS + "h" and fold(word) not in {fold(other) for other in self.pack.no_elision}

    def _english(self, label: str, kind: Kind | None, heading: bool) -> Phrase:
        noun = kind.noun if kind and kind.noun else None
        bare = noun.removeprefix("the ") if noun else _lower_first(label)
        words = bare.split()
        phrase_like = words[0].lower() in _ENGLISH_NO_NOUN or (heading and (len(words) > 3 or words[0].endswith("ing")))
        if noun is None and phrase_like:
            return Phrase(label, "", bare, "", False, kind)
        head = re.split(r"\s(?:of|for|in|to|by|with|per)\s", bare)[0].split()[-1].lower()
        plural = head.endswith("s") and not head.endswith(_ENGLISH_SINGULAR)
        return Phrase(label, noun or f"the {bare}", bare, "what are" if plural else "what is", plural, kind)


_FRENCH_WHICH = {"m": "quel est", "f": "quelle est", "mp": "quels sont", "fp": "quelles sont"}
_ENGLISH_NO_NOUN = frozenset("how what when where who why which if is are can do does getting using".split())
_ENGLISH_SINGULAR = ("ss", "us", "is", "news", "series", "os")


def _lower_first(label: str) -> str:
    """ "Site web" -> "site web"; "URL du site" and "iOS" stay."""
    first, _, rest = label.partition(" ")
    if first[1:] != first[1:].lower() or (len(first) > 1 and first.isupper()):
        return label
    return f"{first.lower()} {rest}".strip()
