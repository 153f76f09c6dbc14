"""Packs: what labels mean and how they are asked about, as data: `rules/fr.yaml`, `rules/en.yaml`, a user's own."""

from __future__ import annotations

import re
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from string import Formatter
from typing import Any

import yaml
from pydantic import BaseModel, Field, ValidationError, field_validator

from dyag_core.errors import UsageError, nearest
from dyag_core.normalise import fold

PLACEHOLDERS = frozenset(
    "subject of_subject that_subject possessive noun bare which is label value chunk "
    "noun_other bare_other which_other value_other".split()
)


def _checked(template: str) -> str:
    try:
        names = {name for _, name, _, _ in Formatter().parse(template) if name is not None}
    except ValueError as error:
        raise ValueError(f"{template!r}: {error}") from error
    for name in names - PLACEHOLDERS:
        raise ValueError(f"{template!r} holds the unknown placeholder {{{name}}}. {nearest(name, PLACEHOLDERS)}")
    return template


class Kind(BaseModel, extra="forbid"):
    """Labels that mean one thing, and particular ways to ask about it. The first question is the canonical one."""

    labels: list[str]
    noun: str | None = None
    gender: str | None = None
    canonical: str | None = None
    questions: list[str] = Field(default_factory=list)
    answer: str | None = None
    broad: bool = False

    @field_validator("questions")
    @classmethod
    def _questions(cls, templates: list[str]) -> list[str]:
        return [_checked(template) for template in templates]

    @field_validator("canonical", "answer")
    @classmethod
    def _one(cls, template: str | None) -> str | None:
        return _checked(template) if template else template


class Pattern(BaseModel, extra="forbid"):
    """A regular expression whose group `value` is a fact's value; `attribute` names it (or the group `label` does)."""

    pattern: str
    attribute: str | None = None

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, pattern: str) -> str:
        try:
            groups = re.compile(pattern, re.MULTILINE).groupindex
        except re.error as error:
            raise ValueError(f"{pattern!r} is no regular expression: {error}") from error
        if "value" not in groups:
            raise ValueError(f"{pattern!r} has no group (?P<value>...)")
        return pattern


class Absent(BaseModel, extra="forbid"):
    """A noun phrase that documents seldom tell about, and words that show that one does."""

    noun: str
    gender: str | None = None
    words: list[str] = Field(default_factory=list)


class Pack(BaseModel, extra="forbid"):
    """Everything that a language, or a user, says about asking."""

    missing: list[str] = Field(default_factory=list)
    skipped: list[str] = Field(default_factory=list)
    nouns: dict[str, list[str]] = Field(default_factory=dict)
    endings: dict[str, list[str]] = Field(default_factory=dict)
    adjectives: list[str] = Field(default_factory=list)
    no_elision: list[str] = Field(default_factory=list)
    frames: list[str] = Field(default_factory=list)
    label_frames: list[str] = Field(default_factory=list)
    combined: list[str] = Field(default_factory=list)
    combined_answer: str = ""
    answer: str = ""
    label_answer: str = ""
    source: str = ""
    kinds: list[Kind] = Field(default_factory=list)
    absent: list[Absent] = Field(default_factory=list)
    patterns: list[Pattern] = Field(default_factory=list)

    @field_validator("frames", "label_frames", "combined")
    @classmethod
    def _templates(cls, templates: list[str]) -> list[str]:
        return [_checked(template) for template in templates]

    def under(self, own: Pack) -> Pack:
        """This pack with a user's `own` before it: lists are put in front, single templates are replaced."""
        merged: dict[str, Any] = {}
        for name in Pack.model_fields:
            mine, theirs = getattr(self, name), getattr(own, name)
            if isinstance(mine, list):
                merged[name] = [*theirs, *mine]
            elif isinstance(mine, dict):
                merged[name] = {key: [*theirs.get(key, []), *mine.get(key, [])] for key in {**mine, **theirs}}
            else:
                merged[name] = theirs or mine
        return Pack.model_construct(**merged)


@lru_cache(maxsize=8)
def load_pack(lang: str, rules: Path | None = None) -> Pack:
    """The pack of a language with the user's own rules before it.

    Raises:
        UsageError: the user's file is missing, is no YAML, or says something that isn't understood.
    """
    text = files("dyag_plugins.generators").joinpath("rules", f"{lang}.yaml").read_text("utf-8")
    built_in = Pack.model_validate(_yaml(text))
    return built_in.under(_own_rules(rules)) if rules else built_in


def _yaml(text: str) -> Any:
    """YAML whose scalars all stay texts: `no`, `null` and `1.0` are words here."""
    return yaml.load(text, Loader=yaml.BaseLoader)


def _own_rules(path: Path) -> Pack:
    try:
        content = _yaml(path.read_text("utf-8")) or {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UsageError(f"{path}: can't be read as YAML: {' '.join(str(error).split())}") from error
    if not isinstance(content, dict):
        raise UsageError(f"{path}: holds a {type(content).__name__}, keys like kinds: and patterns: were expected")
    try:
        return Pack.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        unknown = first["type"] == "extra_forbidden"
        known = Pack.model_fields if len(first["loc"]) == 1 else Kind.model_fields
        hint = nearest(str(first["loc"][-1]), known) if unknown else None
        raise UsageError(f"{path}: {where}: {'unknown key' if unknown else first['msg']}", hint) from error


@lru_cache(maxsize=65536)
def label_key(label: str) -> str:
    """A label in the form in which labels are compared."""
    return " ".join(re.findall(r"\w+", fold(label.replace("_", " "))))
