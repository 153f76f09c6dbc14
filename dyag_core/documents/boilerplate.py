"""Parts of an HTML page that every page of its site has: menus, footers, notices on cookies."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bs4 import Tag

_ELEMENTS = ["nav", "footer", "aside", "template", "noscript", "script", "style", "dialog", "form", "button", "select"]
_ROLES = frozenset("navigation contentinfo banner complementary search dialog alertdialog menu menubar".split())
#: Words of a class or an id. These are left out whatever they hold ...
_NOTICES = frozenset(
    "footer foot cookie cookies consent gdpr rgpd tarteaucitron breadcrumb breadcrumbs ariane newsletter skiplink "
    "advert ads editsection editpage social sharing".split()
)
#: ... and these where they hold links for the most: a "menu" may be one of dishes.
_LINKED = frozenset(
    "menu menus nav navbar navigation sidebar toc sommaire share pagination pager header topbar tags banner switcher "
    "top skip".split()
)
_LINKS = 0.5
#: Boilerplate is a part of a page; what holds more than this share of its text is no boilerplate, whatever its name.
_MOST = 0.5
_WORDS = re.compile(r"[A-Z]?[a-zà-ÿ]+|[A-Z]+(?![a-z])")
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden")


def remove_boilerplate(body: Tag) -> None:
    """Take out of `body`, in place, what its elements, roles, classes and ids say isn't the page's own text."""
    for part in body.find_all(_ELEMENTS):
        part.decompose()
    whole = len(body.get_text())
    for part in list(body.find_all(True)):
        if not part.decomposed and _is_boilerplate(part, whole):
            part.decompose()


def _is_boilerplate(part: Tag, whole: int) -> bool:
    if (
        part.get("hidden") is not None
        or part.get("aria-hidden") == "true"
        or _HIDDEN.search(str(part.get("style", "")))
    ):
        return True
    words = {word.lower() for name in _names(part) for word in _WORDS.findall(name)}
    linked, named = words & _LINKED, words & _NOTICES or str(part.get("role", "")) in _ROLES
    if not (linked or named) or part.name in ("main", "article", "body") or part.find(["h1", "main", "article"]):
        return False
    text = len(part.get_text())
    if text > _MOST * whole:
        return False
    return bool(named) or sum(len(link.get_text()) for link in part.find_all("a")) >= _LINKS * text


def _names(part: Tag) -> Iterator[str]:
    for attribute in ("id", "class"):
        value = part.get(attribute, "")
        yield from [value] if isinstance(value, str) else value or ()
