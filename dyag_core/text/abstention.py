"""Does an answer say that it doesn't know? By fixed phrases, in French and in English.

Phrases are looked for in the folded text (lower case, no accents). A model that says "I don't know" and then guesses
has still abstained: the metrics that read this give it no credit for the guess.
"""

from __future__ import annotations

import re

from dyag_core.text.normalise import fold, normalise

#: The answer that the generators give where the documents don't tell.
UNKNOWN = {
    "en": "I don't know: the documents do not say.",
    "fr": "Je ne sais pas : les documents ne le disent pas.",
}
_SOURCE = (
    r"(?:documents?|documentation|passages?|extraits?|textes?|contextes?|sources?|fiches?|contexts?|texts?|excerpts?)"
)
_TOLD = r"(?:precise|indique|mentionne|renseigne|specifie|fourni|communique|connu|disponible)e?s?"
_STATED = r"(?:specified|mentioned|stated|provided|given|indicated|known|available|listed|documented)"
_PHRASES = re.compile(
    r"\b(?:"
    # French
    r"(?:je )?(?:ne |n['’])?(?:sais|connais) pas\b|je l['’]ignore\b|j['’]ignore\b|je n['’]en sais rien\b"
    r"|je n['’]ai (?:pas|aucune?)(?: d['’]| de | l['’]| cette )?\s?(?:information|reponse|donnee|element)"
    r"|je ne (?:peux|puis|suis) pas (?:repondre|en mesure de repondre|le dire)"
    rf"|(?:n['’]est|ne sont|n['’]etait) pas {_TOLD}\b|^(?:information )?non {_TOLD}\b"
    rf"|{_SOURCE} ne (?:le |la |les |l['’])?"
    r"(?:dis|di|precis|indiqu|mentionn|donn|specifi|fourni|contien|permet|repond)\w* pas"
    rf"|{_SOURCE} n['’](?:indiqu|en parl|en di|en mentionn)\w* pas"
    r"|aucune? (?:information|reponse|donnee|mention|indication|precision)\b|pas d['’]informations?\b"
    r"|information (?:absente|manquante|inconnue)\b|^inconnue?s?\b"
    # English
    r"|(?:do not|don['’]?t|does not|doesn['’]?t) know\b|i am not sure\b|i['’]m not sure\b|not sure\b|i have no idea\b"
    r"|(?:can ?not|can['’]?t|unable to|not able to) (?:answer|say|tell|determine|find)\b"
    rf"|(?:is|are|was|were) (?:not|n['’]t) {_STATED}\b|(?:is|are|was|were)n['’]t {_STATED}\b|^not {_STATED}\b"
    rf"|{_SOURCE} (?:do|does|did)(?: not|n['’]?t) (?:say|state|mention|specify|provide|tell|contain|indicate|give)"
    r"|no (?:information|answer|mention|data|indication)\b|no such information\b|^unknown$|is unknown\b|^n/a$"
    r")"
)
_FIXED = frozenset(normalise(text) for text in UNKNOWN.values())


def abstains(answer: str) -> bool:
    """True where the answer says that it doesn't know, or that the documents don't tell. An empty answer does not."""
    text = " ".join(fold(answer).split()).strip(" .!")
    return bool(_PHRASES.search(text)) or normalise(answer) in _FIXED
