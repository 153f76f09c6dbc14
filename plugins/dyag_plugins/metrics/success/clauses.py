"""Which parts of an answer state something: markup is taken off, what is denied or set against the answer is masked.

"GPL instead of MIT", "formerly MIT", "anything but MIT" and "it isn't MIT" do not say MIT; "2019, not 2020" says 2019.
"""

from __future__ import annotations

import re

from dyag_core.api import fold

#: Stands for what was masked: nothing that is compared, and an end of the clause.
MASK = "\x1f"
_MARKUP = (
    (re.compile(r"<(https?://[^\s>]+)>"), r"\1"),
    (re.compile(r"^>\s*(?=[^\W\d])", re.MULTILINE), ""),
    (re.compile(r"```\w*\n?|`"), ""),
    (re.compile(r"\*\*|__(?=\S)|(?<=\S)__(?!\w)"), ""),
    (re.compile(r"(?<![\w*])\*(?=\w)([^*\n]+)\*(?![\w*])"), r"\1"),
    (re.compile(r"\[([^\]]*)\]\((https?://[^)\s]+)\)"), r"\2"),
    (re.compile(r"\$?\\boxed\{([^}]*)\}\$?"), r"\1"),
    (re.compile(r"<\|?/?[\w▁-]+\|>|</?s>"), " "),
    (re.compile(r"\s*\[\d{1,2}\](?=\s|[.,;]|$)"), ""),
    (re.compile(r"\s*\((?:source|cf|see|voir|selon|according to)\b[^)]*\)", re.IGNORECASE), ""),
    (re.compile(r"^\s*(?:[-*•]|\d{1,2}[.)])\s+", re.MULTILINE), ""),
    (re.compile(r"^\W*(?:(?:final )?answer|r[ée]ponse|assistant)\s*:\s*", re.IGNORECASE), ""),
    (re.compile(r'^\{\s*"\w+"\s*:\s*"?([^"{}]*)"?\s*\}$'), r"\1"),
)
_ANOTHER_TURN = re.compile(r"\n\s*(?:user|human|question|q|utilisateur)\s*:", re.IGNORECASE)
_HEDGE = re.compile(
    r"\b(?:maybe|perhaps|probably|possibly|presumably|might be|may be|could be|not sure|unsure|i guess|scratch that"
    r"|peut-etre|sans doute|probablement|pourrait etre|il se peut|pas sure?|je suppose)\b"
    r"|\b(?:i )?(?:do not|don'?t) know\b|\bje (?:ne )?sais pas\b|\bj'ignore\b"
)
#: What stands behind these is not the answer, up to the end of the clause.
_AGAINST = re.compile(
    r"\b(?:(?:mon|tues|wednes|thurs|fri|satur|sun)day|(?:lun|mar|mercre|jeu|vendre|same)di|dimanche)"
    r" (?:before|after|following|avant|apres|suivant|precedent)\b"
    r"|\b(?:before|after|near|avant|apres|pres de)\b"
    r"|\b(?:suburbs?|outskirts|vicinity|banlieue|environs|peripherie) (?:of|de|d')"
    r"|(?<!the )\b(?:north|south|east|west) of\b|\bau (?:nord|sud) d(?:e\b|')"
    r"|\b(?:successor|predecessor|student|pupil|colleague|assistant|deputy|teacher|boss|successeur|predecesseur|eleve"
    r"|collegue|adjointe?|assistante?|disciple|son|daughter|brother|sister|wife|husband|friend|fils|fille|frere"
    r"|soeur|epouse|mari|amie?) (?:of|de|d')|"
    r"\b(?:some (?:say|think|believe)|(?:is|was|were) (?:said|thought|believed)|certains (?:disent|pensent)"
    r"|on (?:croyait|pensait)|than(?! \d)|similar to|compared (?:to|with)|a l'exclusion d[eu']|instead of"
    r"|in place of|as opposed to|unlike|contrary to|other than|(?:any|every|no)(?:thing|one"
    r"|body) but|all but"
    r"|nothing like|except(?:ing| for)?|excluding|apart from|aside from|without|formerly|previously|originally|once"
    r"|used to be"
    r"|no longer|replac(?:ed|es|ing)(?! by)|supersed(?:ed|es)(?! by)|succeed(?:ed|s)|took over from|far from|no"
    r"|plutot que?|au lieu d[eu']|a la place d[eu']|contrairement a|a la difference d[eu']|autre que|tout sauf|sauf"
    r"|hormis"
    r"|excepte|a l'exception d[eu']|en dehors d[eu']|sans|anciennement|autrefois|jadis|auparavant|precedemment"
    r"|initialement"
    r"|remplac(?:e|ait|ant)(?! par)|succede|loin d[eu'])(?= |'|\b)"
)
#: What stands before these isn't: somebody or something else took its place.
_REPLACED = re.compile(
    r"\b(?:is|are|was|were|est|sont) (?:wrong|false|incorrect|excluded|obsolete|outdated|fausse?s?|faux|exclue?s?"
    r"|deprecated|discontinued|deprecie?e?s?)\b|\b(?:lost to|beaten by|battue? par|perdu contre)\b|"
    r"\b(?:(?:dropped|abandoned|given up|removed|abandonne?e?s?|retiree?s?) (?:in favou?r of|au profit d[eu']))|"
    r"\b(?:(?:was|were|been|is|are) (?:replaced|superseded|succeeded) by|(?:was|were|been|is|are) renamed(?: to| as)?"
    r"|renommee?s? en|(?:gave|given|made) way (?:to|for)|(?:laisse|cede) la place a"
    r"|has been replaced|a ete remplacee? par|est"
    r" remplacee? par"
    r"|fut remplacee? par|until|jusqu'en|in the past)\b"
    r"|\b(?:before|beforehand|back then|auparavant|avant)\s*[.;]?\s*$"
)
#: What is conceded, after the answer or before it.
_CONCESSION = re.compile(r"^\W*(?:although|though|even (?:if|though)|bien qu[e']|meme s'?i|quoiqu[e'])")
#: What is so now; where it was otherwise, in the past tense, that stands before.
_NOW = re.compile(r"\b(?:now|today|nowadays|currently|these days|desormais|maintenant|aujourd'hui|actuellement)\b")
_PAST = re.compile(r"\b(?:was|were|had been|used to|etait|etaient|fut|furent|avait)\b")
#: Where something was before it came elsewhere.
_MOVED = re.compile(
    r"\b(?:moved|changed|switched|migrated|renamed|converted|went|passee?|migree?|deplacee?|renommee?)(?: \w+)?"
    r" (?:from|de) "
    r".+?(?=\s(?:to|into|a|vers|en)\s)|\b(?:left|quitte) .+?(?=\s(?:for|pour)\s)"
)
_DENIAL = re.compile(
    r"\b(?:not|never|cannot|neither|nor|pas|jamais|aucune?|ni|non"
    r"|nullement)\b|n't\b|\bn(?:e |')\w+ plus\b"
)
_NOTHING = re.compile(r"\b(?:no|none|nothing|nobody|nowhere|rien|personne|sans|without)\b")
_DENIED_VERB = re.compile(
    r"(?:\b(?:is|are|was|were|be|been|does|do|did|has|have|had|can|could|will|would|should|must)|\bn'\w+|\bne"
    r" \w+)(?: \w+ly)?\s*$"
)
#: What may be the other of two states: where the question is when it is closed, "open except on Mondays" says Mondays.
_STATES = (
    (r"\b(?:open|ouvert)", r"\b(?:close|shut|ferme)"),
    (r"\b(?:includ|inclu|compri)", r"\bexclu"),
    (r"\b(?:allow|permit|permis|autoris|admis)", r"\b(?:forbid|prohibit|banned|not allowed|interdi)"),
    (r"\b(?:free|gratuit)", r"\b(?:pay|paid|charge)"),
)
_EXCEPTION = re.compile(r"\b(?:except(?:ing)?|apart from|all but|sauf|hormis|excepte|a l'exception d[eu'])")
#: What is told apart by a number.
_NUMBERED = re.compile(
    r"\b(version|release|chapter|article|section|table|level|phase|stage|step|part|volume|edition|annex|appendix"
    r"|chapitre|tableau|niveau|etape|partie|tome|annexe) (\d+(?:\.\d+)*)\b"
)
_RELATIVE = re.compile(r"^\s*(?:which|who|where|whose|qui|que|dont|ou)\b")
_CLAUSE = re.compile(
    r"((?<=[.!?;:])\s+|\n+|[()]|,(?!\d)|(?<!thing)(?<!one)(?<!body)(?<!\ball)\s(?:but|mais|now|desormais|maintenant"
    r"|aujourd'hui|whereas|while|tandis que|alors que|yet|however)\s)",
)


def without_markup(answer: str) -> str:
    """The answer as a reader sees it: no Markdown, no control tokens, no list numbers, no citations."""
    for pattern, instead in _MARKUP:
        answer = pattern.sub(instead, answer.strip())
    return answer.strip()


def goes_on_with_another_turn(answer: str) -> bool:
    """Whether the model went on to write the next question itself."""
    return bool(_ANOTHER_TURN.search(answer))


def hedges(answer: str) -> bool:
    """Whether it says that it may be wrong."""
    return bool(_HEDGE.search(_folded(answer)))


def denies(text: str) -> bool:
    """Whether something in a text is denied."""
    return bool(_DENIAL.search(_folded(text))) or bool(_NOTHING.search(_folded(text)))


def sets_against(text: str) -> bool:
    """Whether something in a text is set against something else."""
    return bool(_AGAINST.search(_folded(text)) or _REPLACED.search(_folded(text)))


def says_the_exception(answer: str, question: str) -> bool:
    """Whether an answer names what was asked as the exception from the opposite state."""
    said, asked = _folded(answer), _folded(question)
    return bool(_EXCEPTION.search(said)) and any(
        re.search(state, asked)
        and re.search(other, said)
        and not re.search(other, asked)
        and not re.search(state, said)
        for pair in _STATES
        for state, other in (pair, pair[::-1])
    )


def about(answer: str, question: str, expected: str) -> str:
    """The answer with a mask over sentences about another one of what the question names by its number: version 1,
    where the question is about version 2.
    """
    asked = dict(_NUMBERED.findall(_folded(question)))
    wanted = re.findall(r"\d+(?:\.\d+)*", expected)
    parts = re.split(r"((?<=[.!?;])\s+|\n+)", answer) if asked else [answer]
    for i, part in enumerate(parts):
        for noun, number in _NUMBERED.findall(_folded(part)):
            said = re.findall(r"\d+(?:\.\d+)*", part)
            if noun in asked and asked[noun] not in said and number not in wanted:
                parts[i] = MASK
    return "".join(parts)


def stated(answer: str, *, denials: bool, contrasts: bool) -> str:
    """The answer with a mask over what it denies, and over what it sets against the answer."""
    answer = answer.replace("œ", "oe").replace("æ", "ae")  # folded, it keeps its places
    parts = _CLAUSE.split(answer) if answer else []
    now = next((i for i, part in enumerate(parts) if _NOW.search(_folded(part))), 0) if contrasts else 0
    conceded = _conceded(parts) if contrasts else set()
    return "".join(
        _edge(part)
        if i % 2
        else MASK
        if i in conceded or (i < now and _PAST.search(_folded(part)))
        else _stated(part, denials=denials, contrasts=contrasts)
        for i, part in enumerate(parts)
    )


def _conceded(parts: list[str]) -> set[int]:
    """What goes on with a concession behind a relative clause: "though the plant, which is new, is in Lyon"."""
    begins = (i for i in range(0, len(parts), 2) if _CONCESSION.search(_folded(parts[i])))
    return {
        i + further
        for i in begins
        if i + 4 < len(parts) and _RELATIVE.search(_folded(parts[i + 2])) and parts[i + 1] == parts[i + 3] == ","
        for further in (2, 4)
    }


def _edge(separator: str) -> str:
    """Conjunctions that end a clause say nothing themselves."""
    return f" {MASK} " if separator.strip().isalpha() or "'" in separator else separator


def _stated(clause: str, *, denials: bool, contrasts: bool) -> str:
    folded = _folded(clause)
    if len(folded) != len(clause):
        return clause
    if clause.rstrip().endswith("?"):
        return MASK
    if contrasts and _CONCESSION.search(folded):
        return MASK
    if contrasts and (cue := _REPLACED.search(folded)):
        return MASK + clause[cue.end() :]
    if contrasts and (cue := _MOVED.search(folded)):
        clause, folded = (
            clause[: cue.start()] + MASK + clause[cue.end() :],
            folded[: cue.start()] + MASK + folded[cue.end() :],
        )
    if contrasts and (cue := _AGAINST.search(folded)):
        clause, folded = clause[: cue.start()] + MASK, folded[: cue.start()]
    if denials and (cue := _DENIAL.search(folded)):
        if (
            cue.start() == 0
            or cue[0] == "n't"
            or cue[0].endswith("plus")
            or _DENIED_VERB.search(folded[: cue.start()])
            or not folded[: cue.start()].strip()
        ):
            return MASK
        before = clause[: cue.start()]
        return re.sub(r"\s+(?:and|et|or|ou)\s*$", "", before) + MASK
    return clause


def _folded(text: str) -> str:
    return fold(text).replace("’", "'")
