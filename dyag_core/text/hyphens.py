"""Words that a line break cut in two are put together: "con-" and "gés" are "congés", "peut-" and "être" are not."""

from __future__ import annotations

import re

_CUT = re.compile(r"(?<![^\W\d_])((?:[^\W\d_]+-)*[^\W\d_]+)-\n(?=([a-zà-ÿ]+))")
#: What keeps its hyphen, by what stands before it and by what stands behind.
_BEFORE = frozenset(
    "anti après arrière auto avant bien celle celles celui ceux chef chou cinquante co contre cross demi dix e "
    "entre est ex extra grand grande haut high hors inter long low là mal mi micro mini mot multi non off on open "
    "peut plein porte post pre pré quarante quasi quatre quelque quelques rendez rez self semi short six soixante "
    "sous sur tout trente vice vingt well".split()
)
_BEHIND = frozenset(
    "ce ci elle elles en il ils je la là le les leur lui même mêmes moi nous on t toi tu un une vous y".split()
)


def joined(text: str) -> str:
    """`text` without the hyphens that a line break put into words."""
    return _CUT.sub(_whole, text) if "-\n" in text else text


def _whole(cut: re.Match[str]) -> str:
    """A compound ("c'est-à-dire", "dix-huit", "dis-le") is joined with its hyphen, a word that was cut without."""
    before = cut[1].lower()
    compound = "-" in before or before in _BEFORE or cut[2].lower() in _BEHIND
    return f"{cut[1]}-" if compound else cut[1]
