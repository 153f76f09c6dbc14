"""The YAML or TOML block at the top of a Markdown file: the fields that say something of the page, as texts."""

from __future__ import annotations

import re
import tomllib
from datetime import date
from typing import Any

import yaml

# A blank line behind the first rule: a rule and a paragraph, no block.
_BLOCK = re.compile(r"\A---[^\S\n]*\n(?![^\S\n]*\n)(.*?)\n?(?:---|\.\.\.)[^\S\n]*(?:\n|\Z)", re.DOTALL)
#: Hugo's other form.
_TOML = re.compile(r"\A\+\+\+[^\S\n]*\n(.*?)\n?\+\+\+[^\S\n]*(?:\n|\Z)", re.DOTALL)
_SCALAR = str | int | float | date
#: Of the file, not of the page: they are no fields.
_OF_THE_FILE = frozenset(("id", "document", "headings"))
#: How site generators lay a page out (Jekyll, Hugo, Docusaurus, MkDocs, VuePress, Sphinx); nobody asks for it.
_LAYOUT = frozenset(
    "aliases alias bookcollapsesection cascade class classes collapsible comments css cssclass custom_edit_url draft "
    "edit_url editlink excerpt_separator favicon featured footer geometry grand_parent has_children has_toc head "
    "header hero hide hide_table_of_contents hide_title icon ignore image images index js_dir keywords lang language "
    "last_modified lastmod layout linktitle locale mathjax math menu meta_description meta_title nav nav_exclude "
    "nav_order navbar next og order orphan outline output pagination pagination_label pagination_next pagination_prev "
    "params parent parse_math permalink position prev published redirect redirect_from redirect_to render robots rank "
    "search search_exclude seo show show_toc sidebar sidebar_class_name sidebar_custom_props sidebar_label "
    "sidebar_position sitemap sitemap_exclude slug social_image tags template theme thumbnail toc toc_depth "
    "toc_max_heading_level toc_min_heading_level tocdepth type unlisted url uuid visible weight".split()
)
#: "guide_weight", "menu_order"
_PLACED = re.compile(r"\w+[_-](?:weight|order|position)", re.IGNORECASE)
_DEEPEST = 3


def front_matter(text: str) -> tuple[dict[str, str], str]:
    """(fields, the rest of the file). No fields, and the whole text, where it doesn't begin with such a block.

    Fields of fields stand beside the others, under their own names; of a list of records their names or titles.
    """
    block = _BLOCK.match(text) or _TOML.match(text)
    if block is None:
        return {}, text
    try:
        fields = tomllib.loads(block[1]) if text.startswith("+") else yaml.safe_load(block[1])
    except (yaml.YAMLError, ValueError, RecursionError):  # ValueError: no TOML, or the 31st of February
        return {}, text  # a rule, a paragraph and a rule: text like any other
    if not isinstance(fields, dict):
        return {}, text
    kept: dict[str, str] = {}
    _keep(fields, kept, 1)
    return kept, text[block.end() :]


def _keep(fields: dict[Any, Any], kept: dict[str, str], depth: int) -> None:
    for name, value in fields.items():
        layout = str(name).lower().replace("-", "_") in _LAYOUT or _PLACED.fullmatch(str(name))
        if layout or str(name) in _OF_THE_FILE:
            continue
        if isinstance(value, dict) and depth < _DEEPEST:
            if said := _said(_name_in(value)):  # "owner: {name: Ann, ...}" is about Ann
                kept.setdefault(str(name), said)
            _keep(value, kept, depth + 1)
        elif said := _said(value):
            kept.setdefault(str(name), said)


def _said(value: Any) -> str:
    """A value as a text; "" for one that says nothing, or only yes or no to whoever builds the site."""
    if isinstance(value, bool) or value is None:
        return ""
    if isinstance(value, list):
        parts = [_said(_name_in(part)) for part in value]
        return ", ".join(parts) if all(parts) else ""
    return str(value).strip() if isinstance(value, _SCALAR) else ""


def _name_in(part: Any) -> Any:
    """Of a record the value that names it."""
    if not isinstance(part, dict):
        return part
    return next((part[name] for name in ("name", "nom", "title", "titre", "label") if name in part), None)
