"""Inline markup made plain: what a reader sees of Markdown, HTML and JSX, on one line."""

from __future__ import annotations

import re
import unicodedata
from html import unescape

_IMAGE = re.compile(r"!\[[^\]]*\]\([^)]*\)(?:\{[^}]*\})?")
_LINK = re.compile(r"\[((?:[^\[\]]|\[[^\[\]]*\])*)\]\(([^)\s]*)[^)]*\)(?:\{[^}]*\})?")
_REFERENCE = re.compile(r"\[([^\[\]]+)\]\[[^\[\]]*\]")
_FOOTNOTE = re.compile(
    r"\[\^[^\]\s]+\]|<sup>\s*\[?\d{1,3}\]?\s*</sup>"
    r"|(?<=\w)\\?\[\d{1,3}\\?\](?!\()|(?<=[€$£%)»”\"])[¹²³⁴⁵⁶⁷⁸⁹]+",
    re.IGNORECASE,
)
_AUTOLINK = re.compile(r"<((?:https?|ftp|mailto):[^<>\s]+|[^<>\s@]+@[^<>\s@]+)>")
_BREAK = re.compile(r"\s*<br\s*/?>\s*", re.IGNORECASE)
#: HTML by its names, and JSX by its capital and an attribute or a slash: "<num>" and "<Name>" are placeholders.
_TAG = re.compile(
    r"</?(?:a|abbr|b|big|blockquote|center|cite|code|dd|del|details|div|dl|dt|em|figcaption|figure|font|h[1-6]|hr|i|iframe"
    r"|img|ins|kbd|li|mark|ol|p|picture|pre|q|s|samp|section|small|source|span|strike|strong|style|sub|summary|sup|svg"
    r"|table|tbody|td|th|thead|tr|tt|u|ul|var|video)(?:\s[^<>]*)?/?>"
    r"|</[A-Z][\w.]*\s*>|<[A-Z][\w.]*(?:\s[^<>]*|\s*/)>",
    re.IGNORECASE,
)
#: "{% hint %} ... {% endhint %}" around a text.
_AROUND = re.compile(r"\{%-?\s*([\w-]+)[^%]*%\}(.*?)\{%-?\s*end\1\s*-?%\}", re.DOTALL)
#: Tags of site generators ("{{< fa >}}", "{% hint %}" before a text), attributes of a heading ("{#id}", "{: .table }").
#: What "{% channel %}" in the midst of a sentence stands for isn't known: it stays.
_TEMPLATE = re.compile(r"^\s*\{%.*?%\}|\{%[^%]*%\}\s*$|\{\{[<%].*?[>%]\}\}|\s*\{[:#.][^{}]*\}", re.MULTILINE)
#: A line of Markdown that ends so is broken there.
_HARD_BREAK = re.compile(r"\\+(?=\s|$)")
_JSX = re.compile(r"<[A-Z][\w.]*>|\{/\*.*?\*/\}")
_CODE = re.compile(r"(`+)(?=\S)(.+?)(?<=\S)\1")
#: What is struck out doesn't hold any longer.
_STRUCK = re.compile(r"~~(?=\S).+?(?<=\S)~~|<(del|s|strike)(?:\s[^<>]*)?>.*?</\1\s*>", re.IGNORECASE)
_STRONG = re.compile(r"(\*\*\*|\*\*|==)(?=\S)(.+?)(?<=\S)\1")
_UNDERSCORES = re.compile(r"(?<!\w)(___|__|_)(?=[^\s_])(.+?)(?<=[^\s_])\1(?!\w)")
_STARS = re.compile(r"(?<![\w*])\*(?=[^\s*])([^*]+?)(?<=[^\s*])\*(?!\w|\*)")
_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")
_MARKED_UP = re.compile(r"[\[<&`*_~\\{=¹²³⁴⁵⁶⁷⁸⁹\u0300-\u036f\ufb00-\ufb06\xad\u200b-\u200d\u2060\ufeff]")
_INVISIBLE = re.compile(r"[\xad\u200b-\u200d\u2060\ufeff]")
_PICTOGRAPHS = re.compile("[0-9#*]\ufe0f?\u20e3|[\u2190-\u2bff\ufe0f\u200d\U0001f000-\U0001faff]+")
_LIGATURES = str.maketrans(
    {"\ufb00": "ff", "\ufb01": "fi", "\ufb02": "fl", "\ufb03": "ffi", "\ufb04": "ffl", "\ufb05": "st", "\ufb06": "st"}
)


def plain_text(value: str) -> str:
    """One line as a reader sees it: the text of a link, no emphasis, entity, footnote mark, tag or ligature."""
    if _MARKED_UP.search(value):
        value = _without_markup(value)
    return " ".join(value.split())


def without_pictographs(text: str) -> str:
    """A heading or a label as a name, without the signs that decorate it."""
    return text if text.isascii() else " ".join(_PICTOGRAPHS.sub(" ", text).split())


def is_marked_up(text: str) -> bool:
    """Whether `plain_text` may change more than the white space."""
    return _MARKED_UP.search(text) is not None


def _without_markup(text: str) -> str:
    kept: list[str] = []  # code is shown as it is written

    def keep(found: re.Match[str]) -> str:
        kept.append(found[2])
        return f"\x00{len(kept) - 1}\x00"

    text = _CODE.sub(keep, text.replace("\x00", ""))
    text = _TEMPLATE.sub("", _AROUND.sub(r"\2", _IMAGE.sub("", _STRUCK.sub("", text))))
    text = _FOOTNOTE.sub("", text)
    text = _LINK.sub(lambda link: link[1] or link[2], text)
    text = _REFERENCE.sub(r"\1", text)
    text = _AUTOLINK.sub(r"\1", text)
    text = _JSX.sub("", _TAG.sub("", _BREAK.sub(" ", text)))
    text = _STARS.sub(r"\1", _UNDERSCORES.sub(r"\2", _STRONG.sub(r"\2", _STRONG.sub(r"\2", text))))
    text = _ESCAPED.sub(r"\1", _HARD_BREAK.sub("", text))
    text = re.sub("\x00(\\d+)\x00", lambda found: kept[int(found[1])], text)
    text = unescape(text).translate(_LIGATURES)
    return unicodedata.normalize("NFC", _INVISIBLE.sub("", text))
