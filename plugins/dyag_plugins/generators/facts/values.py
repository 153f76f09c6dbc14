"""What a value says: something, yes, no, that there is none, or nothing at all ("NC", "à compléter", "#N/A").

In both languages whatever the document's: spreadsheets mix them. The column decides what may be either.
"""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING, Literal

from dyag_core.api import fold

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dyag_plugins.generators.facts.columns import Column
    from dyag_plugins.generators.facts.packs import Pack

#: "value" and "yes" and "no" answer; "blank" leaves it open; "none" says that there is nothing to tell, and "doubt" may
#: be one or another: neither answers, and neither is asked about in vain.
Reading = Literal["value", "yes", "no", "blank", "none", "doubt"]

_MARKS = " .,;:!()[]{}<>*_`'\"«»“”"
_PARTICIPLE = (
    r"(?:renseigne|communique|defini|precise|disponible|connu|determine|specifie|indique|mentionne|fourni|attribue"
    r"|evalue|publie|saisi|documente|rempli|fixe|decide|recu|calcule|mesure|identifie)e?s?"
)
_OPEN = re.compile(
    r"(?:reste |encore |information |champ |donnees? )?(?:a|reste a) (?:definir|completer|preciser|renseigner"
    r"|confirmer|determiner|venir|verifier|remplir|fixer|saisir|ajouter|fournir|valider|decider"
    r"|designer|choisir|nommer|recruter|attribuer|trouver|rediger|etablir|arbitrer|planifier|estimer|chiffrer"
    r"|identifier|discuter)(?: .{0,40})?"
    r"|pas encore \w{3,}(?: \w+)?|not yet \w+(?: \w+)?|being (?:recruited|chosen|defined|written|discussed|reviewed)"
    r"|(?:still |yet )?to be \w+(?:ed|en|n|t)(?: (?:later|soon|by .{0,30}))?"
    rf"|(?:pas (?:encore )?|non )(?:ete )?{_PARTICIPLE}(?: (?:a ce jour|pour le moment|pour l['’]instant))?"
    r"|(?:donnees?|informations?|valeurs?|champs?|reponses?) (?:manquant|indisponible|absent|vide|inconnu"
    r"|non )\w*(?: .*)?|(?:en|encore en) (?:cours|attente)(?: (?:de |d['’]).{0,40})?|inconnue?s?|vide|absente?"
    r"|manquante?|indefinie?|indetermine?e?|bientot(?: disponible)?|prochainement|aucune? (?:information|donnee"
    r"|reponse|valeur)s?(?: .*)?|(?:still |yet )?to (?:be )?(?:defined|confirmed|completed|determined|announced"
    r"|decided|filled(?: in)?|added|provided|specified|advised|clarified|discussed|follow|come|do)|(?:not"
    r"|never)(?: yet| currently| been)*(?: been)? (?:available|defined|specified|known|provided|determined|set|stated"
    r"|given|disclosed|documented|filled(?: in)?|recorded|reported|entered|decided|published|assigned|identified)"
    r"|(?:un|in)(?:available|defined|specified|known|determined|assigned|complete|disclosed|stated|published|confirmed"
    r"|decided|documented)|coming soon|pending(?: .{0,40})?"
    r"|missing|(?:work )?in progress|wip|todo|fixme|placeholder|empty|blank|lorem ipsum.*|no (?:data|information"
    r"|answer|value)|(?:data|information|value) (?:not |un)\w+(?: \w+)?|awaiting .{0,40}|under (?:review|construction"
    r"|discussion)"
)
#: Under these labels "en cours" is a state, and says something.
_STATES = re.compile(
    r"\b(?:statuts?|status|state|etats?|stade|stage|avancement|progress|phase|etape|step|situation|disponibilite"
    r"|availability|suivi|resolution|traitement|decision|avis|resultats?|results?)\b"
)
_ERROR = re.compile(r"#(?:n/?a|na|null|num|name|nom|ref|value|valeur|div/0|calc|spill|error|erreur)\b.*", re.IGNORECASE)
#: What a form's template holds: "<nom>", "{{ owner }}", "[insert name]".
_TEMPLATE = re.compile(
    r"<[^<>]*>|\{\{.*\}\}|\[(?:insert|add|your|votre|vos|nom|name|inserer|ajouter|indiquer|saisir"
    r"|mettre|a |to be )[^\[\]]*\]"
)
#: It says who knows, or where it stands: no answer, and not unknown either.
_ELSEWHERE = re.compile(r"(?:voir|cf\.?|see|ask|demander|se renseigner|s['’]adresser|refer to|consulter)\b.{0,40}")
_MAY_SAY_NONE = re.compile(r"(?:aucun|pas d|sans |no |without )", re.IGNORECASE)
_NONE_OF = re.compile(r"(?:aucune?s?|pas d['e] ?|sans|no|without)\s?(?P<what>\w{3,})(?: \w+)?")
_FILLER = re.compile(
    r"([xz?.\-_~])\1{1,}|0{2,4}[-/.]0{2}[-/.]0{2,4}|\\n|.{0,2}\?+|(?:jj|dd|mm|xx)[-/.](?:mm|dd|xx)[-/.](?:aaaa|yyyy|xxxx|aa|yy)"
    r"|(?:aaaa|yyyy)[-/.]mm[-/.](?:jj|dd)|(?:tbc|tbd|tba)\b.{0,30}"
)
_CODE = re.compile(r"[A-Z]{2,4}")
#: Under "symbol" or "language code" they are written so, too: "Na", "no".
_LOOSE_CODE = re.compile(r"[A-Z]?[a-z]{1,3}|[A-Z]{1,5}")
#: A column is one of codes where so many of its different values have one form, and there are enough of them.
_OF_ONE_FORM, _ENOUGH = 0.8, 5
_WITH_REMARK = re.compile(r"(?P<said>[^\W\d_]{2,5})(?:\s?[,(;:]|\s[–—-]\s)\s?\S|(?P<mark>[✓✔☑✗✘☐])\s?\S")
#: One letter is yes or no only where the column holds its counterpart, too.
_LETTERS = {"o": "yes", "y": "yes", "n": "no"}
_COUNTERPARTS = {"o": "n", "y": "n", "n": "oy"}
_FLAGS, _ENOUGH_FLAGS = frozenset("01"), 3
#: What always means yes or no, in whatever column.
_SURE = frozenset("oui non vrai faux true false yes".split())


class Values:
    """Reads values with what packs say about them."""

    def __init__(self, packs: Iterable[Pack]) -> None:
        packs = tuple(packs)
        self._blank = frozenset(form for pack in packs for value in pack.missing for form in (fold(value), _key(value)))
        self._none = frozenset(_key(value) for pack in packs for value in pack.nothing)
        self._yes = frozenset(fold(value) for pack in packs for value in pack.yes_values)
        self._no = frozenset(fold(value) for pack in packs for value in pack.no_values)
        self._known: dict[str, Reading] = {}

    def read(self, value: str, column: Column, label: str) -> Reading:
        """What `value` says in `column`, whose label is given in the form in which labels are compared."""
        if value == "-" and "+" in column.values:
            return "doubt"
        if _MAY_SAY_NONE.match(value) and _says_none_of(label, value):
            return "none"
        if remark := _WITH_REMARK.match(value):
            if remark["mark"]:  # a tick with a remark says half of it
                return "doubt"
            if (truth := self._alone(remark["said"])) in ("yes", "no") and fold(remark["said"]) in _SURE:
                return truth
        if len(value) > _LONGEST:
            return "value"
        if value in _FLAGS and column.told >= _ENOUGH_FLAGS and column.values.keys() <= _FLAGS:
            return "doubt"  # 0 and 1 throughout: yes and no, or a count
        alone = self._alone(value)
        if alone == "value":
            return alone
        if alone == "doubt":  # a letter
            truth = self._letter(fold(value), column)
            return "value" if truth is None else truth
        codes = self._is_code(value, column)
        if codes:
            return "value"
        if alone in ("yes", "no"):
            return alone if self._is_of_yes_and_no(value, column) and codes is not None else "doubt"
        if alone == "blank" and _STATES.search(label) and _OPEN.fullmatch(_key(value)):
            return "value"
        return "doubt" if codes is None else alone

    def says_nothing(self, value: str) -> bool:
        """Whether a value answers nothing, wherever it stands."""
        return self._alone(value) in ("blank", "none")

    def are_yes_or_no(self, column: Column, label: str) -> bool:
        """Whether a column tells what is true of something, and not what it has."""
        return any(self.read(value, column, label) in ("yes", "no") for value in islice(column.values, 8))

    def _alone(self, value: str) -> Reading:
        """The same without the column; "doubt" is a letter that may stand for yes or no."""
        known = self._known.get(value)
        if known is None:
            if len(self._known) > _REMEMBERED:
                self._known.clear()
            known = self._known[value] = self._found(value)
        return known

    def _found(self, value: str) -> Reading:
        folded = " ".join(fold(value).split())
        if folded.strip(" .") in self._yes:
            return "yes"
        if folded.strip(" .") in self._no:
            return "no"
        key = _key(value)
        if key in self._none or _ELSEWHERE.fullmatch(key):
            return "none"
        if (
            folded in self._blank
            or (key and key in self._blank)
            or _ERROR.fullmatch(folded)
            or _FILLER.fullmatch(folded)
            or _TEMPLATE.fullmatch(folded)
            or _OPEN.fullmatch(key)
        ):
            return "blank"
        if not any(map(str.isalnum, folded)):
            return "none"
        return "doubt" if folded in _LETTERS else "value"

    def _is_code(self, value: str, column: Column) -> bool | None:
        """Whether `value`, which may be a code or a word, stands among codes of its length; None leaves it in "
        "doubt."""
        form = _LOOSE_CODE if column.names_codes else _CODE
        if not form.fullmatch(value):
            return False
        readings = ("value", "doubt") if column.names_codes else ("value",)
        others = [other for other in column.values if other != value and self._alone(other) in readings]
        if not others:
            return column.names_codes
        codes = [other for other in others if form.fullmatch(other)]
        alike = sum(_same_case(other, value) if column.names_codes else len(other) == len(value) for other in codes)
        if alike < _OF_ONE_FORM * len(others):
            return None if column.names_codes and alike else False
        return True if column.names_codes or alike >= _ENOUGH else None

    def _is_of_yes_and_no(self, value: str, column: Column) -> bool:
        """Whether its column holds nothing else; next to other values ("partiel") only where there are enough."""
        others = sum(n for other, n in column.values.items() if self._alone(other) == "value")
        if not others:
            return True
        return fold(value).strip(" .") in _SURE and 2 * others <= column.told

    def _letter(self, letter: str, column: Column) -> Reading | None:
        held = {fold(other) for other in column.values if not self.says_nothing(other)}
        if len(held) == 2 and held - {letter} <= set(_COUNTERPARTS[letter]):
            return "yes" if _LETTERS[letter] == "yes" else "no"
        return None


#: Longer texts say something; so many values are remembered with what they say.
_LONGEST, _REMEMBERED = 80, 4096


def _says_none_of(label: str, value: str) -> bool:
    """Whether a value says that there is none of its label: "Aucune licence", "No licence"."""
    said = _NONE_OF.fullmatch(_key(value)) if len(value) <= _LONGEST else None
    return said is not None and bool(label) and label.split()[0].startswith(said["what"].rstrip("s"))


def _same_case(one: str, other: str) -> bool:
    return any(case(one) and case(other) for case in (str.isupper, str.islower, str.istitle))


def _key(value: str) -> str:
    """A value in the form in which packs' are compared: "N/A", "n.a." and "(n/a)" stay three."""
    return " ".join(fold(value).replace("’", "'").split()).strip(_MARKS)
