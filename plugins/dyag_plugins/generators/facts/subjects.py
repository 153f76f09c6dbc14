"""Is a title the name of something that has a licence, a contact, a version? Many titles of texts are not."""

from __future__ import annotations

import re
from functools import lru_cache

from dyag_core.api import fold

_MOST_WORDS = 9
#: Titles that say what part of something a page is, not what it is about.
_GENERIC = frozenset(
    "accueil aide annexe annexes assistance background bibliographie bienvenue brouillon changelog chapitre chapter "
    "conclusion contact contacts contents contenu definition definitions divers doc docs document documentation "
    "documents draft example examples exemple exemples faq general generalites glossaire glossary header help home "
    "index information informations introduction lexique lien liens links menu news notes overview page partie "
    "preambule preface presentation questions readme redirection reference references resources ressources resume "
    "section sommaire summary terminology terminologie titre toc untitled vocabulaire vocabulary welcome".split()
) | {
    "a propos", "compte rendu", "proces verbal", "meeting notes", "en bref", "foire aux questions",
    "frequently asked questions", "getting started", "in short", "lexique des termes techniques",
    "liens utiles", "mentions legales", "on this page", "plan du site",
    "pour aller plus loin", "questions et reponses", "questions frequentes", "questions reponses", "read me",
    "retour d experience", "retours d experience",
    "sans titre", "see also", "sur cette page", "table des matieres", "table of contents", "useful links", "voir aussi",
}  # fmt: skip
#: "General contacts", "Autres informations"
_OF_ALL = frozenset(
    "general generales generaux autres other more further additional useful utiles quick key main".split()
)
#: Words that no name begins with: what follows is a clause, or says where or how.
_NO_NAME = frozenset(
    "bienvenue comment pourquoi quand ou que qui quoi quel quelle quels quelles si ce cet cette ces nous vous je on "
    "il elle "
    "pour dans avec sans sur en vers chez selon par depuis mon ma mes votre vos notre nos apres avant aux des how why "
    "when where what which who if this these we you i my your our in at with without for from to by about after "
    "before are is can do does install installing use using getting setting make making create creating add adding "
    "choose choosing configure configuring manage managing run running write writing find understand understanding "
    "contribute contributing connect connecting migrate migrating update updating upgrade upgrading try trying test "
    "testing learn learning build building see open start".split()
)
#: Verbs that begin an instruction in lower case ("Retire a repo"), and names in capitals ("Remove the Head").
_ORDERS = frozenset(
    "apply assign avoid become bring buy cancel check clean convert debug delete deploy disable edit enable ensure "
    "escalate explain fix fork generate get give grant handle identify implement improve include increase integrate "
    "investigate join keep modify notify obtain organize perform prepare prevent provide publish purge receive recover "
    "reduce remove rename renew replace request resolve respond restart restore retire retrieve revert rotate select "
    "send set solve specify submit switch take talk transition troubleshoot turn undo unlock unpublish upload verify "
    "view wait work".split()
)
_OBJECTS = frozenset("a an the your our my all this these its".split())
#: Some of them begin names, too, with capitals throughout: "Open EDX", "IS Designer".
_IN_NAMES = frozenset("build find is make open run see start test write".split())
#: Verbs that end like more nouns than verbs do.
_VERBS = frozenset(
    "apprendre associer beneficier certifier choisir clarifier comprendre concevoir confier connaitre construire "
    "copier decouvrir decrire dire ecrire etudier faire identifier inscrire introduire joindre justifier lier lire "
    "mettre modifier notifier obtenir planifier prendre produire publier qualifier recevoir rediger reduire rejoindre "
    "relier rendre repondre savoir simplifier soumettre specifier suivre traduire transmettre trier verifier "
    "voir".split()
)
#: The end of an address: "lieux-de-covoiturage-a-la-ville-dantibes".
_SLUG = re.compile(r"[a-z0-9]+(?:[-_][a-z0-9]+){3,}")
#: A verb in the middle makes a sentence of a title: "Les données ne sont utilisées qu'en production".
_FINITE = frozenset("est sont n'est ne doit doivent peut peuvent ont is are must can should has have".split())
_NUMBERED = re.compile(r"\d+[.)]\s")
#: What goes on behind the end of a title: a part of it was no text.
_OPEN_ENDS = frozenset("à avec dans de des du en et ou par pour sans sur with of for to and or in on the".split())
_INFINITIVE = re.compile(r"^[a-z]{2,}(?:er|ir|re|oir)$")
_PART = re.compile(
    r"^(?:an? |the )?(?:brief |short )?(?:advantages?|avantages?|benefits?|inconvenients?|introduction|limits?|limites?"
    r"|lists?|listes?|overview|presentation|histoire|history|regles?|rules?|types?|use cases?|cas) "
    r"(?:of|to|for|de|du|des|d'|a|au|aux)\b"
    r"|differences? (?:entre|between)\b"
    r"|modele (?:de|d')\s?(?:fiche|page|document|lettre|rapport|courrier|standard|guide)"
)
#: An option of a command is called by it.
_OPTION = re.compile(r"^-{1,2}\w[\w-]*(?:[ =,|/<>\[\]\w-]*)$")
_GERUND = re.compile(r"^(?!(?:parking|camping|planning|coworking|meeting|building|marketing)$)[a-z]{3,}ing$")
#: A title that speaks to its reader is no name.
_TO_THE_READER = frozenset("vous votre vos notre nos nous mon ma mes you your our my".split())
#: More nouns than verbs end like this ("aire", "gare", "couloir"): of a verb, what it is done to stands behind it.
_OFTEN_A_NOUN = re.compile(r"(?:re|oir|ier)$")
_DETERMINERS = frozenset("un une le la les l votre vos son sa ses leur leurs ce cette ces mon ma mes notre nos".split())
#: They end like an infinitive and are nouns.
_NOUNS = frozenset(
    "cahier dossier fichier courrier atelier metier quartier calendrier chantier papier avenir plaisir registre cadre "
    "centre livre ministere prefecture charte offre lettre titre filtre chambre cuire mairie annuaire formulaire "
    "sommaire inventaire salaire glossaire bibliothecaire affaire territoire laboratoire observatoire repertoire "
    "histoire memoire structure procedure facture nature culture agriculture infrastructure architecture mesure "
    "serveur server docker router loader builder manager user reader writer compiler parser viewer tracker folder "
    "order paper layer super inter hyper poster tender gender master theatre carre pierre terre guerre".split()
)


@lru_cache(maxsize=4096)
def is_generic(name: str) -> bool:
    """Whether a title says nothing of its subject: "Introduction", "FAQ", "Liens utiles"."""
    words = re.findall(r"\w+", fold(name))
    while len(words) > 1 and words[0] in _OF_ALL:
        words = words[1:]
    return " ".join(words) in _GENERIC


@lru_cache(maxsize=4096)
def is_name(name: str) -> bool:
    """Whether attributes can be asked of `name`: no question, clause, instruction or part of a page.

    A short word in two languages ("Code", "Port") passes; what begins like a clause doesn't ("On a remote server",
    "Publier un jeu de données").
    """
    words = name.split()
    if not words or len(words) > _MOST_WORDS or name.rstrip()[-1:] in "?!.…:;,*" or not any(map(str.isalnum, name[:2])):
        said = name[:1] in ("«", "/", "(") or _OPTION.match(name)
        return bool(said) and not is_clause(name) and len(words) <= _MOST_WORDS
    return any(map(str.isalpha, name)) and not _NUMBERED.match(name) and not is_clause(name)


@lru_cache(maxsize=4096)
def is_clause(name: str) -> bool:
    """Whether a title is a question, an instruction, a part of a page ("Introduction") or of an address."""
    words = fold(name).replace("’", "'").split()
    if not words or name.rstrip()[-1:] in "?…" or is_generic(name) or _SLUG.fullmatch(name):
        return True
    first = re.split(r"['-]", words[0])[0]
    if len(words) == 1 or (first in _IN_NAMES and not any(word[0].islower() for word in name.split())):
        return False
    return (
        first in _NO_NAME
        or name.split()[-1] in _OPEN_ENDS
        or begins_with_verb(name)
        or _bids(name, words)
        or not _FINITE.isdisjoint(re.split(r"[ ’]", name)[2:-1])
        or bool(_PART.match(" ".join(words)))
        or not _TO_THE_READER.isdisjoint(words)
    )


def _bids(name: str, words: list[str]) -> bool:
    """Whether an English title is an instruction, or not even a name: "Retire a repo", "A resource for staff"."""
    in_small = any(word[0].islower() and len(word) > 3 for word in name.split()[1:])
    if in_small and (words[0] in _ORDERS or (words[1] in _OBJECTS and words[0].isalpha())):
        return True
    if words[0] in _ORDERS and words[1] in ("a", "an", "up"):
        return True
    return words[0] in ("a", "an") and name.split()[1].islower()


@lru_cache(maxsize=4096)
def begins_with_verb(text: str) -> bool:
    """Whether a text says what to do, or what is done: "Suivre des métriques", "Installing it by hand"."""
    words = fold(text).replace("’", "'").split()
    infinitive = _INFINITIVE.match(words[0]) is not None and words[0] not in _NOUNS
    if infinitive and words[0] not in _VERBS and _OFTEN_A_NOUN.search(words[0]):
        infinitive = words[1].partition("'")[0] in _DETERMINERS
    return infinitive or (len(words) > 2 and _GERUND.match(words[0]) is not None)
