"""Signatures, docstrings, types and values of the code as Markdown."""

from __future__ import annotations

import inspect
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel


def signature(name: str, function: Callable[..., Any]) -> str:
    """As in the source: annotations are texts there, and stay so."""
    pieces: list[str] = []
    starred = False
    for parameter in inspect.signature(function).parameters.values():
        if parameter.name == "self":
            continue
        if parameter.kind is parameter.VAR_POSITIONAL:
            starred = True
        elif parameter.kind is parameter.KEYWORD_ONLY and not starred:
            pieces.append("*")
            starred = True
        marks = "*" if parameter.kind is parameter.VAR_POSITIONAL else ""
        marks = "**" if parameter.kind is parameter.VAR_KEYWORD else marks
        annotation = "" if parameter.annotation is parameter.empty else f": {parameter.annotation}"
        default = "" if parameter.default is parameter.empty else f" = {parameter.default!r}"
        pieces.append(f"{marks}{parameter.name}{annotation}{default}")
    returns = inspect.signature(function).return_annotation
    line = f"{name}({', '.join(pieces)}) -> {returns}"
    return line if len(line) <= 100 else f"{name}(\n    " + ",\n    ".join(pieces) + f",\n) -> {returns}"


def docstring(thing: Any) -> str:
    """A docstring as Markdown: sections become lists, indented blocks become code."""
    blocks: list[str] = []
    for block in re.split(r"\n{2,}(?! )", _own_docstring(thing)):
        section = re.fullmatch(r"(Args|Raises|Returns|Yields):\n(.*)", block, re.DOTALL)
        if section:
            lines = re.sub(r"\n {5,}", " ", section[2]).splitlines()
            blocks.append("\n".join(plain(f"- `{line.strip()}".replace(":", "`:", 1)) for line in lines))
            continue
        text, _, example = block.partition("\n\n    ")
        blocks.append(plain(text))
        if example:
            blocks.append(f"```python\n{inspect.cleandoc('    ' + example)}\n```")
    return "\n\n".join(blocks)


def _own_docstring(thing: Any) -> str:
    text = thing.__doc__ or ""
    return "" if text.startswith(f"{getattr(thing, '__name__', '')}(") else inspect.cleandoc(text)


def plain(text: str) -> str:
    """Text with what Markdown would take for markup written out, but for code between backticks."""
    parts = re.split(r"(`[^`]*`)", text)
    return "".join(part if part.startswith("`") else re.sub(r"([<*|\[\]])", r"\\\1", part) for part in parts)


def type_of(annotation: Any, owner: type) -> str:
    """A type as it stands in the source; the name of a choice is replaced by what there is to choose from."""
    text = annotation if isinstance(annotation, str) else getattr(annotation, "__name__", str(annotation))
    text = re.sub(r"Annotated\[(.*), BeforeValidator\(\w+\)\]", r"\1", text)
    known = vars(sys.modules[owner.__module__])
    choices = {name: value for name, value in known.items() if get_origin(value) is Literal}
    for name in re.findall(r"\w+", text):
        if name in choices:
            text = text.replace(name, " | ".join(json.dumps(choice) for choice in get_args(choices[name])))
    return code(text)


def value(thing: Any) -> str:
    """A default as it would be typed; nothing for None."""
    value = thing.model_dump(mode="json") if isinstance(thing, BaseModel) else thing
    if value is None or value is ...:
        return ""
    text = value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False, default=_name)
    return code(text)


def _name(value: Any) -> Any:
    if isinstance(value, set | frozenset):
        return sorted(map(str, value))
    return value.as_posix() if isinstance(value, Path) else type(value).__name__


def code(text: str) -> str:
    """Code in a sentence."""
    return f"`{text}`" if text else ""


def table(headers: list[str], rows: list[list[str]]) -> str:
    """A table; cells are Markdown already."""
    lines = [headers, ["---"] * len(headers), *rows]
    return "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines)


def _cell(text: str) -> str:
    return re.sub(r"(?<!\\)\|", r"\\|", " ".join(text.split()))
