"""One self-contained HTML page from a template. Its content-security policy allows its style sheet and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dyag_core.api import csp_hash, plain, unbroken

if TYPE_CHECKING:
    from jinja2 import Environment

_HERE = Path(__file__).parent


def render(template: str, lang: str, view: Mapping[str, Any]) -> str:
    """The page. `view` holds all that the template shows, already in words."""
    css = (_HERE / "report.css").read_text(encoding="utf-8")
    return _environment(lang).get_template(template).render(**view, css=css, csp=_csp(css))


def _environment(lang: str) -> Environment:
    """Everything is escaped; in French, high punctuation keeps to its word. Quotations (`|e`) stay as they came."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(_HERE, encoding="utf-8"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: unbroken(plain(value), lang) if type(value) is str else value,
    )


def _csp(css: str) -> str:
    return f"default-src 'none'; style-src {csp_hash(css)}; base-uri 'none'; form-action 'none'"
