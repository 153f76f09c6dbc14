"""What a text says something is: sentences that describe or define, cells that do, short texts under a heading."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

from dyag_core.api import fold, plain_text
from dyag_plugins.generators.facts.faq import LONGEST_ANSWER
from dyag_plugins.generators.facts.subjects import is_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dyag_plugins.generators.facts.blocks import Block

#: Fewer words describe nothing.
_FEWEST_WORDS = 2
#: So much behind its subject tells what kind of sentence it is.
_LOOKED_AT = 60
_ARTICLE = re.compile(r"^(?:l['’]|(?:le|la|les|un|une|the|an|a)\s+)", re.IGNORECASE)
#: The verb of a sentence that says what something is, or does; not what became of it, or what one can do with it.
_TELLS_WHAT = re.compile(
    r"^,?\s+(?:\([^)]*\)\s+)?"
    r"(?!(?:est|is|are|sont)\s(?!(?:\w+ment |also |aussi )?(?:un|une|le|la|les|des|l['’]|ce|celui|celle|d['’]|a|an|the"
    r"|any|one|what)\b)"
    r"|(?:tourne|fonctionne|marche|runs?|works?|coute|costs?|appartient|belongs?|necessite|requires?|needs?|utilise|uses?"
    r"|date|existe|exists|remplace|replaces|depend|depends|reste|remains|s['’])\b"
    r"|a ete|ont ete|has|have|was|were|sera|seront|will|peu|can|may|doi|must|should|n['’]|d['’]"
    r"|(?:ne|et|and|ou|or|de|du|des|of|for|pour|a|au|aux|dans|in|with|avec|sur|on|en|qui|that|which)\b)"
    r"[a-z]"
)
_ENGLISH_VERB = re.compile(
    r"^,?\s+(?:\([^)]*\)\s*,?\s*)?(?:\w+ly |also )?"
    r"(?!(?:opens|closes|starts|begins|arrives|needs|requires|takes|comes|goes|gets|wants|happens|changes|ends|remains"
    r"|seems|looks|this)\b)\w*[^\Ws]s\b"
)
_PLURAL = re.compile(r"[^siu]s$")
#: What is said of it isn't what it is: "is offered by ...", "is an important part of ..."
_SAYS_LITTLE = re.compile(
    r"^,?\s+(?:\([^)]*\)\s*,?\s*)?(?:are\b"
    r"|is (?!(?:\w+ly |often |also |now )?(?:an?|the|one|any|our|your|used|what|where|how)\b)"
    r"|is (?:\w+ly |also )?an? (?:important|key|essential|critical|crucial|great|good|vital|big|bit|new|way)\b)"
)
_DEFINES = re.compile(
    r"^,?\s+(?:\([^)]*\)\s*,?\s*)?(?:(?:designe|consiste|correspond|means|refers)\s"
    r"|(?:est|is)\s+(?:\w+ment |basically |simply )?"
    r"(?:un|une|le|la|les|des|l['’]|celui|celle|ce qu|defini|a|an|the|any|one|what)\b)"
)
#: How a description begins that doesn't name what it describes.
_GENUS = re.compile(
    r"^(?:un|une|a|an|logiciel|application|outil|service|plateforme|bibliotheque|systeme|site|portail|framework|software"
    r"|tool|library|platform|web) [a-z]"
)
#: A sentence about such a thing says how it is, not what ("Un service peut être utile").
_VERB_OF_ITS_OWN = re.compile(
    r"^(?:(?!\b(?:qui|que|dont|ou|permettant|that|which|who|where)\b)[^.,;:])*?"
    r"\b(?:ne|n['’]\w+|est|sont|peut|peuvent|doit|doivent|ont|is|are|can|may|must|should|has|have|will)\b"
)
#: What begins like this speaks to the reader, or of something that was named before.
_NO_DESCRIPTION = re.compile(
    r"^(?:ce|cet|cette|ces|il|elle|ils|elles|on|nous|vous|je|si|pour|this|these|it|they|you|we|if|to|see|voir|oui|non|yes"
    r"|no|tu|avant|apres|pendant|lors|quelques|pourquoi|qui|que|quoi|quel\w*|comment|what|why|who|how|[a-z]+ez|[a-z]{3,}(?:er|ir)|indique|permet|precise"
    r"|contient)\b"
)
#: A cell that goes on with its row's name: "Known for its plumage", "Scrapes data from the register".
_GOES_ON = re.compile(
    r"^(?:known|used|found|made|born|named|called|located|situated|written|designed|developed|based|intended|meant)"
    r" (?:for|to|by|in|as|on|at|with|after|from|of)\b|^(?!\w*ss\b)[a-z]{3,}s (?:and|the|a|an|all|any|your|data|in|to)\b"
    r"|^(?:provide|allow|enable|offer|contain|show|describe|handle|manage|help|give|let|make|run|return|create|send|store"
    r"|track|explain|define|convert|generate|include|check|tell|control)s \w"
)
#: The beginning of a cell that is a sentence of its own: "La licence est ouverte."
_SENTENCE = re.compile(r"^(?:\S+\s+){0,6}(?:est|sont|doit|doivent|peut|peuvent|is|are|must|can|should)\b")
_CAMEL = re.compile(r"(?<=[a-zà-ÿ])(?=[A-ZÀ-Þ])")
_LONGEST_LITTLE_WORD = 3
_LEADS_ON = re.compile(r"\bsuivante?s?\b|\bfollowing\b|\bci-dessous\b|\bbelow\b")


def describes(sentence: str, title: str, *, genus: bool, english: bool = False) -> bool:
    """Whether a sentence, the first of a page, says what its title names.

    Args:
        genus: one that doesn't name it will do if it begins with what it is ("Un outil pour ...").
        english: behind the name stands a verb then ("is", "runs"), no noun ("The Alba tool is ...").
    """
    if sentence[-1:] not in ".!…":
        return False
    folded, name = fold(sentence[: len(title) + _LOOKED_AT]), fold(title)
    own = folded.removeprefix("«").strip()
    own = own if own.startswith(name) else _ARTICLE.sub("", own)
    if own.startswith(name):
        rest = own[len(name) :]
        if english and not _ENGLISH_VERB.match(rest):
            return False
        return _TELLS_WHAT.match(rest) is not None and not _SAYS_LITTLE.match(rest)
    if not genus or (english and _PLURAL.search(name)) or not _GENUS.match(folded):
        return False
    return _VERB_OF_ITS_OWN.match(folded) is None


def article_of(sentence: str, title: str) -> str:
    """The article, in small letters, with which a sentence names what a title names without; else ""."""
    article = _ARTICLE.match(sentence)
    if article is None or not fold(sentence[article.end() :]).startswith(fold(title)) or "'" in article[0]:
        return ""
    return article[0].strip().lower() if "’" not in article[0] else ""


def defined(sentence: str, heading: str) -> str:
    """The term, with its article, of a sentence that defines what a heading names; "" for any other sentence."""
    if not heading or not sentence.endswith(".") or not is_name(heading):
        return ""
    article = _ARTICLE.match(sentence)
    start = article.end() if article else 0
    bare = _ARTICLE.sub("", heading)
    folded, own = fold(sentence[start:]), fold(bare)
    if not folded.startswith(own) or not _DEFINES.match(folded[len(own) :]) or _SAYS_LITTLE.match(folded[len(own) :]):
        return ""
    term = sentence[: start + len(bare)]
    return term[:1].lower() + term[1:] if article else heading


def is_description(value: str, *, of_a_cell: bool = False) -> bool:
    """Whether a text says what something is: some words, no advice, and no sentence on something else."""
    folded = fold(value)
    if len(folded.split()) < _FEWEST_WORDS or " : " in folded or not folded[:1].isalnum():
        return False
    return not (_NO_DESCRIPTION.match(folded) or (of_a_cell and (_SENTENCE.match(folded) or _GOES_ON.match(folded))))


def repeats(label: str, value: str) -> bool:
    """Whether a value says nothing but its label ("Format : le format du champ"), or holds hardly a letter."""
    if not value[:1].isalnum() and sum(map(str.isalnum, value)) * 2 < len(value):  # a pattern, a row of signs
        return any(map(str.isalnum, value))
    if _same_words(label, value):
        return True
    if label.casefold() not in value.casefold():
        return False
    said, named = _ARTICLE.sub("", fold(value)), fold(label)
    return said.startswith(named) and not said[len(named) :].strip().startswith(("est", "is"))


def _same_words(label: str, value: str) -> bool:
    """Whether a value has several words, all of them its label's: "typeEvenement" is the "Type de l'événement"."""
    said = {word for word in re.findall(r"\w+", fold(value)) if len(word) > _LONGEST_LITTLE_WORD}
    return len(said) > 1 and said <= set(re.findall(r"\w+", fold(_CAMEL.sub(" ", label).replace("_", " "))))


def short_text(blocks: Sequence[Block]) -> str:
    """Blocks as one line, where they are short and whole: sentences, or a list; code belongs to what leads to it."""
    if any(block.kind in ("table", "term") or block.depth for block in blocks):
        return ""
    said = [(block.kind, plain_text(block.text)) for block in blocks if block.kind in ("text", "item", "code")]
    text = ""
    for (kind, part), (following, _) in pairwise([*said, ("", "")]):
        if kind == "code":
            continue
        if (part.endswith(":") and following != "item") or (following == "code" and _LEADS_ON.search(fold(part))):
            return ""
        if kind == "item":
            text += f"{',' if text[-1:].isalnum() else ''} {part.rstrip(' ;,.')}"
        else:
            text += f" {part}"
    return text.strip() if len(text) <= LONGEST_ANSWER and any(map(str.isalnum, text)) else ""
