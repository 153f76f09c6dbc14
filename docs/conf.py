"""The documentation's site: `make docs` writes it to site/. Pages are plain Markdown, readable without it too."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from pygments.lexers.data import JsonLexer
from pygments.lexers.special import TextLexer
from sphinx.errors import ExtensionError

from dyag_core.version import __version__

if TYPE_CHECKING:
    from sphinx.application import Sphinx

project = "DYAG"
release = __version__
copyright = "the DYAG contributors, Apache-2.0"

extensions = ["myst_parser"]
myst_heading_anchors = 4
smartquotes = False  # "--split" must stay two hyphens, and a quoted message as it was printed
html_theme = "furo"
html_title = "DYAG"
html_show_sphinx = False
html_copy_source = False

#: What makes a browser ask another host as soon as a page is opened. A link that a reader may click does not.
_FETCHED = re.compile(
    r"""<(?:script|img|iframe|source|embed)\b[^>]*\ssrc=["'](?:https?:)?//[^"']+"""
    r"""|<link\b(?=[^>]*\srel=["'](?:stylesheet|preload|preconnect|icon))[^>]*\shref=["'](?:https?:)?//[^"']+"""
    r"""|(?:url\(|@import)\s*["']?(?:https?:)?//[^"')\s]+""",
    re.IGNORECASE,
)


def setup(app: Sphinx) -> None:
    """Know the fences of our pages, and hold the finished site to what is promised of it."""
    app.add_lexer("jsonl", JsonLexer)
    app.add_lexer("csv", TextLexer)
    app.connect("build-finished", _refuse_outside_hosts)


def _refuse_outside_hosts(app: Sphinx, error: Exception | None) -> None:
    """The site must work where there is no network: a page that fetches from elsewhere fails the build."""
    pages = [] if error else [path for kind in ("html", "css") for path in Path(app.outdir).rglob(f"*.{kind}")]
    for page in pages:
        found = _FETCHED.search(page.read_text(encoding="utf-8"))
        if found:
            raise ExtensionError(f"{page} fetches from another host: {found[0][:200]}")
