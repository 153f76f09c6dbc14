"""The sample as one page that needs no network: a row at a time beside its passage, judged by a key or a button.

Verdicts stay in the page's own storage and leave it as a file that `dyag review --verdicts` reads.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from dyag_core.text.sanitize import csp_hash, plain

if TYPE_CHECKING:
    from dyag_core.records.review import Review, ReviewRow

_HERE = Path(__file__).parent


def page_of(review: Review, lang: str) -> str:
    """The page in `lang` ("en" or "fr")."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    words = yaml.safe_load((_HERE / "page.yaml").read_text(encoding="utf-8"))[lang]
    style, script = ((_HERE / name).read_text(encoding="utf-8") for name in ("page.css", "page.js"))
    environment = Environment(loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined)
    template = environment.get_template("page.html.jinja")
    policy = f"default-src 'none'; style-src {csp_hash(style)}; script-src {csp_hash(script)}; base-uri 'none'"
    # "<" is written so that no text of a row can end the element that holds the data
    data = json.dumps({"rows": [_shown(row) for row in review.sample], "words": words}).replace("<", "\\u003c")
    return template.render(
        lang=lang, words=words, file=review.file.name, data=data, style=style, script=script, policy=policy
    )


def _shown(row: ReviewRow) -> dict[str, Any]:
    """A row as the page takes it; each passage as before, marked, behind."""
    passages = [[one.chunk, *map(plain, one.parts)] for one in row.excerpts]
    return row.model_dump(mode="json", exclude={"excerpts"}) | {"passages": passages}
