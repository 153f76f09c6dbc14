"""French labels as phrases: gender, articles, elision, and what can be asked of a label that is true or not."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from dyag_core.api import fold
from dyag_plugins.generators.facts.label_text import NO_QUESTION, UNSAID, is_unsaid, lower_first
from dyag_plugins.generators.facts.packs import folded, label_key
from dyag_plugins.generators.facts.phrase import Phrase, question_phrase

if TYPE_CHECKING:
    from dyag_plugins.generators.facts.packs import Kind, Pack

_VOWELS = "aeiou"
_WHICH = {"m": "quel est", "f": "quelle est", "mp": "quels sont", "fp": "quelles sont"}
_ARTICLE = re.compile(r"^(?:(?P<m>le|un) |(?P<f>la|une) |(?P<p>les|des) |(?P<l>l['’]))(?=\w)", re.IGNORECASE)
#: A field's name has lost the hyphen behind these.
_PREFIX = re.compile(r"^(sous|mi|demi|vice|co|ex|avant|après) (?=[a-zà-ÿ])", re.IGNORECASE)
#: "Salle A", "Gare 12": a noun with a sign is a name by itself.
_LONGEST_SIGN = 3
#: "nombre de PMR": of what such letters stand for, nobody counts the letters.
_COUNTED_SIGLE = re.compile(r"(?:[Nn]ombre|[Nn]uméro) (?:de |d')?[A-Z]{2,5}")
#: "dataset_url": what it leads to stands first there.
_URL_OF = re.compile(r"(\w.*) (?:URL|url|Url)")
_EST_CE = re.compile(r"^(est) (ce)\b", re.IGNORECASE)
#: What no noun begins with.
_NO_NOUN = frozenset(
    "a au aux en dans sur sous pour par avec sans chez vers selon avant apres depuis pendant entre contre et ou mais "
    "donc car si que qui quoi dont ce cet cette ces mon ma mes ton ta tes son sa ses notre nos votre vos leur leurs "
    "je tu il elle on nous vous ils elles ne pas plus tres bien deja aussi alors ainsi comme est sont etre avoir ont "
    "fait peut doit y voir savoir faire aller tout tous toute toutes chaque plusieurs quelques aucun aucune de du "
    "d".split()
)
#: A question to the reader of one page.
_POINTS = re.compile(r"\b(?:nous|vous|notre|votre|nos|vos|tu|ton|ta|tes|ce|cette|cela|this|these)\b")
_QUESTION = re.compile(
    r"^(?:(?:a|de|par|pour|avec|depuis|chez|en|dans|sous|sur) )?(?:qui|que|qu['’]|quoi|quel(?:le)?s?|quand|comment"
    r"|combien|pourquoi|ou(?= (?:est|se|sont|trouver|aller|peut|puis|faut|deposer|acheter|s))|est-ce|lequel|laquelle"
    r"|lesquel(?:le)?s)\b|^\w+-(?:t-)?(?:il|elle|ils|elles|on|ce|vous|tu)\b|^y a-t-il\b"
)
#: Beside one of these nouns another one takes "de" alone ("type de parking"), beside those below an article.
_OF_A_KIND = frozenset(
    "type date nombre mode niveau numero taux duree annee heure unite format cause motif nature".split()
)
_OF_SOMETHING = frozenset(
    "nom adresse code lieu statut etat commune libelle titre intitule prix ville pays description".split()
)
_STAYS = frozenset(
    "public publique limite cible source mail email courriel url web internet ip client type mere cle pilote "
    "pays".split()
)


#: What somebody or something is, rather than has: "Est-ce que la Norvège est membre de l'UE ?"
_ROLES = frozenset("membre adherent adherente partenaire beneficiaire abonne abonnee laureat laureate donneur".split())


_NOUN_ENDINGS = (
    "tion", "sion", "age", "ment", "ite", "ance", "ence", "ture", "eur", "ette", "isme", "logie", "metrie", "ure",
    "esse",
)  # fmt: skip


class French:
    """Labels in French, with one pack."""

    lang = "fr"

    def __init__(self, pack: Pack) -> None:
        self._pack, self._heads = pack, pack.heads
        #: the gender of each noun that the pack lists, folded
        self.genders: dict[str, str] = {fold(noun): gender for gender, nouns in pack.nouns.items() for noun in nouns}
        self._unelided, self._numbered = folded(pack.no_elision), folded(pack.numbered)
        self._amounts = folded(pack.amounts)
        self._invariable, self._verbs = folded(pack.invariable), folded(pack.verbs)
        self._predicates = folded(pack.predicates) | self._invariable
        self._common = {fold(noun): gender for gender, nouns in pack.common.items() for noun in nouns}
        self._never_had, self._adjectives = folded(pack.never_had), folded(pack.adjectives)
        endings = [ending for some in pack.endings.values() for ending in some]
        self._endings = (*endings, *(f"{ending}s" for ending in endings))

    def phrase(self, label: str, text: str, kind: Kind | None, heading: bool, number: bool) -> Phrase:
        """How to speak of `label`, which people say as `text`."""
        if kind and kind.noun:
            gender = kind.gender or (
                "f" if kind.noun.startswith("la ") else "fp" if kind.noun.startswith("les ") else "m"
            )
            return self.noun(label, kind.noun, re.sub(r"^(?:le|la|les)\s+|^l'", "", kind.noun), gender, kind)
        text = _EST_CE.sub(r"\1-\2", text)
        if not kind and (thing := _URL_OF.fullmatch(text)) and (gender := self._gender(thing[1])):
            text = f"URL {self._of_the(thing[1], gender)}"
        if not kind and (text.rstrip().endswith("?") or _QUESTION.match(fold(text))):
            asked = lower_first(text.rstrip(" ?"))
            return question_phrase(label, asked, _POINTS)
        text, gender = self._without_article(_PREFIX.sub(r"\1-", text))
        if not kind:
            text = self._joined(text)
        bare = lower_first(text)
        head = _head(bare)
        if number and head in self._numbered:
            bare = f"numéro {self._of_bare(bare)}"
            return self.noun(label, f"le {bare}", bare, "m", kind)
        gender = self._gender(text) or gender
        several = gender is not None and gender.endswith("p") and not {head, head[:-1]} & self._amounts
        if number and several and not kind and not self._doubt(text, head, gender):
            bare = f"nombre {self._of_bare(bare)}"
            return self.noun(label, f"le {bare}", bare, "m", kind)
        if gender is None:
            doubt = "" if kind else self._doubt(text, head, gender)
            asks, of_bare = self._asks(head, kind), self._of_bare(bare)
            return Phrase(label, "", bare, "", False, kind, asks, of_bare=of_bare, doubt=doubt)
        article = "les " if gender.endswith("p") else "l'" if self._takes_l(bare) else "la " if gender == "f" else "le "
        made = self.noun(label, article + bare, bare, gender, kind)
        doubt = "" if kind else self._doubt(text, head, gender)
        return replace(made, doubt=doubt) if doubt else made

    def noun(self, label: str, noun: str, bare: str, gender: str, kind: Kind | None) -> Phrase:
        """A noun phrase of a known gender with all its forms."""
        plural = gender.endswith("p")
        head = _head(bare)
        its = "ses" if plural else "son" if gender == "m" or self._takes_l(bare) else "sa"
        article = {"m": "un", "f": "une"}.get(gender, "des")
        return Phrase(
            label, noun, bare, _WHICH[gender], plural, kind, self._asks(head, kind),
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

    def truth(self, label: str, text: str) -> tuple[Phrase, tuple[str, ...]]:
        """How to ask whether `label` is true of something; the phrase has its doubt where nobody would ask it so."""
        text = _EST_CE.sub(r"\1-\2", text)
        pack, bare = self._pack, lower_first(text)
        if text.rstrip().endswith("?") or _QUESTION.match(fold(text)):
            return self.phrase(label, text, None, False, False), tuple(pack.question_frames)
        words = label_key(bare).split()
        said = Phrase(label, "", bare, "", False, None, doubt=UNSAID if is_unsaid(text) else "")
        if not words or said.doubt:
            return replace(said, doubt=UNSAID), ()
        first, rest = words[0], bare.partition(" ")[2]
        if rest and first in ("est", "is"):
            return self._adjective(replace(said, bare=rest), label_key(rest).split()[0])
        if rest and first in ("a", "has", "possede"):
            rest = re.sub(r"^(?:un|une|des|de|le|la|les) ", "", rest)
            return self._had(label, rest)
        if rest and first in self._verbs:
            return said, tuple(pack.verb_questions)
        if first in _ROLES:
            return said, tuple(pack.adjective_questions)
        if first in self.genders or first.rstrip("sx") in self.genders:
            return self._had(label, text)
        if first in self._predicates or first.removesuffix("e") in self._predicates or _is_participle(bare):
            return self._adjective(said, first)
        return self._had(label, text)

    def is_of_several(self, name: str) -> bool:
        """Whether a name is that of several things: "Guides d'entretien", "Vidéos de révision"."""
        first, _, rest = fold(name).partition(" ")
        known = first[:-1] in self._common or first[:-1] in self.genders
        return known and first.endswith(("s", "x")) and first not in self.genders and rest[:1].isalpha()

    def named(self, name: str, *, quoted: bool) -> str:
        """A name as it stands in a sentence; where `quoted`, in quotation marks if it is none without them.

        One that begins with a common noun takes its article ("l'Aire de Mées sud"). Marks are for one of which nothing
        tells whether it does ("Parking Super U"), and for several things ("Guides d'Etalab").
        """
        first, _, rest = name.partition(" ")
        key = fold(first)
        several = self.is_of_several(name)
        if not rest or (rest.isalnum() and len(rest) <= _LONGEST_SIGN) or not (several or key in self._common):
            return name
        if several or not (rest[0].islower() or rest[0] == "("):
            return f"« {name} »" if quoted else name
        return self._article(first, self._common[key]) + name

    def _article(self, noun: str, gender: str) -> str:
        return "l'" if self._takes_l(noun) else "la " if gender == "f" else "le "

    def of(self, name: str) -> str:
        """De with a name: "de Git", "d'Ansible", "du Monde"."""
        for article, merged in (("le ", "du "), ("les ", "des ")):
            if name[: len(article)].lower() == article:
                return merged + name[len(article) :]
        return f"d'{name}" if self.elides(name) else f"de {name}"

    def elides(self, name: str) -> bool:
        """De becomes d' before a vowel; not before h and y, as most people write (de Hadoop), nor the sign "a|b"."""
        if name[1:2] and name[1] in "|/=+*<>":
            return False
        first = fold(name[:1])[:1]  # "œ" is two letters then, a combining mark none
        return bool(first) and first in _VOWELS and fold(name.split()[0]) not in self._unelided

    def head(self, key: str) -> str:
        """The noun that a label, in the form in which labels are compared, is about."""
        return key.partition(" ")[0]

    def is_attribute_head(self, key: str) -> bool:
        """Whether a label, in the form in which labels are compared, has a noun of the pack as its head."""
        head = key.partition(" ")[0]
        if head in self.genders or head in self._predicates:
            return True
        return head.endswith(("s", "x")) and head[:-1] in self.genders

    def may_be_a_noun(self, key: str) -> bool:
        """Whether the head of a label is a noun by its ending, or its plural: "réduit" and "plein" are none."""
        head = key.partition(" ")[0]
        return self.is_attribute_head(key) or head.endswith(_NOUN_ENDINGS) or (len(head) > 3 and head.endswith("s"))

    # -- what is behind it -------------------------------------------------------------------------------------------

    def _adjective(self, said: Phrase, first: str) -> tuple[Phrase, tuple[str, ...]]:
        """Of no known gender is what is asked about: "c'est gratuit" suits all."""
        pack = self._pack
        if said.bare.partition(" ")[0].endswith("é"):
            return said, tuple(pack.neutral_questions)
        if first in self._invariable or first.endswith(("able", "ible", "aire", "ique")):
            return said, tuple(pack.adjective_questions)
        feminine = first.removesuffix("e") in self._predicates and first not in self._predicates
        if feminine or said.bare.partition(" ")[0].endswith("ée"):
            return said, tuple(pack.adjective_questions)
        if first in self._predicates:
            return said, tuple(pack.neutral_questions)
        return replace(said, doubt=NO_QUESTION), ()

    def _had(self, label: str, text: str) -> tuple[Phrase, tuple[str, ...]]:
        """Whether something has what a noun names."""
        text = self._joined(self._without_article(text)[0])
        head = _head(text)
        bare = lower_first(text)
        gender = self._gender(text)
        alone = len(label_key(text).split()) == 1
        odd = alone and (head in self._never_had or head.endswith("ite"))
        if gender is None or head in _NO_NOUN or odd:
            return Phrase(label, "", bare, "", False, None, doubt=NO_QUESTION), ()
        return self.noun(label, f"le {bare}", bare, gender, None), tuple(self._pack.noun_questions)

    def _without_article(self, text: str) -> tuple[str, str | None]:
        found = _ARTICLE.match(text)
        if found is None:
            return text, None
        gender = next((gender for gender in ("m", "f") if found[gender]), None)
        return text[found.end() :], gender

    def _joined(self, text: str) -> str:
        """Two nouns of a field's name with what stands between them: "nom lieu", "nom du lieu"."""
        words = text.split()
        if len(words) < 2:
            return text
        first, second = fold(words[0]), fold(words[1])
        noun = self.genders.get(second) or (self.genders.get(second[:-1]) if second.endswith("s") else None)
        if second in _STAYS or first not in _OF_A_KIND | _OF_SOMETHING:
            return text
        rest = " ".join(words[1:])
        if noun and (first in _OF_A_KIND or second.endswith("s")):
            return f"{words[0]} {self._of_bare(rest)}"
        if noun:
            return f"{words[0]} {self._of_the(rest, noun)}"
        return f"{words[0]} {self._of_bare(rest)}" if first in _OF_A_KIND and words[1].isupper() else text

    def _doubt(self, text: str, head: str, gender: str | None) -> str:
        if is_unsaid(text) or head in _NO_NOUN or head in self._verbs or _COUNTED_SIGLE.fullmatch(text):
            return UNSAID
        if head not in self.genders and (head in self._predicates or head.removesuffix("e") in self._predicates):
            return UNSAID
        if head in self.genders or head.rstrip("sx") in self.genders or (gender and len(head) > 4):
            return ""
        # Of a word that isn't known: a field's name in small letters may be one of a program, a verb says what to do.
        return UNSAID if text[0].islower() or re.fullmatch(r"[a-z]{3,}(?:er|ir)", head) or _is_participle(text) else ""

    def _asks(self, head: str, kind: Kind | None) -> str | None:
        return (kind.asks if kind else None) or self._heads.get(head)

    def _of_the(self, bare: str, gender: str) -> str:
        if gender.endswith("p"):
            return f"des {bare}"
        return f"de l'{bare}" if self._takes_l(bare) else f"de la {bare}" if gender == "f" else f"du {bare}"

    def _of_bare(self, bare: str) -> str:
        return f"d'{bare}" if self._takes_l(bare) else f"de {bare}"

    def _takes_l(self, bare: str) -> bool:
        word = re.split(r"[\s'’-]", bare)[0]
        first = fold(word[:1])[:1]
        return bool(first) and first in _VOWELS + "h" and fold(word) not in self._unelided

    def _gender(self, label: str) -> str | None:
        """m, f, mp or fp by the head noun; None where nothing tells it."""
        words = re.findall(r"[^\W\d_]+(?:-[^\W\d_]+)*", label.lower())
        while words and fold(words[0]) in self._adjectives:
            words.pop(0)
        if not words:
            return None
        head = fold(words[0])
        if head in self.genders:
            return self.genders[head]
        singular = head[:-1] if head.endswith(("s", "x")) else None
        if singular in self.genders:
            return self.genders[singular].rstrip("p") + "p"
        first = words[0]  # its "é" must not be folded away here: -té is feminine, -te is not always
        if not first.endswith(self._endings):  # of most words that aren't known: much faster than one by one
            return None
        for gender, endings in self._pack.endings.items():
            for ending in endings:
                if first.endswith(ending) and len(first) > len(ending) + 1:
                    return gender
                if first.endswith(f"{ending}s") and len(first) > len(ending) + 2:
                    return f"{gender}p"
        return None


def _head(text: str) -> str:
    """The word that a label begins with, folded: "sous-traitance" is one."""
    return fold(re.split(r"[\s'’]", text.strip(), maxsplit=1)[0])


def _is_participle(bare: str) -> bool:
    """ "Validé", "chiffrée"; not "qualité"."""
    first = bare.split()[0].lower()
    return len(first) > 4 and first.endswith(("é", "ée")) and not first.endswith(("ité", "eté", "auté", "erté"))
