"""Put a fact into words: noun phrases, questions, answers. What is said comes from the pack; here it is inflected."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

from dyag_core.api import LANGUAGES, fold, languages_told
from dyag_plugins.generators.facts.english import English
from dyag_plugins.generators.facts.french import French
from dyag_plugins.generators.facts.label_text import FOREIGN, FOREIGN_WORDS, in_words
from dyag_plugins.generators.facts.packs import GIVEN, label_key
from dyag_plugins.generators.facts.phrase import Phrase

if TYPE_CHECKING:
    from collections.abc import Callable

    from dyag_core.records import Fact
    from dyag_plugins.generators.facts.packs import Absent, Kind, Pack

__all__ = ["Phrase", "Wordings"]

#: Longer names are sentences by themselves and are set in quotation marks.
_LONGEST_NAME_WORDS = 6
#: Endings of English nouns: "mileage", "viscosity".
_NOUN = re.compile(
    r"[a-z]{2,}(?:age|tion|sion|ment|ity|ness|ance|ence|ship|hood|ism|ist|cy|sis|ure|graphy|logy|metry|er|or|ee|th)s?"
)
#: "The weight in kg of Alba" has no more words.
_SHORT = 3
#: What a price is for, in the other language.
_OTHER_UNITS = {
    "en": re.compile(r"/ ?(?:an|mois|jour|heure|semaine)\b"),
    "fr": re.compile(r"/ ?(?:year|month|day|hour|week)\b"),
}
#: People type these as they stand: no capital is put in front.
_TYPED = ("{subject}", "{bare} {subject}", "pls ", "{value}", "{proposed}")


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
    def _speech(self) -> French | English:
        return English(self.pack) if self.lang == "en" else French(self.pack)

    @cached_property
    def _spelt(self) -> dict[str, str]:
        return {fold(short): words for short, words in self.pack.spelt.items()}

    @cached_property
    def _spellings(self) -> dict[str, str]:
        """Words that packs know with their accents, by their form without."""
        known = [noun for nouns in self.pack.nouns.values() for noun in nouns]
        words = [word for kind in self.pack.kinds for label in kind.labels for word in label.split()]
        plurals = [f"{word}s" for word in known if word[-1:] not in "sxz"]
        return {fold(word): word for word in (*plurals, *words, *known)}

    @cached_property
    def is_attribute(self) -> Callable[[str], bool]:
        """Whether a label, a heading or a column is an attribute that things are known to have.

        That is one of a kind, or with a head noun that the pack lists: what only sounds like one ("Le développement
        local", "Main term 1") is read about, not asked for.
        """
        return lru_cache(maxsize=4096)(self._is_attribute)

    def has_question(self, label: str) -> bool:
        """Whether a label is one of a kind."""
        return label_key(label) in self._kinds

    def names_something(self, label: str) -> bool:
        """Whether a label that isn't known is a noun, as far as its form tells, and says enough of what is under it."""
        key = label_key(label)
        if key in self._vague or not any(map(str.isalpha, key)) or len(key.split()) > _LONGEST_NAME_WORDS:
            return False
        return self._speech.may_be_a_noun(key)

    def _is_attribute(self, label: str) -> bool:
        key = label_key(label)
        if key in self._kinds:
            return True
        if (
            key.startswith(("other ", "others ", "autre ", "autres "))
            or key in self._vague
            or key.removesuffix("s") in self._vague
            or any(map(str.isdigit, key))
            or len(key.split()) > _LONGEST_NAME_WORDS
        ):
            return False
        spelt = label_key(" ".join(self._spelt.get(word, word) for word in key.split()))  # "ad" is "adresse"
        return spelt in self._kinds or self._speech.is_attribute_head(spelt)

    def is_column(self, label: str) -> bool:
        """Whether a column, or a label of a record, has a name that tells what is under it; in French all have."""
        key = label_key(label)
        if self.lang != "en" or key in self._kinds:
            return True
        if key in self._vague and key != "type":
            return False
        head = self._speech.head(key)
        return self.is_attribute(label) or head in self._columns or _NOUN.fullmatch(head) is not None

    @cached_property
    def _columns(self) -> frozenset[str]:
        return frozenset(form for noun in self.pack.columns for form in (fold(noun), f"{fold(noun)}s"))

    @cached_property
    def _vague(self) -> frozenset[str]:
        return frozenset(label_key(label) for label in self.pack.vague)

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
        text = in_words(label, self.lang, self._spelt, self._spellings)
        kind = self._kinds.get(label_key(label)) or self._kinds.get(label_key(text))
        made = self._speech.phrase(label, text, kind, heading, number)
        return replace(made, doubt=FOREIGN) if kind is None and self._is_foreign(text) else made

    def is_foreign(self, value: str) -> bool:
        """Whether a value is in the other language that questions are asked in: "Prix libre", "5 € / mois"."""
        told = languages_told(value)
        other = any(told[lang] for lang in LANGUAGES if lang != self.lang)
        return (other and not told[self.lang]) or _OTHER_UNITS[self.lang].search(fold(value)) is not None

    def _is_foreign(self, text: str) -> bool:
        if not FOREIGN_WORDS[self.lang].isdisjoint(fold(text).split()):
            return True
        told = languages_told(text)
        if told[self.lang] or not any(told.values()):
            return False
        return label_key(text).partition(" ")[0] not in self._own_words

    @cached_property
    def _own_words(self) -> frozenset[str]:
        pack = self.pack
        return frozenset(
            map(fold, (*self._spellings, *pack.predicates, *pack.invariable, *pack.verbs, *pack.attributes))
        )

    def truth(self, label: str) -> tuple[Phrase, tuple[str, ...]]:
        """How to ask whether `label` ("open source", "API publique", "Is active") is true of something."""
        return self._truths(label)

    @cached_property
    def _truths(self) -> Callable[[str], tuple[Phrase, tuple[str, ...]]]:
        return lru_cache(maxsize=1024)(self._true)

    def _true(self, label: str) -> tuple[Phrase, tuple[str, ...]]:
        text = in_words(label, self.lang, self._spelt, self._spellings)
        made, templates = self._speech.truth(label, text)
        return (replace(made, doubt=FOREIGN), ()) if self._is_foreign(text) else (made, templates)

    def absent(self, entry: Absent) -> Phrase:
        """How to speak of something that a user's rules say documents seldom tell."""
        bare = re.sub(r"^(?:le|la|les|the)\s+|^l'", "", entry.noun)
        gender = entry.gender or ("f" if entry.noun.startswith("la ") else "m")
        return self._speech.noun(bare, entry.noun, bare, gender, self._kinds.get(label_key(bare)))

    # -- questions and answers ---------------------------------------------------------------------------------------

    def canonical(self, phrase: Phrase) -> str:
        """The template of the one plain question about a fact."""
        kind = phrase.kind
        if phrase.asks_itself:
            return self.pack.question_frames[0]
        template = kind.canonical if kind else None
        if template is None and kind and kind.noun is None and kind.questions and not phrase.noun:
            template = kind.questions[0]
        if template is None and phrase.noun and self._has_unit(phrase):
            template = next((frame for frame in self.pack.frames if "{possessive}" in frame), None)
        if template is None:
            template = (self.pack.frames if phrase.noun else self.pack.label_frames)[0]
        return template

    def templates(self, phrase: Phrase, value: str | None = None) -> tuple[list[str], list[str]]:
        """(wordings particular to this attribute that fit `value`, wordings for any attribute)."""
        kind = phrase.kind
        general = self.pack.frames if phrase.noun else self.pack.label_frames
        if phrase.noun and self._has_unit(phrase):
            general = [frame for frame in general if "{of_subject}" not in frame]
        if phrase.asks_itself:
            return [], self.pack.question_frames
        if kind is None:
            return [], general
        fit = kind.fits is None or value is None or re.search(kind.fits, value)
        return (kind.questions if fit else []), ([] if kind.broad and kind.questions else general)

    def _has_unit(self, phrase: Phrase) -> bool:
        """Whether nothing can follow: "Alaska's premiums in dollars", not "the premiums in dollars of Alaska"."""
        return self.lang == "en" and phrase.kind is None and " in " in phrase.bare and len(phrase.bare.split()) > _SHORT

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
        if words["subject"].endswith(subject) and template.startswith(_TYPED) and template[-1] not in "?.!":
            words = words | {"subject": subject}  # in a search field nobody types the article
        if value or chunk or proposed or other or value_other or subject_other:
            words = words | {"value": value, "chunk": chunk, "proposed": proposed, "value_other": value_other}
            if other:
                words |= {"noun_other": other.noun, "bare_other": other.bare, "which_other": other.which}
            if subject_other:
                second = self._subjects(subject_other, quoted)
                words |= {"subject_other": second["subject"], "of_subject_other": second["of_subject"]}
        text = phrase.put_into(template).format_map(words)
        typed = template.startswith(_TYPED) and (template[1:8] != "subject" or words["subject"] == subject)
        return text if typed else text[:1].upper() + text[1:]

    def is_of_several(self, name: str) -> bool:
        """Whether a name is that of several things, by its noun: "Guides d'entretien"."""
        return self._speech.is_of_several(name)

    # -- subjects ----------------------------------------------------------------------------------------------------

    @cached_property
    def _subjects(self) -> Callable[[str, bool], dict[str, str]]:
        """(subject, whether a long one is quoted) -> all that is said with it; the newest are kept."""
        return lru_cache(maxsize=64)(self._said_with)

    def _said_with(self, subject: str, quoted: bool) -> dict[str, str]:
        name = self._name(subject) if quoted else subject
        if name == subject:
            name = self._speech.named(name, quoted=quoted)
        return dict.fromkeys(GIVEN, "") | {
            "subject": name,
            "of_subject": self._speech.of(name),
            "that_subject": f"qu'{name}" if self._speech.elides(name) else f"que {name}",
            "possessive": f"{name}'" if name.endswith("s") else f"{name}'s",
        }

    def _name(self, subject: str) -> str:
        if len(subject.split()) <= _LONGEST_NAME_WORDS and not re.search(r"[?!:.]\s*$", subject):
            return subject
        return f"« {subject} »" if self.lang == "fr" else f'"{subject}"'
