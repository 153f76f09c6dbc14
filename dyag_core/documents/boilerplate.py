"""Parts of an HTML page that every page of its site has: menus, footers, notices on cookies."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bs4 import Tag

_ELEMENTS = ["nav", "footer", "aside", "template", "noscript", "script", "style", "dialog", "form", "button", "select"]
_ROLES = ["navigation", "contentinfo", "banner", "complementary", "search", "dialog", "menu", "menubar"]
#: Words of a class or an id.
_NAMES = re.compile(
    r"(?:^|[\s_-])(?:(?:main|side|top|nav|site|page|global|mobile|burger)?-?(?:menu|menus|navbar|navigation)|nav|sidebar|side-bar"
    r"|(?:site|page|global|main)?-?footer|foot|cookies?|consent|rgpd|gdpr|tarteaucitron|breadcrumbs?|fil-ariane|toc"
    r"|table-of-contents|skip-?links?|share|sharing|social|newsletter|advert|ads|banner|pagination|pager|edit-?page"
    r"|back-?to-?top|language-?switcher)(?:$|[\s_-])",
    re.IGNORECASE,
)
#: Boilerplate is a part of a page; what holds more than this share of its text is no boilerplate, whatever its name.
_MOST = 0.5


def remove_boilerplate(body: Tag) -> None:
    """Take out of `body`, in place, what its elements, roles, classes and ids say isn't the page's own text."""
    for part in body.find_all(_ELEMENTS):
        part.decompose()
    length = len(body.get_text())
    for part in body.find_all(lambda tag: tag.get("role") in _ROLES or tag.get("hidden") is not None or _is_named(tag)):
        if not part.decomposed and len(part.get_text()) <= _MOST * length and part.find("h1") is None:
            part.decompose()


def _is_named(tag: Tag) -> bool:
    names = [*(tag.get("class") or []), tag.get("id") or ""]
    return any(name and _NAMES.search(str(name)) for name in names)
