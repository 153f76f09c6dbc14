"""Questions that a text asks and answers itself: headings, bold lines, `Q:` / `A:` pairs. Nobody words them better."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from dyag_core.api import fold, plain_text
from dyag_plugins.generators.facts.blocks import CARD, LINK_ALONE, Block
from dyag_plugins.generators.facts.subjects import is_generic

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dyag_plugins.generators.facts.blocks import Section

#: Names of columns, fields and labels that hold a question, and that hold its answer.
QUESTIONS = frozenset("question questions q demande".split())
ANSWERS = frozenset("reponse reponses answer answers r a rep reponse courte reponse attendue".split())
#: A longer answer is a page to be read, none to be learnt.
LONGEST_ANSWER = 900
_FEWEST_WORDS, _MOST_WORDS = 2, 30
#: With fewer words of its own a question needs to be told what it is about: "Quelles sont vos obligations ?"
_FEWEST_OWN = 2
#: A longer heading is a sentence, and names nothing.
_LONGEST_CONTEXT = 12

_NUMBERED = re.compile(
    r"^(?:(?:Q(?:uestion)?\s*)?\d+(?:\.\d+)*\s*[.):/–—-]*|Q(?:uestion)?\s*[:.)–—-]+|[IVX]+\s*[.)])\s*", re.IGNORECASE
)
#: A pictograph before a heading, whole or in parts.
_ORNAMENT = re.compile(r"^(?:\[[^\]]*\]\s+(?=\w)|[^\w«\"“(¿'’\[]+)+")
_PAIR = re.compile(
    r"^[*_]{0,2}(?P<mark>Q(?:uestion)?|R(?:[ée]ponse)?|A(?:nswer)?)\s*\d{0,3}\s*[*_]{0,2}\s*[:.)]\s*[*_]{0,2}\s*(?P<said>\S.*)$",
    re.IGNORECASE,
)
_BOLD = re.compile(r"^(?:\*\*|__)(?P<said>[^*_].*?)(?:\*\*|__)\s*(?P<rest>.*)$")
#: What asks without a question mark: "Comment installer Bora", "How to install Bora".
_FRENCH = re.compile(
    r"^(?:comment|pourquoi|que faire|qu['’]est-ce que?|o[uù] (?:trouver|se|est)|qui (?:contacter|peut))\b"
)
_ENGLISH = re.compile(r"^how (?:do|does|can)\b|^(?:what|why|where|when|who) (?:is|are|do|does|can|should)\b")
#: What makes a question of words: "Décision automatisée ou aide à la décision ?" is a title.
_ASKS = re.compile(
    r"\b(?:comment|pourquoi|quand|qui|que|quoi|quel(?:le)?s?|combien|est-ce|lequel|laquelle|lesquel(?:le)?s|puis"
    r"|how|what|why|when|where|who|whom|whose|which|do|does|did|is|are|was|can|could|should|shall|will|would|may|must|has|have)\b"
    r"|^(?:d['’])?ou\b|\bet ou\b|\bqu['’]|-(?:t-)?(?:je|tu|ils?|elles?|on|nous|vous|ce)\b"
)
#: In quotation marks, the question mark within or behind.
_QUOTED = re.compile(r'^[“«"]\s*([^“”«»"]+?)\s*[”»"](\s*\?)?$')
_IN_BRACKETS = re.compile(r"\([^()]*\)")
_HOW = re.compile(r"^(?:how|where|when) (?:do|should|can) i ")
_WORD = re.compile(r"[^\W\d_]{4,}")
#: "la salle A", "le poste 3300", "a badge for Alba".
_NAMED = re.compile(r"(?<=[\w,] )(?:(?!I\b)[A-ZÀ-Þ]\w*|\w*\d\w*)")
#: Words of a question that say nothing of what it is about.
_ASKING = frozenset(
    "quel quelle quels quelles quoi comment combien pourquoi quand lequel laquelle sont etre avoir faire fait faut "
    "peut dois doit etes vous nous votre vos notre nos cette cela dans avec pour what when which where whose does have "
    "with your this that these those should still more else need help questions question makes make made happen "
    "happens learn find look know start begin works work next there here used using want".split()
)
#: A question that is answered with yes or no, or isn't answered; "Can I ...?" is also told how.
_YES_OR_NO = re.compile(r"^(?:is|are|was|were|do|does|did|has|have|will|would)\b")
_SAYS_WHICH = re.compile(
    r"^\W*(?:yes|no|not|none|nope|yep|absolutely|definitely|of course|certainly|sure|sometimes|usually|often|always"
    r"|never|generally|mostly|partly|partially|possibly|probably|maybe|only|it depends|that depends|depends|in general"
    r"|in (?:most|some|many) cases|in principle|unfortunately|currently|at the moment|by default)\b"
)
#: "Where to find X", "Who to contact"
_TO_DO = re.compile(r"^(how|where|when|what|who|whom|which \w+) to:? (?=\w)", re.IGNORECASE)
_DO_I = {"how": "do I", "where": "do I"}
_DEFINITION = re.compile(r"^(?:qu['’]est[- ]ce qu|c['’]est quoi|what (?:is|are) )")
#: It speaks of something that was named before: "Puis-je le prêter ?", "Est-il gratuit ?", "Who can see it?"
_POINTING = re.compile(
    r"\b(?:je|tu|on|il|elle|nous|vous|ils|elles|qui) (?:ne |n['’])?(?:l[ea]s?|l['’]|y|en|lui|leur)\b(?! y a)"
    r"|\b(?:pour|sans|de|d['’]|à|a) (?:l[ea]s?|l['’]|y|en) ?\w+(?:er|ir|re)\b(?= ?\?)"
    r"|^(?:(?:comment|quand|ou|pourquoi|combien|que|(?:a|de|par|pour|avec) (?:qui|quoi)) )?(?!existe|faut|s['’]agit)"
    r"\w+-(?:t-)?(?:ils?|elles?)\b(?!(?: \w+){1,2} (?:de|d['’]|que)\b)"
    r"|\b(?:son|sa|ses|leurs?)\b"
    r"|\b(?:est-ce qu['’]|qu['’]|s['’])(?:ils?|elles?)\b(?! (?:y a|faut|est possible|existe|s['’]agit))"
    r"|\b(?:cela|ca|celui-ci|celle-ci|ceci)\b|\bc['’]est\b|(?<!-)\b(?:ce|cet|cette|ces) \w+"
    r"|\b(?:it|they|them|its|their|these|those)\b|\bthis\b|\bis that\b"
    r"|^(?:et|and|sinon|otherwise|what about|how about|qu['’]en est-il)\b"
    r"|^(?:combien de temps|how (?:long|early)|quand|when)"
    r"(?: (?:a l['’]avance|avant|apres|in advance|before|after))? ?\?$"
)
#: No title says which ones: "Laquelle de ces deux méthodes choisir ?", "Comment éviter ce type de malentendus ?"
_POINTING_BACK = re.compile(
    r"\b(?:ces|these|those) (?:deux|trois|quatre|two|three|four)\b|\bces? (?:type|genre)s? de\b"
)
#: It asks what only its reader knows: "As-tu dépassé ta date de fin de mission ?"
_TO_THE_READER = re.compile(r"^\w+-tu\b|^etes-vous\b|^(?:avez|aviez)-vous (?:deja|bien)\b|\bquestion a-t-elle\b")
#: "Quelles obligations ?"
_VERBLESS = re.compile(
    r"^(?:(?:quel(?:le)?s?|which|what) \w+|(?:pourquoi|comment|why|how) (?:ce|cet|cette|ces|this|these|that|those) \w+"
    r"|(?:pourquoi|why) \w+) ?\?$"
)
#: "Ce qui sera attendu sur la forme" is about nothing.
_NO_CONTEXT = re.compile(r"(?:ce|cela|ca|si|ou|quand|what|if|when|where)\b")
#: "Questions fréquentes sur le badge" are about the badge.
_OF_A_FAQ = re.compile(
    r"^(?:foire aux questions|questions (?:les plus )?fr[ée]quentes|faq|frequently asked questions"
    r"|questions(?: (?:and|et) (?:answers|r[ée]ponses))?)\s*(?:[:–—-]|\b(?:sur|à propos de|about|on)\b)?\s*",
    re.IGNORECASE,
)
#: An answer that points at what isn't in it.
_ELSEWHERE = re.compile(
    r"\bci-(?:dessous|dessus|contre|apres|joint\w*)\b"
    r"|\b(?:image|figure|tableau|capture|schema|video|lien|page)s? suivante?s?\b"
    r"|\b(?:see|shown|listed|described|as|the) (?:below|above)\b|\b(?:below|above)[.:,]"
    r"|\bfollowing (?:image|table|figure|screenshot|screen|page|links?|video)\b|\blike this\s*:"
    r"|\bnous (?:y )?reviendrons\b|\bvoir (?:plus (?:bas|haut|loin)|l[ae] (?:partie|chapitre|section))\b"
    r"|^(?:un|le|ce) (?:rapport|guide|document|article|site)\b[^.]*\b(?:presente|detaille|decrit|explique)\b"
    r"|\b(?:coming soon|a venir|en construction|a completer|tbd|tk|todo|fixme)\b"
    r"|^\W*(?:en cours de redaction|a rediger|work in progress|to be written)\W*$"
)


#: An answer that goes on from what was said before it.
_GOES_ON = re.compile(
    r"^(?:de (?:la )?meme(?: facon| maniere)?|idem|dans ce cas|par ailleurs|en revanche|enfin|ensuite|puis"
    r"|likewise|similarly|same as|in that case)\b"
)
#: A link that is what is pointed at: "utilisez [ce script](...)". Without its address the sentence tells nothing.
_POINTS_BY_LINK = re.compile(r"\[[^\]]*\b(?:ici|cet?|cette|ces|here|this|these|that)\b[^\]]*\][(\[]", re.IGNORECASE)


#: "Read our [guide](...) for more", "We have a [page](...) on it"
_LEADS_AWAY = re.compile(
    r"^\W*(?:please )?(?:ask|see|read|consult|check|visit|refer|look|head|go|follow|review|voir|consulte[rz]|lire"
    r"|lisez)\b"
    r"|\b(?:we have|there is|there are|you(?:['’]ll| will| can)? find|nous avons|il existe) [^.\[]{0,60}\["
    r"|\b(?:visit|see|check out|refer to|go to|consult) (?:the |our |this )?\["
    r"|\b(?:documented|described|explained|listed|covered|available|found) (?:in|on|at|here)\b[^.\[]{0,30}\["
)
_ADDRESS = re.compile(r"https?://\S+")
_AT_LEISURE = re.compile(r"feel free to (?:peruse|browse|check|look|read|visit|consult)\b")


class Answered(NamedTuple):
    """A question with its answer, both plain."""

    question: str
    answer: str


class Unfit(ValueError):
    """A question that isn't asked; the reason is its text."""


@lru_cache(maxsize=4096)
def as_question(said: str) -> str:
    """A heading, a bold line or a cell as the question that it is, "" where it is none."""
    text = _NUMBERED.sub("", _ORNAMENT.sub("", plain_text(said))).strip(" :")
    text = _QUOTED.sub(r"\1\2", text)
    before, colon, behind = text.rpartition(" : " if " : " in text else ": ")
    if colon and before and _ASKS.search(fold(behind)):  # "Étape 1 : comment s'inscrire ?"
        text = _QUOTED.sub(r"\1\2", behind[:1].upper() + behind[1:])
    words = text.split()
    if not _FEWEST_WORDS <= len([word for word in words if any(map(str.isalnum, word))]) <= _MOST_WORDS:
        return ""
    folded = fold(text)
    if not set(_WORD.findall(folded)) - _ASKING and not any(map(str.isdigit, folded)):  # "Pour qui ?"
        return ""
    if to_do := _TO_DO.match(text):
        asks = to_do[1]
        rest = text[to_do.end() :].rstrip(" ?")
        rest = rest[:1].lower() + rest[1:] if text[to_do.end() - 2] == ":" else rest
        text = f"{asks} {_DO_I.get(asks.lower(), 'should I')} {rest}?"
        folded = fold(text)
    if text.endswith("?"):
        return text if text.count("?") == 1 and _ASKS.search(_IN_BRACKETS.sub("", folded)) else ""
    if text[-1:] in ".!…:;," or not (_FRENCH.match(folded) or _ENGLISH.match(folded)):
        return ""
    return f"{text} ?" if _FRENCH.match(folded) else f"{text}?"


def answered(said: str, blocks: Sequence[Block], about: Sequence[str], *, named: bool = False) -> Answered:
    """The question that `said` is, with what `blocks` answer.

    Args:
        about: the headings above it and the title, outermost first: the last that says something is its context
            where it speaks of something that was named before ("Puis-je le prêter ?").
        named: give the context of any question: each document of a catalogue may answer it for itself.

    Raises:
        Unfit: it can't be asked.
    """
    question = as_question(said)
    if not question:
        raise Unfit("a question that makes no sense alone")
    folded = fold(question)
    if _POINTING_BACK.search(folded) or _TO_THE_READER.search(folded) or _VERBLESS.match(folded):
        raise Unfit("a question that makes no sense alone")
    points = _POINTING.search(folded) is not None
    little = _says_little(question, about)
    if named or points or little:
        names = (_OF_A_FAQ.sub("", _NUMBERED.sub("", _ORNAMENT.sub("", name))) for name in reversed(about))
        context = next((name for name in names if name and _tells_of_what(name)), "")
        vague = points or _says_little(question)
        if vague and (not context or len(context.split()) > _LONGEST_CONTEXT):
            raise Unfit("a question that makes no sense alone")
        told = not points and _HOW.sub("", folded).strip(" ?") in fold(context)  # "How do I add it? (Add it to a page)"
        if context and fold(context) not in folded and not told:
            question = f"{question} ({context})"
    answer = answer_of(blocks, how=folded.startswith(("how", "comment")))
    if _YES_OR_NO.match(folded) and not _SAYS_WHICH.match(fold(answer)):
        answer = ""
    if not answer:
        raise Unfit("a question whose answer isn't there, or not as text")
    return Answered(question, answer)


def _tells_of_what(name: str) -> bool:
    """Whether a heading can stand behind a question as what it is about."""
    return not (is_generic(name) or as_question(name) or _NO_CONTEXT.match(fold(name)))


def _says_little(question: str, about: Sequence[str] = ()) -> bool:
    """Whether it has hardly a word of its own, or none of the headings `about` it.

    What has a name, or a number, in it is told apart by that.
    """
    folded = fold(question)
    named = _NAMED.findall(question)
    own = {*_WORD.findall(folded), *named} - _ASKING
    if _DEFINITION.match(folded):
        return False
    words = _WORD.findall(fold(" ".join(about)))
    return len(own) < _FEWEST_OWN or (not named and len(words) > 1 and own.isdisjoint(words))


def answer_of(blocks: Sequence[Block], *, how: bool = True) -> str:
    """What blocks say, plain, a list item and a line of code on a line each; "" where that is no whole answer.

    Args:
        how: nothing but code will do.
    """
    lines: list[str] = []
    open_end = False
    items = [block for block in blocks if block.kind == "item"]
    outer = items[0].depth if items else 0
    if _leads_away(blocks) or 2 * sum(LINK_ALONE.match(item.text) is not None for item in items) > len(items):
        return ""
    for block in blocks:
        if block.kind in ("table", "term"):
            return ""
        text = block.text if block.kind == "code" else plain_text(block.text)
        if _POINTS_BY_LINK.search(block.text) or CARD in block.text:
            return ""
        if open_end and block.kind not in ("item", "code"):
            return ""
        up = block.kind == "text" and "](#" in block.text and LINK_ALONE.match(block.text)  # "Back to the contents"
        if block.kind == "aside" or up or not any(map(str.isalnum, text)):
            continue
        lines.append(f"{'  ' * (block.depth > outer)}- {text}" if block.kind == "item" else text)
        open_end = text.endswith(":") and block.kind != "code"
    answer = "\n".join(lines)
    if answer and all(block.kind == "code" for block in blocks) and not how:
        return ""
    if (
        open_end
        or answer.endswith((";", ",", "—", "–"))
        or len(answer) > LONGEST_ANSWER
        or _ELSEWHERE.search(fold(answer))
    ):
        return ""
    if _GOES_ON.match(fold(answer)):
        return ""
    return answer if sum(map(str.isalpha, _ADDRESS.sub("", answer))) > 2 else ""


def _leads_away(blocks: Sequence[Block]) -> bool:
    """Whether all that is said is where else to read it: one sentence with a link in it."""
    said = [block.text for block in blocks if block.kind in ("text", "item")]
    alone = len(said) == 1 and len(said[0].split(". ")) == 1 and "](" in said[0]
    if said and _AT_LEISURE.match(fold(said[0])):
        return True
    return alone and _LEADS_AWAY.search(fold(said[0])) is not None


def pairs_in(section: Section) -> Iterator[tuple[str, list[Block]]]:
    """(question, blocks that answer it) of the bold lines and `Q:` / `A:` pairs in a section."""
    if not any("?" in block.text or "?" in block.term or _PAIR.match(block.text) for block in section.blocks):
        return
    question, blocks = "", list[Block]()
    for block in section.blocks:
        for said, rest in _asked(block):
            if said:
                if question and blocks:
                    yield question, blocks
                question, blocks = said, []
            if question and rest is not None:
                blocks.append(rest)
    if question and blocks:
        yield question, blocks


def _asked(block: Block) -> Iterator[tuple[str, Block | None]]:
    """A block as (the question that it begins with or "", what of it answers)."""
    if block.kind == "term" and as_question(block.term):
        yield block.term, block._replace(kind="text", term="")
        return
    if block.kind not in ("text", "item"):
        yield "", block
        return
    pair = _PAIR.match(block.text)
    if pair and pair["mark"][0] in "QqRrAa" and (found := list(_pair_lines(block))):
        yield from found
        return
    bold = _BOLD.match(block.text)
    if bold and not bold["rest"] and bold["said"].endswith("?") and not as_question(bold["said"]):
        yield bold["said"], None  # two questions in one: the answer before it ends here
        return
    if bold and as_question(bold["said"]) and "?" in bold["said"] + bold["rest"][:2]:
        rest = bold["rest"].lstrip(" ?:–—-")
        yield bold["said"], block._replace(kind="text", text=rest, lines=(rest,)) if rest else None
        return
    yield "", block


def _pair_lines(block: Block) -> Iterator[tuple[str, Block | None]]:
    """The questions and answers of a paragraph in which each begins a line; nothing where it is no such paragraph."""
    parts: list[tuple[str, str]] = []
    for line in block.lines or (block.text,):
        pair = _PAIR.match(line)
        if pair:
            parts.append((fold(pair["mark"])[0], pair["said"].strip()))
        elif parts:
            parts[-1] = (parts[-1][0], f"{parts[-1][1]} {line.strip()}")
    for mark, said in parts:
        if mark == "q" and as_question(said):
            yield said, None
        elif mark in "ra":
            yield "", block._replace(kind="text", text=said, lines=(said,))
