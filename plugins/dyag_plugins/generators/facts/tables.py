"""What a Markdown table in a text says: (subject, label, value), the subject "" where it is what the text is about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dyag_core.api import TABLE_RULE, plain_text
from dyag_plugins.generators.facts.packs import label_key

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

#: Headers of two-column tables whose rows are labels and values.
_KEY_HEADERS = frozenset(
    "champ cle propriete attribut caracteristique rubrique libelle element parametre "
    "field key property attribute characteristic item label parameter name".split()
)
_VALUE_HEADERS = frozenset("valeur contenu detail details information value content description".split())


def cells_of(rows: Sequence[str]) -> list[list[str]]:
    """The cells of a table, header first; none where it has no row below its header."""
    cells = [[cell.strip() for cell in row.strip().strip("|").split("|")] for row in rows if not TABLE_RULE.match(row)]
    return cells if len(cells) > 1 else []


def table_facts(cells: Sequence[Sequence[str]]) -> Iterator[tuple[str, str, str]]:
    """What each row says under each header but the first."""
    header, *body = cells
    folded = [label_key(name) for name in header]
    pairs = len(header) == 2 and (
        not any(folded) or (folded[0] in _KEY_HEADERS and (folded[1] in _VALUE_HEADERS or folded[0] != "name"))
    )
    for row in body:
        if len(row) != len(header) or not row[0]:
            continue
        if pairs:
            yield "", plain_text(row[0]), row[1]
            continue
        for name, value in zip(header[1:], row[1:], strict=True):
            yield plain_text(row[0]), plain_text(name), value
