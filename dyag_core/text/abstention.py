"""Does an answer say that it doesn't know? By what it does, in French and in English.

An answer is read clause by clause. One must refuse (`dyag_core.text.refusals`), and none after it may give something: a
guess ("I don't know, maybe MIT") or a value ("..., but it is MIT") is an answer. A value before it ("MIT; the version
isn't known") is one too, unless the refusal is about what was asked. What is only quoted, reported ("it prints that")
or a condition ("if you don't know, say so": the prompt's own words) is not said by the answer; nor is a sentence that
the length limit cut.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from dyag_core.text.giving_nothing import gives_nothing, one_word, wants_yes_or_no
from dyag_core.text.normalise import fold, tokens
from dyag_core.text.reasoning import without_reasoning
from dyag_core.text.refusals import COURTESY, GUESS, OTHER_DENIAL, REFUSAL, SOURCE

#: The answer that the generators give where the documents don't tell.
UNKNOWN = {
    "en": "I don't know: the documents do not say.",
    "fr": "Je ne sais pas : les documents ne le disent pas.",
}
#: A refusal is short; a sentence of more words does something else as well.
_LONGEST = 45
#: Gold answers of fewer words are values: "Unknown", "No answer", "Non précisé".
_FEWEST_GOLD_WORDS = 3

_QUOTED = re.compile(r"«[^»]*»|“[^”]*”|\"[^\"]*\"")
_SPEAKER = re.compile(r"^\W*(?:(?:final )?answer|reponse|assistant)\s*:\s*")
_ANOTHER_TURN = re.compile(r"\b(?:user|human|assistant|question|utilisateur|q)\s*:")
#: Where a clause ends: a full stop, or a contrast that doesn't deny once more.
_CLAUSE_END = re.compile(
    r"(?<=[.!?;:…\n])\s+|[()\n]+"
    r"|,? \b(?:but|however|though|yet|mais|cependant|toutefois|pourtant)\b,? "
    r"(?!(?:do|does|did|not|no|nothing|none|pas|rien|ni|ne|aucune?)\b|n'|(?:\w+ )?(?:ne |n'))"
)
#: Words that ask, and stand in other questions as well.
_ASKING = frozenset(
    "which what when where whose whom quel quelle quels quelles quand comment combien pourquoi does have been".split()
)
_CONDITION = re.compile(r"\b(?:if|unless|whether|si|s'il|s'ils|lorsque)\b[^,.;:!?]*")
_ASIDE = re.compile(
    r"(?:,|^) ?(?:whose|although|though|even if|even though|bien que|meme si|quoique|dont)\b[^,.;]*"
    r"|, ?(?:which|who|qui)\b[^,.;]*"
    r"|\b\w+ n'etant pas \w+"
)
_REPORTED = re.compile(
    r"\b(?:says?|shows?|displays?|prints?|answers?|tells?|returns?|affiche|repond|dit|renvoie|indique)"
    r" (?:that |which |the \w+ |le \w+ |qu[e'])"
)
#: Questions for what something says: an answer in quotes is that, and no refusal.
_ASKS_FOR_WORDS = re.compile(
    r"\b(?:message|prints?|displays?|answers?|repl(?:y|ies)|says?|returns?|affiche|repond|dit|renvoie)\b"
)
#: Whether something is told may be what was asked; an answer that says no then denies it, and knows.
_TELLS = re.compile(
    r"\b(?:mention|specif|stat(?:e|ed)\b|given|indica|listed|named|sa(?:y|id)\b|tell|contain|documented|known|available"
    r"|indiqu|precis|figur|parl|contien|connu|disponible)"
)
_NO = re.compile(r"^(?:no|non)\b ?[,.:;-]")
_SOURCE_BEFORE = re.compile(rf"\b(?:{SOURCE}|i|je|on)\b")
_LOOSE = re.compile(
    r"\b(?:not|no|none|nothing|unable|cannot|can'?t|sorry|unknown|unclear|unsure|pas|aucune?|rien|desole|impossible|inconnue?"
    r"|ignore|sans|refuse|insufficient|missing)\b|n't\b"
)


def abstains(answer: str, question: str = "", *, truncated: bool = False) -> bool:
    """True where the answer says that it doesn't know, or that the documents don't tell, and gives nothing instead.

    `question` lets an answer begin with something else; `truncated` says that the length limit cut it: its last
    sentence then says nothing. An empty answer does not abstain.
    """
    text = _spoken(answer, question)
    if not text or _ANOTHER_TURN.search(text):
        return False
    if _NO.search(text) and wants_yes_or_no(question) and _TELLS.search(fold(question)):
        return False
    given: list[str] = []
    refused: list[str] = []
    for clause, cut in _clauses(text, truncated=truncated):
        if not cut and _refuses(clause, question):
            if _guesses(clause):
                return False
            refused.append(clause)
        elif not COURTESY.search(clause) and _bare(clause):
            if refused:
                return False
            given.append(clause)
    if not refused:
        return False
    return not given or _about_the_question(refused, given, question)


def wants_abstention(expected: str) -> bool:
    """Whether an expected answer says in a sentence that nothing answers the question. A value ("Unknown") doesn't."""
    return len(re.findall(r"\w+", expected)) >= _FEWEST_GOLD_WORDS and abstains(expected)


def might_abstain(answer: str, question: str = "", *, truncated: bool = False) -> bool:
    """An answer that doesn't abstain by the rule, but is short and denies something: a person should read it."""
    text = _spoken(answer, question)
    denies = len(text.split()) <= _LONGEST and bool(_LOOSE.search(text))
    return denies and not abstains(answer, question, truncated=truncated)


def _spoken(answer: str, question: str) -> str:
    """What the answer itself says, folded: without reasoning, markup, the question again and quoted words."""
    text = fold(without_reasoning(answer)).replace("’", "'").replace("ʼ", "'")
    text = re.sub(r"[*_`#]+", "", text)
    text = _SPEAKER.sub("", text.strip())
    if question:
        text = text.removeprefix(" ".join(fold(question).replace("’", "'").split()))
    text = text.strip(" .\n\t-")
    whole = _QUOTED.fullmatch(text)
    spoken = whole and not _ASKS_FOR_WORDS.search(fold(question))
    return text.strip(' «»“”"') if spoken else _QUOTED.sub(" … ", text)


def _clauses(text: str, *, truncated: bool) -> Iterator[tuple[str, bool]]:
    """The clauses of a text, each with whether it stands in a sentence that was cut."""
    end = max(map(text.rfind, ".!?\n")) + 1 if truncated else len(text)
    for part, cut in ((text[:end], False), (text[end:], True)):
        yield from ((clause, cut) for clause in _CLAUSE_END.split(part) if clause.strip(" .,!;:-"))


def _bare(clause: str) -> str:
    """A clause without conditions, asides and what it only reports."""
    told = _ASIDE.sub("", _CONDITION.sub("", clause))
    reported = _REPORTED.search(told)
    if reported and not _SOURCE_BEFORE.search(told[: reported.start()]):
        told = told[: reported.end()]
    return " ".join(told.split()).strip(" .,!;:-…")


def _refuses(clause: str, question: str) -> bool:
    if clause.rstrip().endswith("?"):
        return False
    told = _bare(clause)
    if len(told.split()) > _LONGEST or OTHER_DENIAL.search(told):
        return False
    return bool(REFUSAL.search(told)) or gives_nothing(told, question)


def _guesses(clause: str) -> bool:
    """Whether a refusal goes on with a guess behind a comma: "not sure, probably MIT"."""
    return any(GUESS.search(part.strip()) for part in clause.split(",")[1:] if not REFUSAL.search(part.strip()))


def _about_the_question(refused: list[str], given: list[str], question: str) -> bool:
    """Whether the refusals name something that was asked for and that nothing given before them names."""
    asked = set(tokens(question)) - set(tokens(" ".join(given))) - _ASKING
    denied = tokens(" ".join(refused))
    return any(one_word(word, other) for word in asked if len(word) > 3 for other in denied)
