"""Does a sentence deny that something is known, and hold nothing beside the question's own words?

"The court is never named" asks back what was asked, denies it, and gives nothing: whoever wrote it doesn't know. No
list of wordings is needed for it: every word is the question's, one of grammar, or one about knowing and telling; one
verb more may say what the documents do not do. A name, a number or any other word may be an answer: such a sentence is
left to `dyag_core.text.refusals`.
"""

from __future__ import annotations

import re

from dyag_core.text.normalise import fold, tokens
from dyag_core.text.refusals import SOURCE

_DENYING = frozenset(
    "not no never none nothing nowhere cannot t neither nor unable without fail fails failed lack lacks lacking"
    " missing absent pas rien aucun aucune jamais nulle ni sans manque manquent muet muette muets ignore ignorons"
    " impossible unclear uncertain incertain incertaine beyond outside exceeds depasse depassent hors ignorant"
    " unaware silent quiet faute unknown inconnu inconnue insufficient insuffisant".split()
)
#: How words about knowing and telling begin, and those for what was read.
_KNOWING = re.compile(
    r"(?:know|tell|told|sa(?:y|ys|id)$|stat(?:e|es|ed|ing)$|mention|specif|nam(?:es|ed|ing)$|unknown|unclear|uncertain|inconnu|incertain|ignor|giv(?:e|es|en|ing)$"
    r"|indica|inform|answer|detail|determin|describ"
    r"|reveal|disclos|explain|document|passage|excerpt|text|context|source"
    r"|clue|idea|sai[st]$|savoir|savons|conna|connu|dire$|di(?:t|sent|te|ts|tes)$|precis|indiqu|nomm|donn|repon|cit(?:e|ee|es|ees"
    r"|ent|er)$|element|extrait|evoqu|signal|renseign)"
)
#: Words that may stand there and say something else as well: what isn't included may just not be there.
_BESIDE = re.compile(
    r"(?:f(?:ind|inds|inding|ound)$|identif|provid|contain|includ|list(?:s|ed)?$|cover|record|address|trace|trouv|figur"
    r"|contien|fourni|permet|apparai)"
)
_GRAMMAR = frozenset(
    "i me my we us our you your it its they their them this that these those here there he she who whom whose which"
    " what when where why how whether if is are was were be been being isn aren wasn weren am do does did don doesn"
    " didn have has had haven hasn hadn can could couldn will would won wouldn may might seem seems appear appears"
    " happen let lets allow allows help helps enable to of in on at by from with for about as and or but so also any"
    " anything anywhere enough alone only just exactly simply really actually clearly explicitly directly"
    " unfortunately sadly sorry afraid question questions point matter subject one all even either yet way able"
    " possible see left out up into position pages page anywhere go goes went hand his her remain remains stays"
    " still now regarding concerning given provided based seen shown thing something someone anyone anybody m ve re"
    " s d ll je j me m moi nous on vous votre vos mes mon ma ce c cela ca ceci cet cette ces il elle ils elles lui"
    " leur l y en n ne se s qui que qu quoi quel quelle quels quelles quand ou comment combien pourquoi si est sont"
    " etait ete etre ai avons a ont avait peux peut pouvons puis semble semblent part de d dans par pour sur avec et"
    " mais au aux selon apres meme seul seuls seule seules assez simplement vraiment malheureusement desole navre"
    " question sujet point propos tout chose sa son ses leurs pourrais pourrait saurais saurait reste restent fait"
    " font va vont encore moyen mesure capable possible suis sommes expressement explicitement clairement vois"
    " voit".split()
)
#: What a question asks for: these are told or not told, and are nothing that could be there or not.
_ATTRIBUTES = frozenset(
    "name names date dates day year month time hour age author place location address number amount"
    " price prices cost fee fees figure figures length size height weight distance duration value reason cause"
    " method nom noms annee jour mois heure personne auteur lieu endroit adresse nombre montant prix cout tarif"
    " tarifs chiffre longueur taille hauteur poids duree valeur raison methode".split()
)
_YES_OR_NO = re.compile(
    r"^(?:is|are|was|were|does|do|did|has|have|had|can|could|should|must|will|may|est-ce)\b|-(?:t-)?(?:il|elle|ils"
    r"|elles|on)\b"
)
_ASKING_WORD = re.compile(r"\b(?:qui|quoi|quels?|quelles?|quand|comment|combien|pourquoi|ou)\b")
#: The documents as what does not do something: "the texts do not teach us".
_SOURCE_DENIED = re.compile(
    rf"^\W*(?:\w+ ){{0,3}}?{SOURCE}\b(?: \w+){{0,3}}? (?:(?:do|does|did|could|can|will|would)(?: not|n'?t)|cannot|never"
    r"|n(?:e |')(?:\w+ )?\w+ (?:pas|rien|guere|jamais))\b"
)
_LEAST_STEM = 3


def wants_yes_or_no(question: str) -> bool:
    """Whether a yes or a no answers a question: a denial is the answer then."""
    asked = fold(question)
    return bool(_YES_OR_NO.search(asked)) and not _ASKING_WORD.search(asked)


def gives_nothing(sentence: str, question: str) -> bool:
    """Whether a sentence says that what was asked is not known or told, in the question's own words.

    False where the question is itself about knowing or telling, or asks for a yes or a no.
    """
    asked = [word for word in tokens(question) if word not in _GRAMMAR]
    if not asked or wants_yes_or_no(question) or any(_KNOWING.match(word) for word in asked):
        return False
    said = tokens(sentence)
    attribute = any(word in _ATTRIBUTES for word in said[:2])  # "the date isn't given", not "isn't in the price"
    knows = any(_KNOWING.match(word) or (attribute and _BESIDE.match(word)) for word in said)
    if not knows or not any(word in _DENYING for word in said):
        return False
    others = [
        word
        for word in said
        if word not in _DENYING | _GRAMMAR | _ATTRIBUTES
        and not _KNOWING.match(word)
        and not _BESIDE.match(word)
        and not any(one_word(word, other) for other in asked)
    ]
    one_more = attribute or bool(_SOURCE_DENIED.search(fold(sentence).replace("’", "'")))
    return len(others) <= one_more


def one_word(word: str, other: str) -> bool:
    """Whether two words are forms of one: "chair" and "chairs"."""
    shorter, longer = sorted((word, other), key=len)
    return word == other or (
        len(shorter) > _LEAST_STEM and longer.startswith(shorter) and len(longer) <= len(shorter) + 2
    )
