"""A label as people say it, and whether anybody would: "nbre_places", "PRIX (€)", "Header 0.2", "Qui contacter ?"."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dyag_core.api import fold

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Reasons not to ask.
UNSAID = "a label that nobody would say"
FOREIGN = "a label in another language than its document"
NO_QUESTION = "a yes or no under a label that makes no question"

_MOST_WORDS = 6
_BRACKET = re.compile(r"\s*[(\[]([^()\[\]]{1,24})[)\]]\s*$")
_PLURAL = re.compile(r"(?<=\w)\((e?s|x)\)")
_CAMEL = re.compile(r"(?<=[a-zà-ÿ]{2})(?=[A-Z][a-z])")
#: Units in brackets, as they are said after "en" or "in".
_UNITS = {
    "fr": {
        "€": "euros", "eur": "euros", "euros": "euros", "k€": "milliers d'euros", "m€": "millions d'euros",
        "$": "dollars", "usd": "dollars", "£": "livres", "%": "pourcentage", "j": "jours", "jours": "jours",
        "h": "heures", "heures": "heures", "min": "minutes", "minutes": "minutes", "s": "secondes",
        "ms": "millisecondes", "mois": "mois", "ans": "années", "années": "années",
    },
    "en": {
        "€": "euros", "eur": "euros", "euros": "euros", "k€": "thousand euros", "m€": "million euros", "$": "dollars",
        "usd": "dollars", "£": "pounds", "%": "per cent", "days": "days", "h": "hours", "hours": "hours",
        "min": "minutes", "minutes": "minutes", "s": "seconds", "ms": "milliseconds", "weeks": "weeks",
        "months": "months", "years": "years",
    },
}  # fmt: skip
_PLAIN_UNITS = frozenset(
    "kg g mg t km m cm mm km² m² m2 km2 ha m³ m3 l ml cl kw kwh mw mwh gwh w v a hz mhz ghz go mo ko to gb mb kb tb "
    "db °c °f bar pa kcal kj mol px pt lb oz ft in mi mph km/h kg/m³ g/l mg/l".split()
)
#: "Poids (kg, net)", "Price (EUR, gross)".
_NET = re.compile(r"\b(net|brut|gross)\b,?", re.IGNORECASE)
_TAXES = frozenset(("ht", "ttc"))
_SIGNS = re.compile(r"[?!:;,/\\\"“”«»<>=|#…*{}@&+]|\.\w|\w\.\s|://")
_GENERIC = frozenset(
    "column colonne col header entete section row ligne field champ value valeur unnamed var variable item element "
    "donnee donnees data info infos texte text cell cellule misc divers autre autres other others key cle vide empty "
    "none null unknown inconnu untitled total sous subtotal main term".split()
)
#: Columns for months, or days: "the January of Water" is said by nobody; "the opening of Monday" is of a place.
CALENDAR = frozenset(
    "janvier fevrier mars avril mai juin juillet aout septembre octobre novembre decembre lundi mardi mercredi jeudi "
    "vendredi samedi dimanche january february march april may june july august september october november december "
    "monday tuesday wednesday thursday friday saturday sunday jan feb mar apr jun jul aug sep oct nov dec".split()
)
_VOWEL = re.compile(r"[aeiouy]")
_IDENTIFIERS = frozenset("id ids uuid guid slug hash uid oid pk fk".split())
_WORD = re.compile(r"\w+")
#: Words of fields that only the other language has, where a label is too short to tell: "contact link", "doc link".
FOREIGN_WORDS = {
    "fr": frozenset("by end external file first is key last link links name owner path tagline update updated".split()),
    "en": frozenset("adresse etat lien liens mise modele nom statut sujet titre".split()),
}


def in_words(label: str, lang: str, spelt: Mapping[str, str], spellings: Mapping[str, str]) -> str:
    """`label` as people write it: abbreviations spelt out, accents and small letters back, a unit as "en euros".

    Args:
        spelt: what abbreviations stand for, folded ("nbre": "nombre").
        spellings: words by their folded form, to give back accents that a field's name hasn't got.
    """
    text = _CAMEL.sub(" ", _PLURAL.sub(r"\1", label.strip(" *_`:·•-–—").replace("_", " ")))
    text = " ".join(text.split())
    unit = ""
    if bracket := _BRACKET.search(text):
        inner, how = _NET.subn("", bracket[1])
        inner = inner.strip(" ,")
        unit = _unit(inner, lang)
        if not unit:
            return text
        text = text[: bracket.start()].rstrip()
        if how and (net := _NET.search(bracket[1])):
            text = f"{text} {net[1].lower()}" if lang == "fr" else f"{net[1].lower()} {lower_first(text)}"
    shouted = text.isupper() and any(len(word) > 4 or fold(word) in spellings for word in _WORD.findall(text))
    titled = len(text.split()) > 1 and lang == "en" and all(word[:1].isupper() for word in text.split())
    words = []
    for word in text.split():
        key = fold(word).rstrip(".")
        if key in spelt:
            if words and fold(spelt[key]).startswith(f"{fold(words[-1])} "):  # "code_insee" is one code
                words.pop()
            words.append(spelt[key])
        elif key in spellings and (shouted or (word.isascii() and word.islower())):
            words.append(spellings[key])
        elif (shouted and len(word) > 3) or (titled and words and word[1:].islower()):
            words.append(word.lower())
        else:
            words.append(word)
    return " ".join(words) + unit


def _unit(bracket: str, lang: str) -> str:
    """What a unit adds to its label: " en euros TTC"; "" for a bracket that holds something else."""
    said, taxes = "", ""
    for part in re.split(r"[\s,]+", bracket.strip().lower().removeprefix("en ").removeprefix("in ")):
        if part in _TAXES:
            taxes = f" {part.upper()}"
        elif not said and part in _UNITS[lang]:
            said = f" {'en' if lang == 'fr' else 'in'} {_UNITS[lang][part]}"
        elif not said and part in _PLAIN_UNITS:
            said = f" {'en' if lang == 'fr' else 'in'} {bracket.strip().removeprefix('en ').removeprefix('in ')}"
        else:
            return ""
    return said + taxes


def is_unsaid(text: str) -> bool:
    """Whether nobody would say a label: numbered, a code, a sign, a crowd of words, an abbreviation nobody knows."""
    words = _WORD.findall(text)
    if not 0 < len(words) <= _MOST_WORDS + 2 * (" en " in text or " in " in text) or _SIGNS.search(text):
        return True
    if "(" in text or ")" in text or "[" in text or (len(words) == 1 and len(text) == 1):
        return True
    keys = [fold(word) for word in words]
    if (
        all(key in _GENERIC or key in CALENDAR or len(key) == 1 for key in keys)
        or keys[0] in _IDENTIFIERS
        or keys[-1] in _IDENTIFIERS
    ):
        return True
    return any(map(_is_odd, words))


def _is_odd(word: str) -> bool:
    letters = sum(map(str.isalpha, word))
    if letters < len(word):
        return not (0 < letters <= 4 and any(map(str.isupper, word))) and word.lower() not in _PLAIN_UNITS
    return 2 <= len(word) <= 5 and word.islower() and not _VOWEL.search(fold(word)) and word not in _PLAIN_UNITS


def is_placeholder(text: str) -> bool:
    """Whether a term is one of an example: "Main Term 1", "Item B"."""
    keys = [fold(word) for word in _WORD.findall(text)]
    return len(keys) > 1 and len(keys[-1]) == 1 and all(key in _GENERIC or len(key) == 1 for key in keys)


def lower_first(label: str) -> str:
    """ "Site web" -> "site web"; "URL du site" and "iOS" stay."""
    first, _, rest = label.partition(" ")
    if first[1:] != first[1:].lower() or (len(first) > 1 and first.isupper()):
        return label
    return f"{first.lower()} {rest}".strip()
