"""What the columns of a table, or the fields of plain records, are: the name of the row, its id, its text, lists."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from dyag_core.errors import UsageError, nearest
from dyag_core.text.grids import column_kind, naming_column
from dyag_core.text.normalise import fold
from dyag_core.text.passage import field_label

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

#: A field with one of these names says what the document is called.
TITLE_FIELDS = ("title", "name", "nom", "titre")
CONTENT_FIELDS = ("content", "text", "contenu", "texte")
ID_FIELDS = ("id", "identifiant")
#: What `--map` can say; any other name is that of a field that a document is to have.
ROLES = ("content", "title", "id", "document")

#: "nom_site", "Libellé commune", "name_en", "intitulé": a column that begins or ends so names the row ...
_NAMES = frozenset("title name nom titre libelle intitule designation denomination label".split())
#: ... but not where it names something else: a person in charge, a file.
_OF_OTHERS = frozenset(
    "first last middle given user file path host domain contact responsable manager owner auteur author prenom family "
    "famille fichier utilisateur usage jeune fille court short abrege abbr column field parent".split()
)
#: A column of these says something of the row, however different its cells are, and never names it.
_OF_THE_ROW = frozenset(
    "statut etat status state stade stage phase avancement progress decision resultat result couleur color colour "
    "licence license remarque remarques remark remarks commentaire commentaires comment comments observation "
    "observations priorite priority urgence urgency niveau level contact responsable owner auteur author manager "
    "gestionnaire referent fournisseur supplier editeur publisher hebergeur host".split()
)
_FIRST_NAMES = frozenset(("prenom", "first name", "firstname", "given name", "forename"))
_LAST_NAMES = frozenset(("nom", "nom de famille", "last name", "lastname", "surname", "family name", "name"))
_LISTED = {"|": re.compile(r"\s*\|\s*"), ";": re.compile(r"\s*;\s*"), "\n": re.compile(r"\s*\n\s*(?:[-*•]\s+)?")}
_LONGEST_PART = 60
#: Nor does a remark, even where it stands first.
_REMARKS = frozenset(
    "comm commentaire commentaires comment comments remarque remarques remark remarks observation observations note "
    "notes".split()
)


@dataclass(frozen=True)
class Columns:
    """Which columns mean something to DYAG.

    Args:
        title: names of columns, the first that is filled names the row; two of one entry are put together.
        beside: a column that tells rows of one name apart.
        lists: the sign that divides the values of a cell, for each column that holds several.
        labels: what `label` makes of the columns that are known.
    """

    title: tuple[tuple[str, ...], ...] = ()
    beside: str | None = None
    id: str | None = None
    document: str | None = None
    text: str | None = None
    lists: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)

    def label(self, name: str) -> str:
        """A column in words, without what the rows are: beside "nom_site", "code_site" is "code", "ad_site" "ad"."""
        said = field_label(name)
        words, called = said.split(), field_label(self.title[0][0]).split() if self.title and "_" in name else []
        of_row = len(called) > 1 and fold(called[0]) in _NAMES and words[-len(called) + 1 :] == called[1:]
        left = " ".join(words[: -len(called) + 1]) if of_row else ""
        return left if len(left) > 1 else said


def columns_of(names: Sequence[str], sample: Sequence[Mapping[str, str]], given: Mapping[str, str]) -> Columns:
    """The columns of a table by their names and its first rows.

    Args:
        given: what the user said they are, by role ("title", "content", "id", "document").

    Raises:
        UsageError: a column that the user named isn't there.
    """
    by_name = {fold(name): name for name in reversed(names)}

    def find(role: str, known: Iterable[str]) -> str | None:
        if role in given:
            return given_column(given[role], names)
        return next((by_name[name] for name in known if name in by_name), None)

    for wanted in given.values():
        given_column(wanted, names)
    text, row_id, document = find("content", CONTENT_FIELDS), find("id", ID_FIELDS), find("document", ())
    if row_id is None and names and _is_an_id(names[0], [row.get(names[0], "") for row in sample]):
        row_id = names[0]
    others = [name for name in names if name not in (text, row_id, document)]
    title = [(given_column(given["title"], names),)] if "title" in given else _titles(others, sample)
    filled = [name for name in others if any(row.get(name) for row in sample)] or others
    if not title and not row_id:
        title = [(name,) for name in filled[:1]]
    lists = {
        name: sign
        for name in others
        if (name,) not in title[:1] and (sign := _sign([row.get(name, "") for row in sample]))
    }
    beside = _beside(title[0], [name for name in filled if name not in title[0]], sample) if title else None
    found = Columns(tuple(title), beside, row_id, document, text, lists)
    return replace(found, labels={name: found.label(name) for name in names})


def given_column(wanted: str, names: Sequence[str]) -> str:
    """The column that the user calls `wanted`. UsageError: there is none."""
    found = next((name for name in names if name == wanted), None)
    found = found or next((name for name in names if fold(name) == fold(wanted)), None)
    if found is None:
        shown = ", ".join(names[:20]) or "none"
        raise UsageError(f"no field is called {wanted!r}; there are: {shown}", nearest(wanted, names))
    return found


def several(cell: str, sign: str) -> list[str]:
    """The values of a cell: divided by `sign`, or written as a JSON list ("["); one where `sign` is ""."""
    if not sign:
        return [cell]
    if sign == "[":
        try:
            values = json.loads(cell if '"' in cell else cell.replace("'", '"'))
        except ValueError:
            return [cell]
        return [str(value) for value in values] if isinstance(values, list) else [cell]
    parts = [part for part in _LISTED[sign].split(cell.strip()) if part]
    if sign == "\n":
        parts = [part.rstrip(",;") for part in parts]
    return parts if all(len(part) <= _LONGEST_PART for part in parts) else [cell]


def _titles(names: Sequence[str], sample: Sequence[Mapping[str, str]]) -> list[tuple[str, ...]]:
    """The columns that name the rows, the best first."""
    words = {name: fold(field_label(name)) for name in names}
    first = next((name for name in names if words[name] in _FIRST_NAMES), None)
    last = next((name for name in names if words[name] in _LAST_NAMES), None)
    if first and last:
        return [(first, last)]
    named = [name for known in TITLE_FIELDS for name in names if words[name] == known]
    named += [name for name in names if name not in named and _is_a_name(words[name].split())]
    cells = [[row.get(name, "") for name in names] for row in sample]
    told_apart = naming_column(cells, [names.index(name) for name in named])
    if named:
        named.sort(key=lambda name: told_apart is None or names.index(name) != told_apart)
        return [(name,) for name in named]
    own = [n for n, name in enumerate(names) if _may_name(words[name], first=not n)]
    column = naming_column(cells, own) if _needs_a_name(names, cells) else 0
    column = column if column is not None else _most_distinct(cells, own)
    return [(names[column],)] if names and column is not None else []


def _may_name(words: str, *, first: bool) -> bool:
    """Whether a column, of these words, can name the rows: people put a name first, whatever they call it."""
    return words not in _REMARKS and (first or words.partition(" ")[0] not in _OF_THE_ROW)


def _most_distinct(cells: Sequence[Sequence[str]], columns: Sequence[int]) -> int | None:
    """The column of texts that tells most rows apart, where none tells nearly all: people who come twice."""
    distinct = Counter[int]()
    for column in columns:
        filled = [row[column] for row in cells if row[column]]
        if len(filled) >= 0.9 * len(cells) and column_kind(filled) == "text" and max(map(len, filled)) <= _LONGEST_PART:
            distinct[column] = len(set(filled))
    best = max(distinct, key=lambda column: (distinct[column], -column), default=None)
    return best if best is not None and 2 * distinct[best] > len(cells) else None


def _is_a_name(words: Sequence[str]) -> bool:
    # "libellé de la commune" and "nom site" name the row, "nom du contact" does not
    return bool(words) and (words[0] in _NAMES or words[-1] in _NAMES) and not _OF_OTHERS & set(words)


def _is_an_id(name: str, cells: Sequence[str]) -> bool:
    words = fold(field_label(name)).split()
    return "id" in words[:1] + words[-1:] and len(cells) > 1 and all(cells) and len(set(cells)) == len(cells)


def _needs_a_name(names: Sequence[str], cells: Sequence[Sequence[str]]) -> bool:
    """Whether the first column is none that people would call the row by: a code, a number, an address, one group."""
    if not names or not cells:
        return False
    first = [row[0] for row in cells if row[0]]
    return column_kind(first) != "text" or len(set(first)) < 0.9 * len(first)


def _beside(title: tuple[str, ...], names: Sequence[str], sample: Sequence[Mapping[str, str]]) -> str | None:
    """The first column of short texts that tells most rows of one name apart, where rows share names."""
    called = [" ".join(row.get(name, "") for name in title) for row in sample]
    if len(called) < 2 or len(set(called)) > 0.995 * len(called):
        return None
    for name in names:
        cells = [row.get(name, "") for row in sample]
        short = column_kind(cells) == "text" and max(map(len, cells)) <= _LONGEST_PART
        if short and all(cells) and len(set(zip(called, cells, strict=True))) >= 0.98 * len(called):
            return name
    return None


def _sign(cells: Sequence[str]) -> str:
    """What divides the values in the cells of a column, "" where each holds one."""
    if any(cell[:1] == "[" and cell[-1:] == "]" for cell in cells):
        return "["
    for sign in ("|", ";", "\n"):
        divided = [cell for cell in cells if sign in cell.strip()]
        if divided and all(len(several(cell, sign)) > 1 for cell in divided):
            return sign
    return ""
